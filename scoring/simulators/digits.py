"""The scale of simulators that read probabilities: single digits.

Tokenizers differ in how they split ``10``: read as a first token, ``1`` would then stand for both
1 and 10. Every digit from 0 to 9 is one token in all of them, so activity is asked for on 0-9 and
stretched to the 0-10 that all simulators give.
"""

DIGITS = tuple("0123456789")
SCALE = {digit: value * 10.0 / 9.0 for value, digit in enumerate(DIGITS)}


def digit(activation: int) -> int:
    """An activation from 0 to 10 on the scale of one digit."""
    return round(activation * 0.9)
