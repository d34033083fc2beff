"""Blind ratings of explanations by people, from 1 to 5.

Read :mod:`claims` (what there is to rate), :mod:`session` (what is asked, in which order, beside
which excerpts, and the controls), :mod:`asking` (one rating after the other), :mod:`page` (the same
questions in a file, and its answers back) and :mod:`report` (do ratings agree with scores).
Nothing that could tell a rater what to answer is part of an item: no score, verdict, method or
simulated value.
"""
