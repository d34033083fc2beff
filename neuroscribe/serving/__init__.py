"""The desk behind the service: subjects, the store and workers, put together for HTTP.

:mod:`neuroscribe.serving.desk` answers, :mod:`neuroscribe.serving.worker` does jobs, and
:mod:`neuroscribe.serving.server` starts and stops both.
"""
