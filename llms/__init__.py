"""Language models behind one interface: what may be asked, by whom it is served, what it costs.

Read :mod:`llms.protocol` first. A provider (:mod:`llms.providers`) turns one request into one HTTP
call or one batch of an engine; :mod:`llms.wrappers` put record, budget, retries and limits around
it, each a model itself; :func:`llms.open.open_model` composes them from a name such as
``openai:MODEL@BASE_URL``. No SDK is imported before a model of its provider is opened.
"""
