"""What every keeper has at hand: the configuration, time, the journal, leases, and what a request means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.domain.request import AgentRequest
from dreamnet_actions.domain.spec.models import Config, Service
from dreamnet_actions.errors.configuration import ConfigLacks
from dreamnet_actions.ports.platform import Platform
from dreamnet_actions.ports.stores import Journal, Lock
from dreamnet_actions.ports.system import Clock, Ids, Reporter

SELF = "self"
"""The target that is this system."""


@dataclass(frozen=True, kw_only=True)
class Context:
    """The ports and settings that all keepers share."""

    config: Config
    platforms: Mapping[str, Platform]
    clock: Clock
    ids: Ids
    journal: Journal
    lock: Lock
    reporter: Reporter

    def note(
        self,
        kind: str,
        text: str,
        *,
        request: AgentRequest | None = None,
        service: str = "",
        dream: str = "",
        correlation_id: str = "",
        data: Mapping[str, object] | None = None,
    ) -> Fact:
        """Write one fact to the journal, and say it."""
        fact = Fact(
            kind=kind,
            at=self.clock.now(),
            text=text,
            service=service,
            dream=dream,
            correlation_id=correlation_id or (request.correlation_id if request else ""),
            data=data or {},
        )
        self.reporter.say(text)
        return self.journal.append(fact)[0]

    def services(self, target: str | None, cluster: str | None, service: str | None) -> dict[str, Service]:
        """Answer the services that a request means, by name.

        ``target`` is a platform's name, else a platform's kind, or ``self`` (this system: all there is); ``cluster``
        must match and picks among several.
        Raises ConfigLacks with the lines to add where the configuration lacks what is named.
        """
        platforms = self._platforms(target, cluster)
        if service is not None and service not in self.config.services:
            raise lacks_service(service, self.config)
        return {
            name: spec
            for name, spec in self.config.services.items()
            if spec.platform in platforms and service in (None, name)
        }

    def platform_of(self, service: str) -> Platform:
        """Answer the platform that a configured service runs on."""
        return self.platforms[self.config.services[service].platform]

    def key(self, service: str) -> str:
        """Answer the service's key in dreams and journal: ``platform/service``."""
        return f"{self.config.services[service].platform}/{service}"

    def _platforms(self, target: str | None, cluster: str | None) -> list[str]:
        chosen = self.config.platforms
        if target in chosen:
            names = [target]
        elif target in (None, SELF):
            names = list(chosen)
        else:
            names = [name for name, one in chosen.items() if one.kind == target]
            if not names:
                raise lacks_platform(target, cluster, self.config)
        if cluster is None:
            return names
        matching = [name for name in names if getattr(chosen[name].options, "cluster", None) == cluster]
        if not matching:
            raise lacks_cluster(names, cluster, self.config)
        return matching


def lacks_platform(target: str, cluster: str | None, config: Config) -> ConfigLacks:
    """Say that no platform has that name or kind, with the lines that would add one."""
    options = f"{{cluster: {cluster}}}" if cluster else "{}"
    return ConfigLacks(
        f"platform {target!r}",
        config.platforms,
        section="platforms",
        lines=f"platforms:\n  {target}: {{process: {options}}}",
    )


def lacks_cluster(names: list[str], cluster: str, config: Config) -> ConfigLacks:
    """Say that the named platforms are not that cluster, with the lines that would make one so."""
    name = names[0] if names else "gke"
    kind = config.platforms[name].kind if name in config.platforms else "process"
    return ConfigLacks(
        f"cluster {cluster!r} on {', '.join(names) or 'any platform'}",
        [c for one in config.platforms.values() if (c := getattr(one.options, "cluster", None))],
        section="platforms",
        lines=f"platforms:\n  {name}: {{{kind}: {{cluster: {cluster}}}}}",
    )


def lacks_service(service: str, config: Config) -> ConfigLacks:
    """Say that no service has that name, with the lines that would add one."""
    platform = next(iter(config.platforms), "local")
    return ConfigLacks(
        f"service {service!r}",
        config.services,
        section="services",
        lines=f"services:\n  {service}:\n    platform: {platform}\n    command: [python, -m, http.server, '{{port}}']\n"
        f"    port: 8080",
    )
