"""The starter workflows are what `dreamnet init` writes, and what the reusable workflows take and need."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dreamnet_actions import bootstrap
from dreamnet_actions.domain.route import DISPATCHED
from dreamnet_actions.entrances.setup.called import CALLED, PLAN, PLANNED, RUNNER, VARIABLES, Called
from dreamnet_actions.entrances.setup.workflows import MOST_LINES
from tests.docs import federated, starters, workflows
from tests.docs.pages import ROOT

BIN = Path(sys.executable).parent
KEEPERS = list(CALLED.items())


FILES = starters.files() | federated.files()


@pytest.mark.parametrize("path", FILES)
def test_starters_are_fresh(path: str) -> None:
    assert (ROOT / path).read_text("utf-8") == FILES[path], "run scripts/generate starters"


def test_no_starter_is_left_over() -> None:
    there = {one.relative_to(ROOT).as_posix() for one in (ROOT / starters.FOLDER).iterdir()}
    there |= {one.relative_to(ROOT).as_posix() for one in (ROOT / "examples").glob("*/.github/**/*.yml")}
    assert there == set(starters.files())


def test_a_federated_workflow_is_the_other_with_one_permission_more() -> None:
    for keeper in federated.FILES:
        own, other = workflows.workflow(keeper), workflows.workflow(f"{keeper}-oidc")
        assert other["on"] == {"workflow_call": own["on"]["workflow_call"]}
        for name, job in other["jobs"].items():
            more = job["permissions"].pop("id-token", None)
            assert more == ("write" if name in (*federated.KEEPERS, "plan") else None), name
            if "uses" in job:
                job["uses"] = job["uses"].replace("-oidc", "")
        assert {key: other[key] for key in ("permissions", "concurrency", "jobs")} == {
            key: own[key] for key in ("permissions", "concurrency", "jobs")
        }
        called = PLAN if keeper == PLANNED else CALLED[keeper]
        assert called.granted(federated=True) == workflows.union(f"{keeper}-oidc")


def test_every_template_has_its_properties() -> None:
    for path, text in starters.files().items():
        if path.endswith(".properties.json"):
            shown = json.loads(text)
            assert shown["name"]
            assert shown["description"]
            assert path.replace(".properties.json", ".yml") in starters.files()
        else:
            assert path.endswith("dreamnet.yml") or len(text.splitlines()) <= MOST_LINES


def test_the_example_is_a_configuration() -> None:
    assert bootstrap.check_config(ROOT / starters.EXAMPLE).config.services


@pytest.mark.slow
def test_starters_pass_the_gates(tmp_path: Path) -> None:
    folder = tmp_path / workflows.FOLDER.relative_to(ROOT)
    folder.mkdir(parents=True)
    for path in starters.files():
        if path.endswith(".yml") and not path.endswith("dreamnet.yml"):
            shutil.copy(ROOT / path, folder / path.replace("/", "-"))
    files = [str(one) for one in sorted(folder.glob("*.yml"))]
    for command in (
        ["actionlint", "-no-color"],
        ["check-jsonschema", "--builtin-schema", "vendor.github-workflows"],
    ):
        run = subprocess.run(
            [str(BIN / command[0]), *command[1:], *files], cwd=tmp_path, capture_output=True, text=True
        )
        assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize(("keeper", "called"), KEEPERS, ids=CALLED)
def test_the_table_grants_exactly_what_the_jobs_ask_for(keeper: str, called: Called) -> None:
    assert dict(called.permissions) == workflows.union(keeper)
    assert workflows.workflow(keeper)["permissions"] == {}


def test_pull_requests_are_looked_at_with_the_least_and_never_as_their_target() -> None:
    plan = workflows.workflow(PLANNED)
    assert dict(PLAN.permissions) == workflows.union(PLANNED)
    assert (plan["permissions"], set(plan["on"])) == ({}, {"workflow_call"})
    (job,) = plan["jobs"].values()
    wanted = {
        one: f"${{{{ vars.{one} }}}}" for one in ("DREAMNET_PAUSED", "DREAMNET_STATE", "DREAMNET_LOGIN")
    }
    assert job["env"] == wanted | {VARIABLES[one]: f"${{{{ secrets.{one} }}}}" for one in PLAN.takes}
    for file in workflows.FOLDER.glob("*.yml"):
        assert "pull_request_target" not in workflows.triggers(file.stem)
    starter = workflows.read(f"{starters.FOLDER}/{PLAN.file}")
    assert starter["on"] == {"pull_request": {"paths": list(starters.PATHS)}}
    assert starter["jobs"]["plan"]["permissions"] == PLAN.permissions


@pytest.mark.parametrize(("keeper", "called"), KEEPERS, ids=CALLED)
def test_the_buttons_are_those_of_the_reusable_workflows(keeper: str, called: Called) -> None:
    button = workflows.triggers(keeper)["workflow_dispatch"]["inputs"]
    assert called.actions == tuple(button["action"]["options"])
    assert {"action", *called.fields} == set(button)
    assert "runs-on" in workflows.triggers(keeper)["workflow_call"]["inputs"]
    assert workflows.triggers(keeper)["workflow_call"]["inputs"]["runs-on"]["default"] == RUNNER


def test_relaybot_alone_answers_the_events_of_the_table() -> None:
    for keeper in CALLED:
        dispatched = workflows.triggers(keeper).get("repository_dispatch")
        assert (tuple(dispatched["types"]) if dispatched else None) == (
            DISPATCHED if keeper == "relaybot" else None
        )


def test_a_run_bills_as_many_jobs_as_the_table_says() -> None:
    for keeper, called in CALLED.items():
        own = [job for job in workflows.workflow(keeper)["jobs"].values() if "steps" in job]
        handed_on = any("uses" in job for job in workflows.workflow(keeper)["jobs"].values())
        assert called.jobs == len(own) + handed_on
