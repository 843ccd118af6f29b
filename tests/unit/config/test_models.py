"""A right configuration becomes the models: plain values, tuples, defaults, and the adapters' own classes."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass
from typing import Any, ClassVar

import pytest

from dreamnet_actions.adapters.files.options import DotenvSinkOptions
from dreamnet_actions.adapters.probes.options import HttpCheck
from dreamnet_actions.adapters.process.options import (
    ProcessPlatformOptions,
    ProcessSinkOptions,
    ProcessWorkload,
)
from dreamnet_actions.config.compose import Slots, compose
from dreamnet_actions.config.plain import to_plain
from dreamnet_actions.config.reader import read_text
from dreamnet_actions.domain.spec.models import Chosen, Config, Service
from dreamnet_actions.domain.spec.values import STRICT
from dreamnet_actions.errors.configuration import ConfigInvalid, ConfigTooNew
from tests.unit.config.slots import COMPOSED, GOOD, SLOTS


@pytest.fixture
def config() -> Config:
    return COMPOSED.validate(read_text(GOOD))


def test_the_whole_configuration_is_read(config: Config) -> None:
    web: Any = config.services["web"]

    assert all(isinstance(web, one) for one in (Service, ProcessWorkload))
    assert web.command == ("python", "-m", "http.server", "{port}")
    assert web.environment == {"LOG_LEVEL": "info", "no": "off"}
    assert (web.ready.http, web.ready.within, web.ready.start_within) == ("/healthz", 1.0, 10.0)
    assert isinstance(web.checks["home"], HttpCheck)
    assert web.checks["home"].expect.status == (200, 204)
    assert web.checks["script"].timeout == 0.5
    assert (web.checks["load"].scale.target, web.checks["load"].scale.tolerance) == (100.0, 0.125)
    assert web.heal.steps == ("restart", "rollback")
    assert web.release.strategy.canary == (0.05, 0.25, 0.5)
    assert config.services["db"].heal.order == "fixed"
    assert config.platforms["local"] == Chosen("process", ProcessPlatformOptions())
    assert config.platforms["other"] == Chosen("process", ProcessPlatformOptions(cluster="blue"))
    assert config.env["app"].to == (
        Chosen("process", ProcessSinkOptions(process="web")),
        Chosen("dotenv", DotenvSinkOptions(dotenv="out/web.env")),
    )
    assert config.routes[0].input == {"action": "restart", "list": [1, {"a": None}]}
    assert config.routes[1].from_ == "deploykeeper"


def test_the_smallest_configuration_is_a_version() -> None:
    assert COMPOSED.validate(read_text("version: 1")) == COMPOSED.config(version=1)


def test_the_models_cannot_be_changed(config: Config) -> None:
    with pytest.raises(FrozenInstanceError):
        config.version = 2  # type: ignore[misc,assignment]


def test_what_is_written_back_reads_back_as_the_same(config: Config) -> None:
    import json

    plain = to_plain(config)

    assert plain["services"]["db"]["stop-grace"] == "1m30s"
    watch = {
        "every": "12.5s",
        "sync-every": None,
        "reopen-within": "1d",
        "umbrella-over": 5,
        "storm": "33.3%",
        "blip-under": "5m",
        "late-after": "30m",
        "missed-over": "20%",
        "keepalive-after": "45d",
    }
    assert plain["watch"] == watch
    assert COMPOSED.validate(read_text(json.dumps(plain, indent=1))) == config


def test_windows_of_maintenance_are_read_and_written_back() -> None:
    import json

    text = (
        "version: 1\nmaintenance:\n"
        "  - {start: 2026-12-01T22:00, end: 2026-12-01T23:30-02:00}\n"
        "  - {day: sunday, from: 22:00, for: 2h, timezone: Europe/Berlin}\n"
    )
    config = COMPOSED.validate(read_text(text))
    plain = to_plain(config)
    assert plain["maintenance"][1] | {"start": None, "end": None} == {
        "services": [], "start": None, "end": None,
        "day": "sunday", "from": "22:00", "for": "2h", "timezone": "Europe/Berlin",
            "scaling": False,
    }  # fmt: skip
    assert COMPOSED.validate(read_text(json.dumps(plain))) == config


def test_the_same_slots_compose_to_the_same_classes() -> None:
    assert compose(Slots(**vars(SLOTS))).config is COMPOSED.config


def test_a_newer_version_is_refused_as_a_whole() -> None:
    with pytest.raises(ConfigTooNew, match="version 2; this DreamNet understands up to 1"):
        COMPOSED.validate(read_text("version: 2\nwhatever: 1\n"))


@pytest.mark.parametrize(
    ("text", "place", "path"),
    [
        ("version: 1\nwatch: {evry: 5s}\n", (2, 9), "watch.evry"),
        ("version: 1\nwatch: {every: 5}\n", (2, 16), "watch.every"),
        ("version: 1\nenv:\n  app: {to: [{dotenv: a}]}\n", (3, 3), "env.app.from"),
        ("version: 1\nroutes:\n  - {on: a}\n", (3, 5), "routes[0].to"),
        ("version: 1\nplatforms: {A: {process: }}\n", (2, 13), "platforms.A"),
    ],
)
def test_a_mistake_points_at_the_key_or_value_that_has_to_change(
    text: str, place: tuple[int, int], path: str
) -> None:
    with pytest.raises(ConfigInvalid) as raised:
        COMPOSED.validate(read_text(text, "x/dreamnet.yml"))

    (mistake,) = raised.value.mistakes
    assert (mistake.file, (mistake.line, mistake.column), mistake.path) == ("x/dreamnet.yml", place, path)


# ── Several kinds of platform ────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class _PodOptions:
    """A platform of kind ``pods``."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    namespace: str
    """Where."""


@dataclass(frozen=True, kw_only=True)
class _PodWorkload:
    """The keys of a service in pods."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    needed_keys: ClassVar[tuple[str, ...]] = ("image",)

    image: str | None = None
    """What runs."""


TWO = compose(
    Slots(
        platforms={"process": ProcessPlatformOptions, "pods": _PodOptions},
        workloads={"process": ProcessWorkload, "pods": _PodWorkload},
    )
)
PLATFORMS = "version: 1\nplatforms: {local: {process: }, far: {pods: {namespace: a}}}\nservices:\n"


def test_a_key_of_another_kind_of_platform_is_refused_by_name() -> None:
    with pytest.raises(ConfigInvalid) as raised:
        TWO.validate(read_text(f"{PLATFORMS} web:\n  platform: far\n  image: x\n  command: [a]\n"))

    (mistake,) = raised.value.mistakes
    assert (mistake.line, mistake.path) == (7, "services.web.command")
    assert (
        mistake.message
        == "'command' belongs to services on a platform of kind 'process'; this one's is 'pods'."
    )


def test_a_key_that_the_kind_of_platform_needs_is_asked_for() -> None:
    with pytest.raises(ConfigInvalid, match="The key 'image' is missing"):
        TWO.validate(read_text(f"{PLATFORMS} web: {{platform: far}}\n"))


def test_options_that_are_needed_cannot_be_left_out() -> None:
    with pytest.raises(ConfigInvalid, match="Expected a mapping, found nothing"):
        TWO.validate(read_text("version: 1\nplatforms: {far: {pods: }}\n"))


def test_only_keys_of_the_own_platform_are_written_back() -> None:
    config = TWO.validate(read_text(f"{PLATFORMS} web: {{platform: far, image: x}}\n"))

    assert "command" not in to_plain(config)["services"]["web"]
    assert to_plain(config)["services"]["web"]["image"] == "x"


@dataclass(frozen=True, kw_only=True)
class _Clashing:
    """Keys of a service that mean something else elsewhere."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    port: str | None = None
    """No number."""


def test_adapters_that_give_one_key_two_meanings_are_a_bug() -> None:
    with pytest.raises(TypeError, match=r"_Clashing\.port differs"):
        compose(Slots(workloads={"process": ProcessWorkload, "other": _Clashing}))


def test_without_any_adapter_a_configuration_says_so() -> None:
    with pytest.raises(ConfigInvalid, match="No kind of platform is given"):
        compose(Slots()).validate(read_text("version: 1\nplatforms: {local: {process: }}\n"))
