"""Methods that find the units worth asking about: each turns a question into units with figures.

A method returns a :class:`core.findings.Finding`; whoever called stores it. No language model is
asked here and nothing is stored. Start in :mod:`discovery.probing`.
"""
