"""Events of Google's Secret Manager: what they say, and which env entries they are about. Pure.

https://cloud.google.com/secret-manager/docs/event-notifications names the types and attributes. The secret's resource
name holds the project's number, and the configuration its id; nothing in an event joins the two, and asking Google
would cost a permission. So a number fits every project, and the secret's name and region decide. What is taken in
too much so looks once, reads nothing, and changes nothing; what would be left out is a change that nobody saw.
The message's data holds the resource as JSON. It is not read: all that is needed stands in the attributes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dreamnet_actions.domain.mapping import Mapper
from dreamnet_actions.domain.spec.env import EnvEntry
from dreamnet_actions.errors import RequestInvalid

KIND = "gcp-secret-manager"
"""The kind of source whose secrets these events are about."""
NEWER = frozenset({"SECRET_VERSION_ADD", "SECRET_VERSION_ENABLE"})
"""Types after which a version can be read that could not be before."""
CHANGES = NEWER | {
    "SECRET_UPDATE",  # labels and aliases: what is found, and what ``db@live`` is
    "SECRET_DELETE",
    "SECRET_VERSION_DISABLE",
    "SECRET_VERSION_DESTROY",
    "SECRET_VERSION_DESTROY_SCHEDULED",  # the version is disabled until then
}
"""Types after which an entry may read something else than before."""
TEST = "TOPIC_CONFIGURED"
"""What Secret Manager sends when a topic is given to a secret; it says nothing else."""
QUIET = frozenset({TEST, "SECRET_CREATE", "SECRET_ROTATE"})
"""Types that change no value: a secret that was just made has no version, and one that is due has no new one yet."""
_SECRET = re.compile(
    r"projects/(?P<project>[a-z0-9.:-]{1,100})(?:/locations/(?P<location>[a-z0-9-]{1,63}))?"
    r"/secrets/(?P<name>[A-Za-z0-9_-]{1,255})"
)
_VERSION = re.compile(rf"(?P<secret>{_SECRET.pattern})/versions/(?P<number>[1-9][0-9]{{0,8}})")
_LABEL = re.compile(r"(?:(?P<name>[^@#~]+)@)?(?P<number>[1-9][0-9]{0,8})(?:[#~].*)?")


@dataclass(frozen=True, kw_only=True)
class SecretEvent:
    """One event. ``secret`` is the secret's resource name, and ``version`` the number that the event is about; both
    empty in a test message. ``location`` is empty for a global secret."""

    type: str
    secret: str = ""
    project: str = ""
    location: str = ""
    name: str = ""
    version: str = ""

    @property
    def changed(self) -> str:
        """What a sync is told: the secret, and the version that it has to see at least, where there is such a one."""
        return (
            f"{self.secret}/versions/{self.version}" if self.version and self.type in NEWER else self.secret
        )

    def about(self, entries: Mapping[str, EnvEntry]) -> list[str]:
        """Answer the entries that may read the secret, by name. One that finds its secrets by label or by a filter of
        the service's is among them: only the service can tell, and the sync asks it."""
        return [name for name, entry in entries.items() if self._may_be_of(entry)]

    def _may_be_of(self, entry: EnvEntry) -> bool:
        if entry.from_.kind != KIND:
            return False
        source: Any = entry.from_.options.gcp_secret_manager
        if not self.project.isdecimal() and self.project != source.project:
            return False
        if self.location != (source.location or ""):
            return False
        mapper = Mapper(entry)
        try:
            refs = mapper.wanted([self.name] if mapper.lists else ()).refs
        except RequestInvalid:
            return True  # what is wrong with it is said when it is planned
        return any(one.name == self.name for one in refs)


def read(attributes: Mapping[str, str]) -> SecretEvent | str:
    """Read an event from a message's attributes; a text says why they make none."""
    kind = attributes.get("eventType", "")
    if kind == TEST:
        return SecretEvent(type=kind)
    if not kind:
        return "it has no attribute eventType, so it is no event of Secret Manager's"
    if kind not in CHANGES | QUIET:
        return f"its eventType {kind[:60]!r} is not known"
    secret = attributes.get("secretId", "")
    found = _SECRET.fullmatch(secret)
    if found is None:
        return f"its secretId {secret[:100]!r} names no secret"
    version = attributes.get("versionId", "")
    number = _VERSION.fullmatch(version)
    if version and (number is None or number["name"] != found["name"]):
        return f"its versionId {version[:100]!r} names no version of {secret}"
    return SecretEvent(
        type=kind,
        secret=secret,
        project=found["project"],
        location=found["location"] or "",
        name=found["name"],
        version=number["number"] if number else "",
    )


def told_version(secret: str) -> tuple[str, int] | None:
    """Answer the name and the number in a version's resource name; None for anything else."""
    found = _VERSION.fullmatch(secret)
    return (found["name"], int(found["number"])) if found else None


def seen_versions(findings: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Answer which versions of which secrets a sync saw, from its findings: the highest of each."""
    seen: dict[str, int] = {}
    for one in findings:
        for key in one.get("keys", ()):
            label = _LABEL.fullmatch(str(key.get("to") or ""))
            if label is not None:
                name = label["name"] or str(key["name"])
                seen[name] = max(seen.get(name, 0), int(label["number"]))
    return seen
