"""What a workflow has to hand over for the configuration: the kubeconfig of a cluster, the token for Prometheus.

A called workflow sees none of the repository's secrets but those that its caller names. A runner of one's own may have
a kubeconfig and variables of its own, and a job of one's own can get them from anywhere: of neither is anything said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dreamnet_actions.entrances.doctor.check import Finding, Surroundings
from dreamnet_actions.entrances.setup.called import REUSABLE, RUNNER, SECRETS, VARIABLES
from dreamnet_actions.entrances.setup.choose import token_variable
from dreamnet_actions.entrances.setup.reading import Caller
from dreamnet_actions.entrances.setup.yaml import flow
from dreamnet_actions.errors import ConfigError

_HOSTED = re.compile(r"(?:ubuntu|windows|macos)-[\w.-]+")
"""The labels of runners that GitHub has (docs.github.com, "GitHub-hosted runners reference")."""


def handed(at: Surroundings) -> Iterator[Finding]:
    """Each job that reaches clusters is given what they and Prometheus want to see."""
    if isinstance(at.config, ConfigError):
        return
    platforms = at.config.config.platforms.items()
    on_clusters = [name for name, one in platforms if getattr(one.options, "kubeconfig", "") is None]
    if on_clusters:
        yield from _handed(at, "kubeconfig", f"kubeconfig of {', '.join(on_clusters)}")
    variable = token_variable(at.config.config)
    if variable == VARIABLES["prometheus-token"]:
        yield from _handed(at, "prometheus-token", "token for Prometheus")
    elif variable is not None:
        yield from _unknown(at, variable)


def _handed(at: Surroundings, name: str, what: str) -> Iterator[Finding]:
    """See that callers hand a secret over."""
    reaching = _taking(at, name)
    lacking = [one for one in reaching if not gives(one, name)]
    for one in lacking:
        yield Finding(
            status="warning",
            what=what,
            detail=f"the workflow of {one.keeper} hands none over, and a runner of GitHub's has none",
            fix=f"gh secret set {SECRETS[name]}, and write in the job:\n"
            f"    secrets: {flow({name: f'${{{{ secrets.{SECRETS[name]} }}}}'})}",
            file=one.path,
            line=one.uses_line,
        )
    if reaching and not lacking:
        yield Finding(status="ok", what=what, detail="it is handed over", file=reaching[0].path)


def _unknown(at: Surroundings, variable: str) -> Iterator[Finding]:
    """Tell of a variable that no called job has."""
    for one in _taking(at, "prometheus-token"):
        yield Finding(
            status="warning",
            what="token for Prometheus",
            detail=f"jobs of {one.keeper} have no variable {variable}: a called workflow has its own only",
            fix=f"Write 'token-variable: {VARIABLES['prometheus-token']}' in metrics.prometheus, and in the job:\n"
            f"    secrets: {flow({'prometheus-token': f'${{{{ secrets.{variable} }}}}'})}",
            file=one.path,
            line=one.uses_line,
        )


def _taking(at: Surroundings, name: str) -> list[Caller]:
    """Answer the jobs on runners of GitHub's that call what takes a secret; those of this repository's own apart."""
    found = [one for one in at.callers if one.calls and not one.inner and not one.own]
    return [one for one in found if name in REUSABLE[one.keeper].takes and _HOSTED.fullmatch(_runner(one))]


def _runner(one: Caller) -> str:
    given = one.job_entry.node.get("with")
    said = given.get("runs-on") if given else None
    return str(said.value) if said else RUNNER


def gives(one: Caller, name: str) -> bool:
    """Say whether a job hands a secret over to the workflow that it calls."""
    given = one.job_entry.node.get("secrets")
    return given is not None and (given.value == "inherit" or given.get(name) is not None)
