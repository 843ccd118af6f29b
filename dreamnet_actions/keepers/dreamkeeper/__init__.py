"""DreamKeeper: checks health, files problems as dreams, asks for remedies, proves them, learns."""

from dreamnet_actions.keepers.dreamkeeper.keeper import DreamKeeper

__all__ = ["DreamKeeper"]
