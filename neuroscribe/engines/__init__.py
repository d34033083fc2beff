"""Engines: where work is done when one process is not enough. ``docs/engines.md`` is for users.

Start with :mod:`neuroscribe.engines.work` (what can be sent to another process), then
:mod:`neuroscribe.engines.pool` (who sends it, and what happens when a process dies).
:mod:`neuroscribe.engines.shards` collects an index with it, :func:`neuroscribe.engines.pool.\
run_on_each` runs one job on many workers. ``ray`` itself is imported when it is needed.
"""
