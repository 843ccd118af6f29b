"""A file of values and sinks at GitHub, where each run is a new machine: what did not change is known to be the same.

Such a source knows no versions, so values are called by a hash under a key; the key has to be there in every run, and
nobody who reads the branch ``dreamnet`` or a plan may have it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from dreamnet_actions.bootstrap import Options, assemble
from dreamnet_actions.domain.result import AgentResult
from dreamnet_actions.testing.github import StandIn
from tests.github.homes import git

pytestmark = pytest.mark.slow
REPOSITORY = "octo/shop"
OPEN = {"secrets": "write", "actions_variables": "write", "environments": "write"}
WRITES = ("PUT", "POST", "PATCH", "DELETE")
SOURCES = {
    "dotenv": ("{dotenv: app.env}", lambda values: "".join(f"{k}={v}\n" for k, v in values.items())),
    "json": ("{json: app.env}", json.dumps),
    "yaml": ("{yaml: app.env}", json.dumps),  # JSON is YAML
}
Ask = Callable[..., AgentResult]


@pytest.fixture
def put(tmp_path: Path) -> Callable[..., None]:
    """Write configuration and values as a checkout has them."""

    def write(sink: str, values: Mapping[str, str], source: str = "dotenv") -> None:
        said, text = SOURCES[source]
        (tmp_path / "dreamnet.yml").write_text(
            f"version: 1\nenv:\n  app: {{from: {said}, to: [{sink}]}}\n", "utf-8"
        )
        (tmp_path / "app.env").write_text(text(values), "utf-8")

    return write


@pytest.fixture
def ask(github: StandIn, tmp_path: Path) -> Ask:
    """Have one run of a workflow on a new machine do EnvKeeper's part; ``environ`` are the step's variables."""
    count = iter(range(1, 100))

    def run(action: str, environ: Mapping[str, str], **given: str) -> AgentResult:
        number = str(next(count))
        found = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": "schedule",
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_API_URL": github.api_url,
            "GITHUB_SERVER_URL": github.server_url,
            "GITHUB_RUN_ID": number,
            "GITHUB_TOKEN": github.workflow_token(
                REPOSITORY, {"contents": "write", "issues": "read"}, job=number
            ),
            "RUNNER_TEMP": str(tmp_path / "runners" / number),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
        }
        system = assemble(Options(root=tmp_path, environ={**found, **environ}, home="github"))
        try:
            return system.pipe.submit({"agent": "envkeeper", "input": {"action": action, **given}})
        finally:
            system.finish()
            system.close()

    return run


@pytest.fixture
def lasting(github: StandIn) -> dict[str, str]:
    """What a job has whose caller hands a personal token over."""
    github.person("alice", "write")
    return {"DREAMNET_SECRETS_TOKEN": github.fine_grained("alice", OPEN)}


@pytest.fixture
def fleeting(github: StandIn) -> Callable[[], dict[str, str]]:
    """What a step has that an App's token was made for: another one each time. To the stand-in, which knows no Apps,
    they are a person's with the form of an App's."""
    github.person("alice", "write")
    tokens = github.world.tokens

    def made() -> dict[str, str]:
        one = tokens.find(github.fine_grained("alice", OPEN))
        assert one is not None
        app = tokens._add(replace(one, value=one.value.replace("github_pat_", "ghs_")))
        return {"DREAMNET_SECRETS_TOKEN": app.value}

    return made


def written(github: StandIn) -> int:
    """Count the writes to secrets and variables."""
    asked = github.calls.all()
    return sum(
        one.method in WRITES and ("/secrets" in one.template or "/variables" in one.template) for one in asked
    )


@pytest.mark.parametrize(
    ("source", "sink"),
    [("dotenv", "github-secrets"), ("json", "github-variables"), ("yaml", "github-secrets")],
)
def test_what_did_not_change_is_not_written_again(
    put: Callable[..., None], ask: Ask, github: StandIn, lasting: dict[str, str], sink: str, source: str
) -> None:
    to = f"{{{sink}: repository}}"
    put(to, {"PIN": "4711", "MODE": "fast"}, source)
    assert ask("sync", lasting).outcome == "done"
    before = written(github)
    assert before > 0
    again = ask("sync", lasting)
    assert (again.outcome, again.changes, written(github) - before) == ("unchanged", [], 0)
    put(to, {"PIN": "4712", "MODE": "fast"}, source)
    shown = ask("plan", lasting)
    assert [one["what"].split(" ")[0] for one in shown.changes] == ["PIN"]
    (plan,) = [one["plan"] for one in shown.findings if "plan" in one]
    assert ask("sync", lasting, plan=plan).outcome == "done", "a plan holds in the next run, too"
    assert written(github) - before == 1


def test_what_was_put_back_is_not_written_again_by_the_next_machine(
    put: Callable[..., None], ask: Ask, github: StandIn, lasting: dict[str, str]
) -> None:
    put("{github-variables: repository}", {"MODE": "fast"})
    ask("sync", lasting)
    put("{github-variables: repository}", {"MODE": "wrong"})
    assert ask("sync", lasting).outcome == "done"
    put("{github-variables: repository}", {"MODE": "fast"})  # a file keeps no former value
    assert ask("restore", lasting, entry="app").outcome == "done"
    put("{github-variables: repository}", {"MODE": "wrong"})
    assert ask("sync", lasting).outcome == "refused"
    assert github.world.repository(REPOSITORY).variables["MODE"].value == "fast"


@pytest.mark.parametrize("sink", ["github-secrets", "github-variables"])
def test_with_a_token_that_is_another_each_time_a_key_is_asked_for_and_is_enough(
    put: Callable[..., None], ask: Ask, github: StandIn, fleeting: Callable[[], dict[str, str]], sink: str
) -> None:
    put(f"{{{sink}: repository}}", {"PIN": "4711"})
    for action in ("plan", "sync"):
        told = ask(action, fleeting())
        assert told.outcome == "refused"
        assert told.error is not None
        assert f"whether {sink}/{REPOSITORY} is in step" in told.error["message"]
        assert "secrets: {hash-key: '${{ secrets.DREAMNET_HASH_KEY }}'}" in told.error["hint"]
    assert written(github) == 0
    key = {"DREAMNET_HASH_KEY": "a key made by chance"}
    assert ask("sync", fleeting() | key).outcome == "done"
    before = written(github)
    assert (ask("sync", fleeting() | key).outcome, written(github)) == ("unchanged", before)
    weak = ask("sync", fleeting() | {"DREAMNET_HASH_KEY": "4711"})
    assert weak.outcome == "refused"


def test_from_all_that_is_on_the_branch_a_short_value_cannot_be_guessed(
    put: Callable[..., None], ask: Ask, github: StandIn, lasting: dict[str, str]
) -> None:
    put("{github-secrets: repository}", {"PIN": "4711"})
    key = {"DREAMNET_HASH_KEY": "a-key-made-by-chance"}
    said = ask("sync", lasting | key)
    repository = github.git_dir(REPOSITORY)
    objects = git(repository, "rev-list", "--objects", "dreamnet").split("\n")
    shown = "\n".join([*(git(repository, "cat-file", "-p", one.split(" ")[0]) for one in objects), str(said)])
    version = str(said.changes[0]["to"])
    assert version in shown
    assert not [one for one in (lasting | key).values() if one in shown]
    words = set(re.findall(r"[^\s\"',:{}\[\]()]+", shown))
    keys = {b"", *(one.encode() for one in words)}
    keys |= {bytes.fromhex(one) for one in words if re.fullmatch("([0-9a-f]{2})+", one)}

    def guessed(keys: set[bytes]) -> list[bytes]:
        return [one for one in keys if hmac.new(one, b"4711", hashlib.sha256).hexdigest().startswith(version)]

    assert guessed(keys) == []
    assert guessed({b"a-key-made-by-chance"}), "who has the key can tell"
