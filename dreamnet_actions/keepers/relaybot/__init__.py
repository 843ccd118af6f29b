"""RelayBot: carries messages between keepers, stored first and in effect once; routes events and webhooks."""

from dreamnet_actions.keepers.relaybot.keeper import RelayBot

__all__ = ["RelayBot"]
