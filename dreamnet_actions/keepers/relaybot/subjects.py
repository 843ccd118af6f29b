"""What a message is about when it does not say so: the services whose dreams ask for it, or whose branch was pushed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dreamnet_actions.domain.dream import ENDED
from dreamnet_actions.domain.message import Message
from dreamnet_actions.domain.remedy import MESSAGES
from dreamnet_actions.domain.spec.models import Config, Route
from dreamnet_actions.errors import NotFound
from dreamnet_actions.ports.stores import DreamStore

REMEDY_BY_MESSAGE: Mapping[str, str] = {name: remedy for remedy, (name, _) in MESSAGES.items()}


def subjects(
    message: Message, rule: Route, config: Config, dreams: DreamStore
) -> Sequence[Mapping[str, Any]]:
    """Answer what to add to the message's data, one for each thing that it is about; empty: about nothing.

    A remedy's message without a service is about the services whose open dream names that remedy. A push is about
    the services that are released from that branch. Any other message is about what it says itself.
    """
    if message.name in REMEDY_BY_MESSAGE and "service" not in message.data:
        return _asking_for(REMEDY_BY_MESSAGE[message.name], config, dreams)
    if rule.input.get("action") == "deploy" and "branch" in message.data and "service" not in message.data:
        return _released_from(str(message.data["branch"]), message, config)
    return [_placed(message, config)]


def outdated(message: Message, dreams: DreamStore) -> str | None:
    """Say why a remedy that DreamKeeper asked for is no longer wanted; None where it is, or where it never was its.

    A message may wait long (a pause, an outage of ours); what its dream no longer waits for is not done any more.
    """
    number = str(message.data.get("dream", ""))
    if message.name not in REMEDY_BY_MESSAGE or not (number.isascii() and number.isdecimal()):
        return None
    if len(number) > 9 or not message.correlation_id.startswith(f"dream-{number}-"):
        return None
    try:
        dream = dreams.get(int(number))
    except NotFound:
        return None
    if dream.state not in ("healing", "verifying"):
        return f"dream {number} is {dream.state} by now"
    if message.id != f"{dream.correlation_id}-{dream.attempt}":
        return f"dream {number} waits for another remedy by now"
    return None


def _asking_for(remedy: str, config: Config, dreams: DreamStore) -> list[dict[str, Any]]:
    return [
        {
            "service": dream.service,
            "target": dream.platform,
            "key": dream.key,
            "dream": str(dream.number),
            "remedy": remedy,
        }
        for dream in dreams.search()
        if dream.state not in ENDED and dream.remedy == remedy and dream.service in config.services
    ]


def _released_from(branch: str, message: Message, config: Config) -> list[dict[str, Any]]:
    revision = message.data.get("revision")
    return [
        {
            "service": name,
            "target": spec.platform,
            "key": f"{spec.platform}/{name}",
            "version": revision,
            "reason": f"push to {branch}",
        }
        for name, spec in config.services.items()
        if spec.release is not None and spec.release.repository is not None and spec.release.branch == branch
    ]


def _placed(message: Message, config: Config) -> dict[str, Any]:
    """Add the key of the service that the message names, where it lacks one."""
    name = message.data.get("service")
    if name in config.services and "key" not in message.data:
        return {"key": f"{config.services[name].platform}/{name}"}
    return {}
