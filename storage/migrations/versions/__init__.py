"""One file a step, ``v<revision>_<what>.py``; a released one is never edited."""
