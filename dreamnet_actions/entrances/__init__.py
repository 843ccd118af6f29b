"""Entrances: a raw form in, an AgentResult out, nothing else. They know the pipe and bootstrap, never an adapter."""
