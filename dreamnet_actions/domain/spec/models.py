"""The configuration's own models: what ``dreamnet.yml`` says, whatever adapters are installed.

Plain frozen dataclasses, one field per key (``stop_grace`` is ``stop-grace`` in the file). What belongs to one
adapter family lives in that family's ``options.py`` and is joined here by ``config.compose``. The docstring below
a field is its documentation: the schema and ``docs/configuration.md`` are made from it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from dreamnet_actions.domain.spec.env import Chosen as Chosen
from dreamnet_actions.domain.spec.env import EnvEntry as EnvEntry
from dreamnet_actions.domain.spec.env import Find as Find  # the table of classes is made of this module
from dreamnet_actions.domain.spec.env import Rename as Rename
from dreamnet_actions.domain.spec.flags import Flags as Flags
from dreamnet_actions.domain.spec.forms import (
    Branch,
    DirectoryInside,
    FreeLabel,
    Label,
    Login,
    MessageName,
    MessagePattern,
    Variable,
)
from dreamnet_actions.domain.spec.images import (
    CloudBuild as CloudBuild,
)  # the table of classes is made of this module
from dreamnet_actions.domain.spec.images import ImageBuild
from dreamnet_actions.domain.spec.pubsub import PubSub
from dreamnet_actions.domain.spec.scale import Scale
from dreamnet_actions.domain.spec.strategies import Strategy
from dreamnet_actions.domain.spec.times import Moment, TimeOfDay, TimeZone
from dreamnet_actions.domain.spec.validation import Accept as Accept
from dreamnet_actions.domain.spec.validation import Rule as Rule
from dreamnet_actions.domain.spec.values import (
    STRICT,
    Ge,
    Le,
    Len,
    MonthOrMore,
    NameIn,
    PositiveSeconds,
    Seconds,
    Share,
    TwoDaysOrMore,
)

RemedyName = Literal["restart", "rollback", "restore-config", "scale-up"]


@dataclass(frozen=True, kw_only=True)
class Check:
    """What every check has; the kind of check (``http``, ``tcp``, …) adds its own keys."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    timeout: PositiveSeconds = 10.0
    """The longest that one look may take."""
    severity: Literal["down", "degraded"] = "down"
    """What it means when this check fails."""


@dataclass(frozen=True, kw_only=True)
class WorkloadCheck(Check):
    """The platform's own word on the service."""

    workload: Literal["ready"]
    """``ready``: as many replicas are ready as are wanted."""


@dataclass(frozen=True, kw_only=True)
class LoadCheck(Check):
    """A measured load; its kinds say where it is measured."""

    scale: Scale | None = None
    """How many replicas the load asks for."""

    @property
    def what(self) -> str:
        """The load's name, for people."""
        return "the load"


@dataclass(frozen=True, kw_only=True)
class MetricCheck(LoadCheck):
    """A load that the platform measures, and how to scale by it."""

    metric: Literal["requests-per-second", "connections"]
    """What the service's address measured: new connections a second over the last 5 s, or open ones."""

    @property
    def what(self) -> str:
        """The metric's name."""
        return self.metric


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """When a failing check counts, and when a passing one does."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    failures: Annotated[int, Ge(1), Le(20)] = 3
    """Looks in a row that must fail before a dream is opened; re-checks within one run count."""
    successes: Annotated[int, Ge(1), Le(20)] = 2
    """Looks in a row that must pass before a dream is resolved."""
    again_after: Seconds = 1.0
    """The pause before a failing check is looked at again within the same run."""


@dataclass(frozen=True, kw_only=True)
class Heal:
    """Which remedies may be tried, in which order, how often."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    steps: Annotated[tuple[RemedyName, ...], Len(0, 8)] = ("restart", "rollback")
    """Remedies in order; ``[]`` heals nothing and asks for a human at once."""
    order: Literal["learned", "fixed"] = "learned"
    """``learned``: what changed last and what worked before may go first. ``fixed``: exactly as written."""
    tries_per_hour: Annotated[int, Ge(1), Le(60)] = 6
    """Remedies that may be tried on one service in any hour; then a human is asked for."""
    cool_down: Seconds = 30.0
    """The pause before the same remedy is tried on the same service again."""
    recover_within: PositiveSeconds = 60.0
    """How long a remedy has to show healthy checks before it counts as not having worked."""
    approval: Annotated[tuple[RemedyName, ...], Len(0, 8)] = ()
    """Remedies that wait for a person's word (``/approve``, ``dreamnet approve``) before they are tried."""
    approve_within: PositiveSeconds = 86400.0
    """How long a remedy waits for that word; then nothing is done, and the dream waits for a person all the same."""


@dataclass(frozen=True, kw_only=True)
class OnFailure:
    """What is done after a version was taken back, beside holding it."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    revert: Literal["pull-request"] | None = None
    """`pull-request`: one is opened that reverts its commit on the branch, once for each commit. The token needs
    `pull-requests: write` for it."""


@dataclass(frozen=True, kw_only=True)
class ReleaseRules:
    """Where versions of a service come from and how they go out."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    git: DirectoryInside | None = None
    """A git repository, as a path from the configuration's root; its commits are the versions."""
    branch: Branch = "main"
    """The branch whose pushes are deployed."""
    build: tuple[str, ...] = ()
    """A command run in the checked-out revision before it is started."""
    image: ImageBuild | None = None
    """The image that is built from each commit; left out, none is."""
    build_timeout: PositiveSeconds = 600.0
    """The longest that ``build``, and after it the image's build, may take."""
    ready_within: PositiveSeconds = 60.0
    """How long a new version has to become ready."""
    required: Share = 1.0
    """The share of its replicas that has to be ready for a release to count, and for the check ``workload: ready``."""
    soak: Seconds = 3.0
    """How long a new version that is ready is watched on, beside its checks: one that ends or stops being ready in this
    time is taken back. By canary each step has a ``soak`` of its own instead."""
    strategy: Strategy = field(default_factory=Strategy)
    """How the new version takes over."""
    on_failure: OnFailure = field(default_factory=OnFailure)
    """What else is done once a version was taken back."""

    @property
    def repository(self) -> str | None:
        """The repository whose commits are the versions: where an image is built, the configuration's own at least."""
        return self.git or ("." if self.image else None)


@dataclass(frozen=True, kw_only=True)
class Service:
    """One service: where it runs, how to tell that it is well, what may be done about it.

    Keys of the platform it runs on (``command``, ``port``, …) stand beside these.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    platform: Annotated[str, NameIn("platforms")]
    """The name of one of ``platforms``."""
    replicas: Annotated[int, Ge(0), Le(1000)] = 1
    """How many run at first; scaling and ``dreamnet call`` may change it while it runs."""
    needs: tuple[Annotated[str, NameIn("services")], ...] = ()
    """Services that this one depends on: their faults are not filed again as its own."""
    checks: dict[Label, Check] = field(default_factory=dict)
    """How to tell that it is well, by name."""
    thresholds: Thresholds = field(default_factory=Thresholds)
    """When a failing check counts."""
    heal: Heal = field(default_factory=Heal)
    """Which remedies may be tried: a list of steps, or the long form."""
    release: ReleaseRules | None = None
    """Where its versions come from; left out, the configured command is its only version."""


@dataclass(frozen=True, kw_only=True)
class Route:
    """One rule of RelayBot: a message that becomes a request."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    on: MessagePattern
    """The message's name; ``*`` at its end matches any rest."""
    to: Literal["dreamkeeper", "deploykeeper", "envkeeper"]
    """The keeper that handles it."""
    input: dict[str, Any] = field(default_factory=dict)
    """The request's input; the message's data fills what is not given here."""
    from_: Annotated[str, Len(1)] | None = None
    """Only messages of this sender; left out, of any."""


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """A signed webhook that becomes a message on the bus: with ``secret-variable`` or with ``pubsub``."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    secret_variable: Variable | None = None
    """The environment variable that holds the signing secret (never the secret itself)."""
    pubsub: PubSub | None = None
    """In its place: the subscription of Google's Pub/Sub that tells of changed secrets."""
    message: MessageName | None = None
    """The message's name; left out, the name of the event (by ``pubsub``, ``secret-changed``)."""


@dataclass(frozen=True, kw_only=True)
class Maintenance:
    """A window in which faults are neither filed nor healed: one span (``start``, ``end``), or one a week (``day``,
    ``from``, ``for``)."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    services: tuple[Annotated[str, NameIn("services")], ...] = ()
    """The services that it is about; left out, all."""
    start: Moment | None = None
    """When a single window begins."""
    end: Moment | None = None
    """When a single window ends."""
    day: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] | None = None
    """The day of every week on which it begins."""
    from_: TimeOfDay | None = None
    """The time of that day."""
    for_: PositiveSeconds | None = None
    """How long a weekly window lasts."""
    scaling: bool = False
    """Whether scaling by load goes on within it; left out, replicas stay as they are."""
    timezone: TimeZone = "UTC"
    """Where the times are those of the clock."""


@dataclass(frozen=True, kw_only=True)
class Watch:
    """How ``dreamnet watch`` and the schedules of GitHub's keep time, and what counts in time."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    every: PositiveSeconds = 30.0
    """The time between two rounds of checks."""
    sync_every: PositiveSeconds | None = None
    """The time between two syncs of all ``env`` entries; left out, values are synced when somebody asks for it."""
    reopen_within: Seconds = 86400.0
    """A fault that comes back within this time reopens its dream and counts a flap."""
    umbrella_over: Annotated[int, Ge(2)] = 5
    """More new dreams than this at once become one umbrella dream."""
    storm: Share = 0.5
    """When more than this share of (at least three) services fail together, nothing is healed: a human is asked."""
    blip_under: Seconds = 300.0
    """An incident that was over sooner than this is marked as a blip (on GitHub by the label ``blip``)."""
    late_after: PositiveSeconds = 1800.0
    """In the GitHub home: the schedule is late when more than one tick in twenty of a day comes later than this."""
    missed_over: Share = 0.2
    """In the GitHub home: more than this share of a day's ticks may not be left out by GitHub."""
    keepalive_after: PositiveSeconds = 3888000.0
    """In the GitHub home: schedules are switched on anew once the newest commit of the default branch is this old."""


@dataclass(frozen=True, kw_only=True)
class NeedsHuman:
    """Who is called when a dream begins to wait for a person."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    assignees: Annotated[tuple[Login, ...], Len(0, 10)] = ()
    """In the GitHub home: the people that the dream's issue is assigned to."""
    tell: Annotated[tuple[Chosen, ...], Len(0, 10)] = ()
    """Where else it is told, once each time: each one key, its kind (``slack``, ``webhook``), with its options."""


@dataclass(frozen=True, kw_only=True)
class Notify:
    """Who is told of what."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    needs_human: NeedsHuman = field(default_factory=NeedsHuman)
    """Who is called when a dream begins to wait for a person."""


@dataclass(frozen=True, kw_only=True)
class Remembering:
    """How long the journal keeps what it holds, and how often it is compacted."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    keep: TwoDaysOrMore = 7776000.0
    """How long single facts are kept: results of requests, messages, verdicts of checks, changes of dreams."""
    keep_lessons: MonthOrMore = 34560000.0
    """How long what is learned from is kept: dreams opened and resolved, remedies, releases, changes of values."""
    compact_every: PositiveSeconds = 604800.0
    """The time between two compactions: what is too old is dropped and, in the GitHub home, history begins anew."""


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """Where numbers about services are asked for, by the source's kind."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT


@dataclass(frozen=True, kw_only=True)
class Config:
    """The whole of ``dreamnet.yml``."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    version: Literal[1]
    """The version of this format."""
    services: dict[FreeLabel, Service] = field(default_factory=dict)
    """The services, by name."""
    platforms: dict[FreeLabel, Chosen] = field(default_factory=dict)
    """Where services run, by name: each one key, its kind, with that kind's options."""
    metrics: Metrics = field(default_factory=Metrics)
    """Where numbers about services are asked for, by the source's kind."""
    env: dict[Label, EnvEntry] = field(default_factory=dict)
    """Sets of values that are kept in step, by name."""
    flags: Flags | None = None
    """The feature flags."""
    routes: tuple[Route, ...] = ()
    """RelayBot's rules; they come before the built-in ones."""
    webhooks: dict[Label, Webhook] = field(default_factory=dict)
    """Webhooks, by name: ``github`` has GitHub's form, one with ``pubsub`` Google's, any other the Standard Webhooks
    form."""
    maintenance: tuple[Maintenance, ...] = ()
    """Windows in which faults are neither filed nor healed; what outlasts one is."""
    notify: Notify = field(default_factory=Notify)
    """Who is told of what."""
    watch: Watch = field(default_factory=Watch)
    """How the long-lived loop and the schedules of GitHub's keep time, and what counts in time."""
    journal: Remembering = field(default_factory=Remembering)
    """How long what DreamNet remembers is kept."""
