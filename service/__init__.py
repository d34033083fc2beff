"""The HTTP API and the web page, over what others do: nothing here explains, scores or stores.

Start reading at :mod:`service.app`, which puts the routes together, and :mod:`service.desk`, which
says what the service needs done. Every answer that is no success is a problem document
(:mod:`service.problems`).
"""
