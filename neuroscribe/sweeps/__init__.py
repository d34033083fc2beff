"""Sweeps: many units of a site explained as one job. ``docs/sweeps.md`` is for users.

:mod:`neuroscribe.sweeping` is the way in. :mod:`~neuroscribe.sweeps.request` says what is asked of
every unit, :mod:`~neuroscribe.sweeps.units` of which ones, :mod:`~neuroscribe.sweeps.estimate` what
that is likely to cost; :mod:`~neuroscribe.sweeps.work` does it, within the budget that
:mod:`~neuroscribe.sweeps.shared_budget` shares with other processes, and
:mod:`~neuroscribe.sweeps.summary` says what came of it.
"""
