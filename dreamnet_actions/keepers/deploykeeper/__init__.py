"""DeployKeeper: releases, proves, takes back; restarts and scales without making it worse."""

from dreamnet_actions.keepers.deploykeeper.keeper import DeployKeeper

__all__ = ["DeployKeeper"]
