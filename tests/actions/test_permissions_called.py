"""What callers grant: where a called workflow's job asks for more, no job of the run starts, and nothing comes of it.

These are RelayBot's calling jobs, and the files that `dreamnet init` writes. That `dreamnet doctor` finds each, with
the lines to add, is shown in ``tests/entrances/test_doctor_permissions.py`` over the same pairs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from dreamnet_actions.entrances.setup.called import CALLED
from dreamnet_actions.entrances.setup.workflows import path_of
from dreamnet_actions.testing.github.actions.runs import Run
from tests.actions.bed import OURS, SHOP, Bed, bed, told
from tests.actions.permitted import QUIETLY, changed, granted, made, without

pytestmark = pytest.mark.slow
LEVELS = ("none", "read", "write")
CALLING = ("dreamkeeper", "deploykeeper", "envkeeper")


def lower(granted: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    """Each permission with its level, at each level below."""
    for name, level in granted.items():
        for less in LEVELS[: LEVELS.index(level)]:
            yield name, level, less


def refused(run: Run, file: str, job: str, *nested: tuple[str, str, str, str]) -> None:
    """See that GitHub said which jobs ask for what, at which line, and that nothing was started."""
    assert run.conclusion == "startup_failure", told(run)
    assert run.jobs == []
    assert run.summary == ""
    (said,) = (one.message for one in run.annotations)
    assert said.startswith(f"The workflow is not valid. {file} (Line: "), said
    for called, name, wanted, less in nested:
        asked = f"The nested job '{called}' is requesting '{name}: {wanted}', but is only allowed '{name}: {less}'."
        assert asked in said
    assert said.count("is requesting") == len(nested), said
    assert re.search(rf"Error calling workflow '[^']*{job}\.yml(?:@main)?'\.", said), said


def test_a_calling_job_of_relaybots_grants_what_its_keeper_asks_for(tmp_path: Path) -> None:
    """With one less nothing is carried at all, whomever it is for; given back, the same request is."""
    request = {"id": "r-1", "agent": "deploykeeper", "input": {"action": "status"}}

    def sent(story: Bed) -> Run:
        before = len(story.runs())
        story.dispatch("dreamnet.request.v1", {"dreamnet": request})
        story.settle()
        (run,) = story.runs()[before:]
        return run

    with bed(tmp_path, check=False) as story:
        made(story)
        for job in CALLING:
            for name, level, less in lower(granted("relaybot", job)):
                with changed(story, without("relaybot", name, None if less == "none" else less, job)):
                    run = sent(story)
                refused(run, f"{OURS}/.github/workflows/relaybot.yml", job, (job, name, level, less))
        run = sent(story)
        assert run.conclusion == "success", told(run)
        ended = {one.path[1]: one.conclusion for one in run.jobs if len(one.path) > 1}
        assert (ended["relay"], ended["deploykeeper"]) == ("success", "success"), told(run)
        assert story.issues() == []


def users(story: Bed, keeper: str, name: str, less: str) -> tuple[str, str]:
    """Answer a caller's file as it is, and with one permission less."""
    world = story.github.world
    text = world.git(world.repository(SHOP)).text("show", f"main:{path_of(keeper)}") + "\n"
    put = "" if less == "none" else f"{name}: {less}"
    changed = re.sub(
        rf"(    permissions: .*?){name}: \w+(, )?",
        lambda found: found[1] + put + (found[2] or "" if put else ""),
        text,
    )
    assert changed != text
    return text, changed


def test_a_users_caller_grants_what_the_called_jobs_ask_for(tmp_path: Path) -> None:
    with bed(tmp_path, check=False) as story:
        made(story)
        for keeper, called in CALLED.items():
            path = path_of(keeper)
            jobs = [keeper] if keeper != "relaybot" else ["relay", *CALLING]
            for name, _, less in lower(dict(called.permissions)):
                right, wrong = users(story, keeper, name, less)
                story.github.commit(SHOP, {path: wrong}, f"less {QUIETLY}")
                run = story.press(called.file, action=called.actions[0])
                wanted = [(job, granted(keeper, job).get(name, "none")) for job in jobs]
                more = [
                    (job, name, level, less)
                    for job, level in wanted
                    if LEVELS.index(level) > LEVELS.index(less)
                ]
                refused(run, path, keeper, *more)
                story.github.commit(SHOP, {path: right}, f"all again {QUIETLY}")
        run = story.press(CALLED["deploykeeper"].file, action="status")
        assert run.conclusion == "success", told(run)
        assert story.issues() == []
