"""The whole configuration's classes: the common models joined with what each adapter family brings.

Composing imports no pydantic: a configuration from the cache is rebuilt into these classes without it.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from dreamnet_actions.config.kinds import OneKind, ShortList, ShortWord
from dreamnet_actions.domain.spec import models, scale
from dreamnet_actions.domain.spec.forms import FreeLabel, Label, ValueName
from dreamnet_actions.domain.spec.models import (
    Check,
    Chosen,
    Config,
    EnvEntry,
    Flags,
    Heal,
    Metrics,
    NeedsHuman,
    Notify,
    Rule,
    Service,
)
from dreamnet_actions.domain.spec.values import Len

if TYPE_CHECKING:
    from dreamnet_actions.config.tree import Tree

_Model = TypeVar("_Model")
_JOINED = "joined."


@dataclass(frozen=True, kw_only=True)
class Slots:
    """What the adapter families bring: the models of each kind, by the kind's key in the file."""

    platforms: Mapping[str, type] = field(default_factory=dict)
    """Platform kind → options: what stands under ``platforms.<name>.<kind>``."""
    workloads: Mapping[str, type] = field(default_factory=dict)
    """Platform kind → the keys of a service that runs there; they stand beside the service's common ones. A class may
    say in ``needed_keys`` (field names) which of them such a service cannot do without."""
    checks: Mapping[str, type] = field(default_factory=dict)
    """Check kind → a subclass of Check with a field of that name."""
    sources: Mapping[str, type] = field(default_factory=dict)
    """Source kind → options with a field of that name."""
    sinks: Mapping[str, type] = field(default_factory=dict)
    """Sink kind → options with a field of that name."""
    notifiers: Mapping[str, type] = field(default_factory=dict)
    """Notifier kind → options: what stands under ``notify.needs-human.tell[].<kind>``."""
    flag_targets: Mapping[str, type] = field(default_factory=dict)
    """Kind of place that flags are published to → options with a field of that name."""
    metrics: Mapping[str, type] = field(default_factory=dict)
    """Kind of source of metrics → options: what stands under ``metrics.<kind>``."""


@dataclass(frozen=True, eq=False)
class Composed:
    """The composed classes: ``config`` (a Config), whose services are of ``service`` (a Service with every workload's
    keys), whose env entries are of ``env``, flags of ``flags``, whose ``notify`` is of the classes of that name, from
    the outermost in, and whose ``metrics`` are of that class."""

    slots: Slots
    config: type[Config]
    service: type[Service]
    env: type[EnvEntry]
    notify: tuple[type[Notify], type[NeedsHuman]]
    metrics: type[Metrics]
    flags: type[Flags]

    def validate(self, tree: Tree) -> Config:
        """Check a file's tree and answer the configuration.

        Raises ConfigInvalid with every mistake of the file, those of the reading included, or ConfigTooNew.
        """
        from dreamnet_actions.config.validate import validate

        return validate(self, tree)

    def json_schema(self) -> dict[str, Any]:
        """Answer the JSON Schema (2020-12) of the file, described by the models' docstrings."""
        from dreamnet_actions.config import schema

        return schema.json_schema(self)

    @functools.cached_property
    def classes(self) -> Mapping[str, type]:
        """Every dataclass that a configuration may hold, by its name: the closed table of the cache."""
        slots = dataclasses.fields(self.slots)
        brought = [model for slot in slots for model in getattr(self.slots, slot.name).values()]
        modules = dict.fromkeys((models.__name__, scale.__name__, *(model.__module__ for model in brought)))
        known = [one for module in modules for one in vars(sys.modules[module]).values() if _is_model(one)]
        table = {f"{one.__module__}.{one.__qualname__}": one for one in (*known, *brought)}
        joined = (self.config, self.service, self.env, *self.notify, self.metrics, self.flags)
        return {**table, **{f"{_JOINED}{one.__name__}": one for one in joined}}

    @functools.cached_property
    def fingerprint(self) -> str:
        """A hash over the kinds and the models' fields: it changes with what a file may say or what that becomes."""
        lines = [
            f"{slot.name}.{kind}={model.__module__}.{model.__qualname__}"
            for slot in _fields(self.slots)
            for kind, model in getattr(self.slots, slot.name).items()
        ]
        for name, model in self.classes.items():
            if not name.startswith(_JOINED):
                lines += [f"{name}.{one.name}:{one.type}={_default(one)}" for one in _fields(model)]
        return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def compose(slots: Slots) -> Composed:
    """Join the common models with ``slots``; the same slots always answer the same classes.

    Raises TypeError where two workloads have a field of the same name that differs: a mistake of the adapters.
    """
    return _compose(*(tuple(getattr(slots, one.name).items()) for one in dataclasses.fields(Slots)))


@functools.cache
def _compose(*pairs: tuple[tuple[str, type], ...]) -> Composed:
    slots = Slots(**{one.name: dict(given) for one, given in zip(_fields(Slots), pairs, strict=True)})
    service = _compose_service(slots)
    entry = _compose_env(slots)
    place = Annotated[Chosen, OneKind("place to tell", slots.notifiers, nested=True)]
    called = _join(NeedsHuman, (), {}, tell=(Annotated[tuple[place, ...], Len(0, 10)], field(default=())))
    notify = _join(Notify, (), {}, needs_human=(called, field(default_factory=called)))
    sources = {
        kind: (model | None, field(default=None, metadata={"doc": model.__doc__}))
        for kind, model in slots.metrics.items()
    }
    measured = _join(Metrics, (), {}, **sources)
    target = Annotated[Chosen, OneKind("place to publish", slots.flag_targets)]
    flags = _join(Flags, (), {}, publish=(Annotated[tuple[target, ...], Len(0, 10)], field(default=())))
    platform = Annotated[Chosen, OneKind("platform", slots.platforms, nested=True)]
    config = _join(
        Config,
        (),
        {},
        services=(dict[FreeLabel, service], field(default_factory=dict)),  # type: ignore[valid-type]
        platforms=(dict[FreeLabel, platform], field(default_factory=dict)),
        env=(dict[Label, entry], field(default_factory=dict)),  # type: ignore[valid-type]
        flags=(flags | None, field(default=None, metadata={"doc": "The feature flags."})),
        notify=(notify, field(default_factory=notify)),
        metrics=(measured, field(default_factory=measured)),
    )
    return Composed(slots, config, service, entry, (notify, called), measured, flags)


def _compose_service(slots: Slots) -> type[Service]:
    workloads = tuple(dict.fromkeys(slots.workloads.values()))
    _refuse_clashes((Service, *workloads))
    check = Annotated[Check, OneKind("check", slots.checks, chosen=False)]
    return _join(
        Service,
        workloads,
        {
            "workload_fields": {
                kind: frozenset(map(_name, _fields(one))) for kind, one in slots.workloads.items()
            }
        },
        checks=(dict[Label, check], field(default_factory=dict)),
        heal=(Annotated[Heal, ShortList(Heal, "steps")], field(default_factory=Heal)),
    )


def _compose_env(slots: Slots) -> type[EnvEntry]:
    source = Annotated[Chosen, OneKind("source", slots.sources)]
    sink = Annotated[Chosen, OneKind("sink", slots.sinks)]
    rule = Annotated[Rule, ShortWord(Rule, "type_")]
    return _join(
        EnvEntry,
        (),
        {},
        from_=(source, field()),
        to=(Annotated[tuple[sink, ...], Len(1, 50)], field()),
        rules=(dict[ValueName, rule], field(default_factory=dict)),
    )


def _join(
    model: type[_Model], mixed: tuple[type, ...], extra: Mapping[str, Any], /, **fields: tuple[Any, Any]
) -> type[_Model]:
    """Make a subclass of ``model`` and ``mixed`` with ``fields`` of other types: name → (type, field)."""
    joined: type[_Model] = dataclasses.make_dataclass(
        model.__name__,
        [(name, kind, default) for name, (kind, default) in fields.items()],
        bases=(model, *mixed),
        namespace={"__doc__": model.__doc__, "__module__": __name__, **extra},
        frozen=True,
        kw_only=True,
    )
    return joined


def _refuse_clashes(joined: tuple[type, ...]) -> None:
    """See that no two of the classes give one field two meanings."""
    seen: dict[str, tuple[type, Any, Any]] = {}
    for model in joined:
        for one in _fields(model):
            first = seen.setdefault(one.name, (model, one.type, one.default))
            if first[1:] != (one.type, one.default):
                raise TypeError(f"{model.__name__}.{one.name} differs from {first[0].__name__}.{one.name}")


def _fields(model: Any) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(model)


def _default(field: dataclasses.Field[Any]) -> str:
    """Write a field's default in a text that is the same in every process."""
    if field.default_factory is not dataclasses.MISSING:
        return repr(field.default_factory())
    return "" if field.default is dataclasses.MISSING else repr(field.default)


def _name(field: dataclasses.Field[Any]) -> str:
    return field.name


def _is_model(value: object) -> bool:
    return isinstance(value, type) and dataclasses.is_dataclass(value)
