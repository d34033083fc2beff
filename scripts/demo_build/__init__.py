"""The parts of `scripts/build_demo_subjects.py`: how the shipped demo subjects are made.

Read in this order: `data` (what they are trained on), `tokenizer`, `models` (the recipes),
`training`, then `evaluation` and `units` (what their cards say).
"""
