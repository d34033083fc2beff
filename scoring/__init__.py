"""From a claim to a figure that can be believed: simulators, scores, intervals, nulls, baselines.

Read :mod:`statistics` (weighted correlation and its bootstrap), :mod:`samples` (which excerpts a
mode scores and with what weight), :mod:`baselines` (what a token list reaches), :mod:`score`
(everything joined into a ``Score``), :mod:`verdict` (the rule that may say "abstained"),
:mod:`agreement` (whether people's ratings agree with scores and with each other),
:mod:`comparison` (whether one explanation or method is better than another) and
:mod:`discovery_rate` (how many of many units are called explained by chance). Nothing here knows a
model, a database or a tensor library: arrays come in, records go out.
"""
