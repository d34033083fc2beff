"""``neuroscribe doctor``: looks at an installation and says what is wrong and what to do.

Nothing is changed: no folder is made, no database brought up to date, no model fetched. Start with
:mod:`examine`, which puts the checks in order; :mod:`installation` looks at Python, packages and
the device, :mod:`places` at the home folder and the databases, :mod:`indexes` at what was
collected, :mod:`models` at the demo subject and language models.
"""

from neuroscribe.doctor.check import Check, Diagnosis
from neuroscribe.doctor.examine import examine

__all__ = ["Check", "Diagnosis", "examine"]
