"""DreamNet watches DreamNet: this repository's own configuration and workflows, under the real act."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.actions.bed import OURS, bed, told

pytestmark = pytest.mark.slow


def test_the_repositorys_own_workflows_work_in_it(tmp_path: Path) -> None:
    with bed(tmp_path) as story:
        ended = {}
        for keeper, fields in (
            ("dreamkeeper", {"action": "check"}),
            ("deploykeeper", {"action": "deploy"}),
            ("envkeeper", {"action": "plan"}),
            ("relaybot", {"action": "publish", "event": "release-published"}),
        ):
            run = story.engine.dispatch(OURS, f"{keeper}.yml", ref="main", inputs=fields)
            story.settle()
            assert run.conclusion == "success", told(run)
            job = run.job("relay" if keeper == "relaybot" else keeper)
            ended[keeper] = json.loads(job.outputs["result"])
        assert ended["dreamkeeper"]["verdict"] == "healthy"
        assert [ended[one]["outcome"] for one in ended] == ["done", "unchanged", "unchanged", "done"]
        # What RelayBot published went to DreamKeeper, by the route of .github/dreamnet.yml, in a run of its own.
        relayed = max(story.engine.runs(OURS), key=lambda run: run.id)
        assert relayed.event.name == "repository_dispatch"
        assert relayed.conclusion == "success", told(relayed)
        answer = json.loads(relayed.job("dreamkeeper", "dreamkeeper").outputs["result"])
        assert (answer["agent"], answer["verdict"]) == ("dreamkeeper", "healthy")
        assert story.github.violations == []
