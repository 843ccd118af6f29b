"""Update strategies of StatefulSets and DaemonSets by which no release can be proved: they are refused, and said so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dreamnet_actions.domain.spec.strategies import Strategy
from dreamnet_actions.errors import PlatformFailed


def check_canary(workload: Mapping[str, Any], strategy: Strategy) -> None:
    """Raise PlatformFailed for a Job or a CronJob that is to go out by canary: it has no traffic to share."""
    if workload["kind"] in ("Job", "CronJob") and strategy.canary is not None:
        name = workload["metadata"]["name"]
        raise PlatformFailed(
            f"The {workload['kind']} {name!r} answers nobody, so there is no traffic that a canary could share.",
            hint="Take 'canary' out of its strategy.",
        )


def check_strategy(workload: Mapping[str, Any], live: Mapping[str, Any] | None) -> None:
    """Raise PlatformFailed for a workload whose pods Kubernetes does not replace by itself: no release of it could ever
    be proved. What ``workload`` (our manifest) does not say counts as it is in the cluster, ``live``."""
    name = workload["metadata"]["name"]
    said = [(one or {}).get("spec", {}).get("updateStrategy") for one in (workload, live)]
    strategy: Mapping[str, Any] = next((one for one in said if one), {})
    if strategy.get("type") == "OnDelete":
        raise PlatformFailed(
            f"The {workload['kind']} {name!r} has the update strategy OnDelete: nothing replaces its pods, "
            "so no release of it can be proved.",
            hint="Write 'updateStrategy: {type: RollingUpdate}' into its manifest.",
        )
    if partition := int((strategy.get("rollingUpdate") or {}).get("partition") or 0):
        raise PlatformFailed(
            f"The {workload['kind']} {name!r} has a partition of {partition}: the pods below it keep what they run, "
            "so no release of it can be proved.",
            hint="Take 'partition' out of its updateStrategy.",
        )
