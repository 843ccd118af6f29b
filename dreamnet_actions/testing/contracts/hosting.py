"""What every Hosting keeps to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest

from dreamnet_actions.errors import NotFound, RefusedError, Unauthenticated
from dreamnet_actions.ports.hosting import PERMISSIONS, Hosting

WORKFLOW = ".github/workflows/dream.yml"
TEXT = "name: Dream — naïve\non: workflow_dispatch\njobs: {a: {runs-on: x, steps: [{run: 'true'}]}}\n"


@dataclass(frozen=True, kw_only=True)
class Given:
    """The repository ``octocat/shop`` as a test wants it: files of its default branch ``trunk``, further branches,
    labels, and what the token may read. ``valid``: the host takes the token; ``visible``: it may see the repository."""

    files: Mapping[str, str] = field(default_factory=lambda: {"README.md": "hello\n", WORKFLOW: TEXT})
    branches: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    private: bool = True
    may: tuple[str, ...] = PERMISSIONS
    valid: bool = True
    visible: bool = True


Make = Callable[[Given], Hosting]


class HostingContract:
    """Override ``make``. The token is a fine-grained one, so that nothing tells what it may write."""

    @pytest.fixture
    def make(self) -> Make:
        """Make a repository as a Given says, and answer the port on it."""
        raise NotImplementedError("override the fixture 'make'")

    def test_the_repository_is_told(self, make: Make) -> None:
        found = make(Given()).repository()
        assert (found.name, found.default_branch, found.private) == ("octocat/shop", "trunk", True)
        assert (found.archived, found.has_issues) == (False, True)

    def test_the_token_has_an_owner(self, make: Make) -> None:
        identity = make(Given()).token()
        assert identity.login
        assert identity.kind == "fine-grained"

    def test_a_token_that_is_not_taken_is_said_for_every_question(self, make: Make) -> None:
        at = make(Given(valid=False))
        for ask in (at.token, at.repository, at.permissions, at.actions, at.workflows, at.labels):
            with pytest.raises(Unauthenticated):
                ask()
        with pytest.raises(Unauthenticated):
            at.branch("trunk")

    def test_a_repository_that_cannot_be_seen_is_not_found(self, make: Make) -> None:
        at = make(Given(visible=False))
        assert at.token().login
        with pytest.raises(NotFound):
            at.repository()

    @pytest.mark.parametrize("missing", PERMISSIONS)
    def test_a_permission_that_is_missing_is_none_and_the_rest_unknown(
        self, make: Make, missing: str
    ) -> None:
        reach = make(Given(may=tuple(one for one in PERMISSIONS if one != missing))).permissions()
        assert reach == {one: "none" if one == missing else "unknown" for one in PERMISSIONS}

    def test_branches_and_files_are_found_or_not(self, make: Make) -> None:
        at = make(Given(branches=("dreamnet", "feature/x")))
        for name in ("trunk", "dreamnet", "feature/x"):
            assert at.branch(name)
        assert at.branch("main") is None
        assert at.text(WORKFLOW, "trunk") == TEXT
        assert at.text(".github/workflows/none.yml", "trunk") is None
        assert at.text("README.md", "nowhere") is None

    def test_labels_are_all_told_however_many(self, make: Make) -> None:
        names = tuple(f"label-{number}" for number in range(120))
        assert set(names) <= make(Given(labels=names)).labels()

    def test_workflows_are_told_with_their_state(self, make: Make) -> None:
        found = {one.path: one for one in make(Given()).workflows()}
        assert found[WORKFLOW].state == "active"

    def test_runs_are_a_list_and_asking_counts(self, make: Make) -> None:
        at = make(Given())
        assert list(at.runs(limit=5)) == []
        assert at.budget().calls >= 1

    def test_a_workflow_that_may_only_be_read_is_not_switched_on(self, make: Make) -> None:
        at = make(Given())
        with pytest.raises((RefusedError, NotFound)):
            at.enable(WORKFLOW)

    def test_what_may_not_be_read_is_refused(self, make: Make) -> None:
        at = make(Given(may=("actions", "deployments")))
        with pytest.raises((RefusedError, NotFound)):
            at.labels()
