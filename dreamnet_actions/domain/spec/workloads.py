"""The name of a Kubernetes workload as configuration writes it: ``deployment/web``."""

from __future__ import annotations

import re
from typing import Annotated

from dreamnet_actions.domain.spec.values import Written, shown

KINDS = {
    "deployment": "Deployment",
    "statefulset": "StatefulSet",
    "daemonset": "DaemonSet",
    "job": "Job",
    "cronjob": "CronJob",
}
"""The kinds of workload that can be a service, by their word in the file."""
_FORM = rf"({'|'.join(KINDS)})/[a-z0-9]([a-z0-9.-]{{0,251}}[a-z0-9])?"


def _workload(value: object) -> str:
    if isinstance(value, str) and re.fullmatch(_FORM, value):
        return value
    raise ValueError(
        f"{shown(value)} is no workload; write its kind and name, as in 'deployment/web' (kinds: {', '.join(KINDS)})"
    )


Workload = Annotated[str, Written(_workload, f"^{_FORM}$", "deployment/web")]
"""A workload: its kind in small letters, a slash, its name."""
