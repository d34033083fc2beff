"""Talk about units: a language model, or the built-in planner, with tools that only we define.

Start with :mod:`agent.chat.graph`, a LangGraph loop (speak, weigh, confirm, work, check);
:mod:`agent.chat.session` is what a command line or a server calls. What tools there are is decided
by whoever composes (:class:`agent.chat.tools.ChatTool`); what they find is data and nothing else.
"""
