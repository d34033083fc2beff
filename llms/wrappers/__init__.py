"""What is put around a provider, from the outside in: record, budget, retry, limits.

A recorded answer costs no slot, a waiting retry holds none, and failed attempts are counted.
"""
