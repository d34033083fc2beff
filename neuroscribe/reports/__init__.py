"""What the stored answers of a whole site come to.

Read :mod:`documents` (what ``report --json`` prints), :mod:`site` (everything joined),
:mod:`distributions` (one figure over all units, beside its null and its baselines),
:mod:`discoveries` (how many units are called explained by chance) and :mod:`reliability` (whether
scorers agree on which units are explained well). No model is loaded and nothing is computed again.
"""
