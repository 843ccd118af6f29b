"""Env entries with their adapters, the plan of a sync, and the words for it. Names and versions only, never values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from dreamnet_actions.domain.result import Change
from dreamnet_actions.domain.secret import KeyPlan, SinkState, Versioned
from dreamnet_actions.domain.spec.models import EnvEntry
from dreamnet_actions.domain.validation import Trouble
from dreamnet_actions.errors import ConfigError
from dreamnet_actions.errors.configuration import ConfigLacks
from dreamnet_actions.ports.secrets import Hashing, SecretSink, SecretSource
from dreamnet_actions.ports.site import HASH_KEY

WHOLE = frozenset(
    {"dotenv", "process", "github-secrets", "github-variables", "kubernetes-secret", "kubernetes-configmap"}
)
"""Kinds of sinks in which everything that is ours comes from one entry."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One env entry of the configuration with its adapters."""

    name: str
    spec: EnvEntry
    source: SecretSource
    sinks: Sequence[SecretSink]
    place: Callable[[str], tuple[str, int, int] | None] = lambda _: None
    """Answers where the configuration speaks of a name of the entry: file, line and column."""

    def where(self) -> str:
        """Answer where the configuration has the entry, for the end of a sentence; nothing where that is not known."""
        place = self.place("")
        return f" ({':'.join(map(str, place))})" if place else ""


@dataclass(frozen=True, kw_only=True)
class SinkPlan:
    """What a sync does to one sink."""

    entry: Entry
    sink: SecretSink
    state: SinkState
    keys: tuple[KeyPlan, ...]
    values: Mapping[str, Versioned]
    """The names that are written anew."""
    keep: Mapping[str, str]
    """The names that stay as the sink holds them, with their versions."""
    pins: Mapping[str, str]
    """The version of every value of the source that this was planned with, by its reference."""
    spans: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """From when to when the values are valid that were read and have a form that expires, by name."""
    warnings: Sequence[Trouble] = ()
    """What was found with the entry's values that does not keep them from being written."""

    @property
    def versions(self) -> dict[str, str]:
        """The version of every name that it is to hold."""
        return {**self.keep, **{name: one.version for name, one in self.values.items()}}

    @property
    def changes(self) -> list[KeyPlan]:
        """The names that change."""
        return [key for key in self.keys if key.effect != "unchanged"]


def lacks_entry(name: str, entries: Mapping[str, Entry]) -> ConfigLacks:
    """Say that no entry or source has that name, with the lines that would add one."""
    return ConfigLacks(
        f"env entry or source {name!r}",
        entries,
        section="env",
        lines=f"env:\n  {name}: {{from: {{dotenv: app.env}}, to: [{{process: web}}]}}",
    )


def see_that_none_share(entries: Iterable[Entry]) -> None:
    """Raise ConfigError where two entries write the same place: each would take the other's names away."""
    seen: dict[str, str] = {}
    for entry in entries:
        for sink, chosen in zip(entry.sinks, entry.spec.to, strict=True):
            if chosen.kind in WHOLE and (first := seen.setdefault(sink.name, entry.name)) != entry.name:
                raise ConfigError(
                    f"The entries {first!r} and {entry.name!r} both write {sink.name}, and each would take away "
                    "what the other wrote.",
                    hint="Let one entry write there: 'keys', 'find' and 'extract' take many values of a source.",
                )


def see_that_a_key_lasts(entry: Entry, sink: SecretSink) -> None:
    """Raise ConfigError where values would be called by a hash that the next run cannot tell again: there everything
    would count as changed, every time."""
    if not isinstance(entry.source, Hashing) or entry.source.lasts or not sink.outlives:
        return
    raise ConfigError(
        f"{entry.name}: a {entry.spec.from_.kind} source knows no versions, so its values are compared by a hash under "
        "a key, and this machine's own key is gone after the job: the next one could not tell whether "
        f"{sink.name} is in step.",
        hint="Nothing was written there. Make a key once (openssl rand -hex 32), save it as the secret "
        f"{HASH_KEY}, and in the job that calls the workflow write\nsecrets: {{hash-key: "
        f"'${{{{ secrets.{HASH_KEY} }}}}'}}\n(in a job with a step of your own: "
        f"env: {{{HASH_KEY}: '${{{{ secrets.{HASH_KEY} }}}}'}}).",
    )


def changes_of(plan: SinkPlan, why: str) -> list[Change]:
    """Answer one change for each name that a sync of the plan writes."""
    return [
        Change(
            what=f"{key.name} in {plan.sink.name} ({key.effect})",
            before=key.from_version,
            after=key.to_version,
            why=why,
            undo=f"dreamnet restore {plan.entry.name}",
        )
        for key in plan.changes
    ]


def findings_of(plans: Sequence[SinkPlan]) -> list[dict[str, object]]:
    """Answer what a sync does to every name, as plain data."""
    return [
        {
            "entry": plan.entry.name,
            "sink": plan.sink.name,
            "drifted": sorted(plan.state.drifted),
            "warnings": [one.to_json() for one in plan.warnings],
            "keys": [
                {"name": k.name, "effect": k.effect, "from": k.from_version, "to": k.to_version}
                for k in plan.keys
            ],
        }
        for plan in plans
    ]


def summarise(plans: Sequence[SinkPlan], verb: str) -> str:
    """Say in one sentence which names change where; ``verb`` begins it."""
    said = [
        f"{plan.sink.name}: {', '.join(f'{key.name} {key.effect}' for key in plan.changes)}"
        for plan in plans
        if plan.changes
    ]
    return f"{verb} {'; '.join(said)}." if said else "Everything is in step already."
