"""The Roles that we ship: enough for their action and no more, on the real authorizer."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from dreamnet_actions.adapters.kubernetes.needs import (
    ACTIONS,
    EXTRAS,
    NEEDS,
    PUBLISHES,
    VALUES,
    Permission,
    needed,
)
from dreamnet_actions.adapters.kubernetes.roles import roles
from dreamnet_actions.entrances.cli.root import dreamnet
from tests.cluster.client import Cluster
from tests.kubernetes.acts import acts_on
from tests.kubernetes.acts_beside import needed_beside, routed_acts_on, used_beside
from tests.proofs.roles import missing

ROOT = Path(__file__).parents[2]


def test_the_example_ships_what_the_table_says() -> None:
    shipped = (ROOT / "examples/kubernetes/rbac.yaml").read_text("utf-8")
    assert shipped == roles(), "run: scripts/generate roles"
    shipped = (ROOT / "examples/gateway/rbac.yaml").read_text("utf-8")
    assert shipped == roles(EXTRAS), "run: scripts/generate roles"
    shipped = (ROOT / "examples/secrets/rbac.yaml").read_text("utf-8")
    assert shipped == roles(VALUES), "run: scripts/generate roles"


@pytest.mark.parametrize(
    "actions",
    [[], *([one] for one in (*ACTIONS, *EXTRAS, *VALUES, *PUBLISHES))],
    ids=["whole", *ACTIONS, *EXTRAS, *VALUES, *PUBLISHES],
)
def test_a_role_holds_exactly_its_needs(actions: list[str]) -> None:
    (role,) = yaml.safe_load_all(roles(actions))
    held = {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert held == {(one.group, one.resource, one.verb) for one in needed(actions or ACTIONS)}
    assert role["kind"] == "Role"


def test_no_need_is_a_wildcard_and_only_syncing_reads_secrets() -> None:
    for need in NEEDS:
        assert "*" not in (need.group, *need.resources, *need.verbs)
        if "secrets" in need.resources:
            assert (need.actions, {"list", "watch", "update"} & set(need.verbs)) == (VALUES, set())
        assert set(need.actions) <= {*ACTIONS, *EXTRAS, *VALUES, *PUBLISHES}
        assert need.actions


def test_the_command_binds_them_and_says_what_is_wrong() -> None:
    def run(*words: str) -> Result:
        return CliRunner().invoke(dreamnet, ["roles", *words], prog_name="dreamnet")

    to = (
        "--to",
        "serviceaccount:ci:bot",
        "--to",
        "user:principal://a/subject/repo:o@1/r@2:ref:refs/heads/main",
    )
    printed = run("--action", "scale", "--action", "status", "-n", "web", *to)
    role, binding, _, last = yaml.safe_load_all(printed.stdout)
    assert role["metadata"] == {"name": "dreamnet-scale", "namespace": "web"}
    assert binding["roleRef"]["name"] == "dreamnet-scale"
    assert [one["kind"] for one in last["subjects"]] == ["ServiceAccount", "User"]
    assert last["subjects"][1]["name"].endswith("/subject/repo:o@1/r@2:ref:refs/heads/main")
    assert "Did you mean 'deploy'?" in run("--action", "depoly").stderr
    assert "serviceaccount:NAMESPACE:NAME" in run("--to", "bot").stderr
    assert run("--namespace", "a b").exit_code == 3


@pytest.mark.slow
def test_an_action_does_with_its_role_and_says_what_is_taken_away(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    """A sample of ``scripts/prove roles``."""
    with acts_on(cluster, namespace, tmp_path, ("web",)) as acts:
        acts.first()
        acts.status()
        acts.restart()
        assert acts.used("status") == needed(["status"])
        assert acts.used("deploy") <= needed(["deploy"])
        others = {one for one in needed(["restart"]) if one.resource in ("statefulsets", "daemonsets")}
        assert needed(["restart"]) - others <= acts.used("restart") <= needed(["restart"])
        for resource, verb in (("deployments", "patch"), ("services", "watch")):
            taken = Permission("apps" if resource == "deployments" else "", resource, verb)
            acts.allow("restart", needed(["restart"]) - {taken})
            assert missing(acts, "restart", taken, ["restart"]) == ""


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_role_of_routes_holds_all_that_a_route_needs_and_no_more(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    """By accounts that have it beside their own: a canary by weights, the way back, a route that goes."""
    with routed_acts_on(cluster, namespace, tmp_path) as acts:
        acts.play()
        assert used_beside(acts) == needed_beside(acts)
