"""What the job of a step needs, said whole where a permission is missing.

GitHub names one permission at a time, and of what a call wants only the level of that call; what a job's
``permissions:`` leaves out the job does not have. So who adds the one named line may take another away, or meet the
next refusal. The keeper's own table knows all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dreamnet_actions.domain.result import AgentResult
from dreamnet_actions.entrances.action.inputs import VARIABLES
from dreamnet_actions.entrances.setup.called import CALLED, PLAN
from dreamnet_actions.errors import PermissionMissing

ASKING = "ACTIONS_ID_TOKEN_REQUEST_URL"
"""The runner's variable that only a job with ``id-token: write`` has; such a job shall keep it."""
GIVEN = "permissions:\n"
"""What a hint holds that tells lines of a workflow; a personal token gets none."""


def whole(result: AgentResult, environ: Mapping[str, str]) -> AgentResult:
    """Answer the result in which each missing permission's hint names all that the job needs."""
    keeper = environ.get(VARIABLES["agent"], "").strip() or result.agent or ""
    if keeper not in CALLED:
        return result
    planned = keeper == PLAN.agent and environ.get("GITHUB_EVENT_NAME") == "pull_request"
    had = (PLAN if planned else CALLED[keeper]).granted(federated=bool(environ.get(ASKING)), own=True)
    needed = "".join(f"\n  {name}: {level}" for name, level in had.items())
    hint = f"The job in the workflow needs all of these:\n{GIVEN.strip()}{needed}"

    def mended(one: Mapping[str, Any]) -> Mapping[str, Any]:
        ours = one.get("code") == PermissionMissing.code and GIVEN in str(one.get("hint"))
        return {**one, "hint": hint} if ours else one

    return replace(
        result,
        error=mended(result.error) if result.error else None,
        findings=[mended(one) if one.get("warning") else one for one in result.findings],
    )
