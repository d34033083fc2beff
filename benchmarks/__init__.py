"""Measured figures and how to repeat them: ``python -m benchmarks.NAME [--json]``.

Machines are noisy, so every benchmark compares things within one run and prints ratios with their
spread over repeats. Nothing here is imported by the product.
"""
