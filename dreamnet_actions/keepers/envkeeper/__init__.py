"""EnvKeeper: keeps values and flags in step from their source to where services read them, and takes them back."""

from dreamnet_actions.keepers.envkeeper.keeper import EnvKeeper

__all__ = ["EnvKeeper"]
