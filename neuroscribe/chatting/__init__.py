"""The chat's tools over a workspace, and the conversation they are opened for.

:mod:`neuroscribe.chatting.opening` composes it; :mod:`neuroscribe.chatting.desk` is what every tool
works with; each other module holds the functions of some tools, with their arguments.
"""
