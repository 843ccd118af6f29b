"""Update strategies of StatefulSets and DaemonSets by which no release can be proved: they are refused, and said so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dreamnet_actions.errors import PlatformFailed


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
