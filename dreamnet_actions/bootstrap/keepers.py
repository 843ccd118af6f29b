"""The four keepers on their ports, each made when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dreamnet_actions.domain.actions import Agent
from dreamnet_actions.keepers.context import Context
from dreamnet_actions.pipe import Keeper, Pipe
from dreamnet_actions.ports.platform import Platform

if TYPE_CHECKING:
    from dreamnet_actions.bootstrap.assembly import Assembly
    from dreamnet_actions.ports.flags import FlagStore


class Keepers(dict[Agent, Keeper]):
    """The four keepers, each made when it is asked for: a request pays for the one that it needs."""

    pipe: Pipe

    def __init__(
        self, assembly: Assembly, platforms: Mapping[str, Platform], flags: FlagStore | None
    ) -> None:
        super().__init__()
        self._assembly, self._platforms, self._flags = assembly, platforms, flags

    def __missing__(self, agent: Agent) -> Keeper:
        made = self[agent] = self._make(agent)
        return made

    def _make(self, agent: Agent) -> Keeper:
        of = self._assembly
        context = Context(
            config=of.config,
            platforms=self._platforms,
            clock=of.clock,
            ids=of.ids,
            journal=of.journal,
            lock=of.lock,
            reporter=of.reporter,
        )
        if agent == "dreamkeeper":
            from dreamnet_actions.keepers.dreamkeeper import DreamKeeper

            return DreamKeeper(
                context=context,
                dreams=of.dreams,
                bus=of.bus,
                probe=of.probe(),
                keeping=of.memory.keeping,
                house=of.house(),
                hosting=of.memory.hosting,
                notices=of.memory.notices,
                notifiers=of.notifiers(),
                page=of.memory.page,
            )
        if agent == "deploykeeper":
            from dreamnet_actions.bootstrap.releases import releases, told
            from dreamnet_actions.keepers.deploykeeper import DeployKeeper

            sources, builders = releases(of, self._platforms)
            return DeployKeeper(
                context=context,
                probe=of.probe(),
                sources=sources,
                builders=builders,
                reporter=told(of),
                metrics=of.metrics,
            )
        if agent == "envkeeper":
            from dreamnet_actions.bootstrap.entries import entries, flag_targets
            from dreamnet_actions.keepers.envkeeper import EnvKeeper

            return EnvKeeper(
                context=context,
                entries=entries(of, self._platforms),
                flag_store=self._flags,
                account=of.account(),
                flag_targets=flag_targets(of, self._platforms),
                probe=of.probe(),
                check=of.check_of_value,
            )
        from dreamnet_actions.keepers.relaybot import RelayBot

        return RelayBot(context=context, bus=of.bus, dreams=of.dreams, submit=self.pipe.submit)
