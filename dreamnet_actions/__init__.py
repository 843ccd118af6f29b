"""DreamNet: a repository that operates itself.

Four keepers (DreamKeeper, DeployKeeper, EnvKeeper, RelayBot) behind one contract, ``AgentRequest`` in and
``AgentResult`` out. ``docs/architecture.md`` is the map of this package.
"""

__version__ = "0.1.0"
