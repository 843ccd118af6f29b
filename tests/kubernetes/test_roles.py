"""The Roles that we ship: enough for their action and no more, on the real authorizer."""

from __future__ import annotations

import pprint
from pathlib import Path

import pytest
import yaml

from dreamnet_actions.adapters.kubernetes.needs import ACTIONS, NEEDS, needed
from dreamnet_actions.adapters.kubernetes.roles import roles
from tests.cluster.client import Cluster
from tests.kubernetes.acts import acts_on

ROOT = Path(__file__).parents[2]


def test_the_example_ships_what_the_table_says() -> None:
    shipped = (ROOT / "examples/kubernetes/rbac.yaml").read_text("utf-8")
    assert shipped == roles(), "run: scripts/generate roles"


@pytest.mark.parametrize("actions", [[], *([one] for one in ACTIONS)], ids=["whole", *ACTIONS])
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


def test_no_need_is_a_wildcard_or_reads_secrets() -> None:
    for need in NEEDS:
        assert "*" not in (need.group, *need.resources, *need.verbs)
        assert not ("secrets" in need.resources and {"get", "list", "watch"} & set(need.verbs))
        assert set(need.actions) <= set(ACTIONS)
        assert need.actions


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_each_action_does_with_its_role_and_uses_all_of_it(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    with acts_on(cluster, namespace, tmp_path) as acts:
        acts.play()
        wrong = {
            action: {
                "unused": needed([action]) - acts.used(action),
                "lacking": acts.used(action) - needed([action]),
            }
            for action in ACTIONS
            if acts.used(action) != needed([action])
        }
        assert not wrong, pprint.pformat(wrong)
