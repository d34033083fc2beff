"""The nouns every other floor speaks in: IDs, excerpts, explanations, scores, errors, settings.

Start with :mod:`core.ids` (what a unit is called), then :mod:`core.evidence` (what is shown about
it) and :mod:`core.results` (what is claimed about it). :mod:`core.patterns` is the small language
of explanations that has exactly one reading. Nothing here imports another floor, a tensor library
or a database.
"""
