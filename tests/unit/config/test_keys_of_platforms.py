"""A service's keys are those of its own platform, also in what is said of a wrong one."""

from __future__ import annotations

import pytest

from dreamnet_actions import bootstrap
from dreamnet_actions.config.reader import read_bytes
from dreamnet_actions.errors.configuration import ConfigInvalid

FILE = """\
version: 1
platforms:
  here: {{process: {{}}}}
  there: {{kubernetes: {{}}}}
services:
  web: {{platform: {platform}, {own}, {wrong}: x}}
"""
PROCESS, KUBERNETES = "command: [x]", "workload: deployment/web"


def said(**words: str) -> str:
    with pytest.raises(ConfigInvalid) as caught:
        bootstrap.composed().validate(read_bytes(FILE.format(**words).encode(), "dreamnet.yml"))
    return caught.value.message


@pytest.mark.parametrize(
    ("platform", "own", "known", "others"),
    [
        ("here", PROCESS, ("command", "port", "stop-grace"), ("manifests", "workload", "adopt")),
        ("there", KUBERNETES, ("manifests", "workload", "adopt"), ("command", "port", "stop-grace")),
        ("nowhere", PROCESS, ("command", "manifests"), ()),
    ],
)
def test_the_known_keys_are_those_of_its_own_platform(
    platform: str, own: str, known: tuple[str, ...], others: tuple[str, ...]
) -> None:
    line = next(
        one for one in said(platform=platform, own=own, wrong="nonsense").splitlines() if "nonsense" in one
    )
    listed = line.partition("Known: ")[2].partition(". ")[0].rstrip(".").split(", ")
    assert {"checks", "heal", *known} <= set(listed)
    assert not set(others) & set(listed)


def test_no_key_of_another_platform_is_suggested() -> None:
    assert "Did you mean 'command'" in said(platform="here", own=PROCESS, wrong="comand")
    assert "Did you mean 'command'" not in said(platform="there", own=KUBERNETES, wrong="comand")
    assert "belongs to services on a platform of kind 'process'" in said(
        platform="there", own=KUBERNETES, wrong="command"
    )
