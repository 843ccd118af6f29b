"""Where values go to Actions secrets or variables: a token that may write them, for no job's own may."""

from __future__ import annotations

from collections.abc import Iterator

from dreamnet_actions.entrances.doctor.check import Finding, Surroundings
from dreamnet_actions.entrances.setup.called import ENV, RELAY, VARIABLES
from dreamnet_actions.entrances.setup.choose import AT_GITHUB, HASHED
from dreamnet_actions.entrances.setup.reading import Caller
from dreamnet_actions.errors import ConfigError

SECRETS_TOKEN = "secrets-token"  # noqa: S105 - the name that the workflows take it by
VARIABLE = VARIABLES[SECRETS_TOKEN]
_FIX = (
    "Make a token of a GitHub App, or a fine-grained one, with the repository permissions that its sinks need "
    f"(Secrets, Variables, Environments: read and write), save it as the secret {VARIABLE}, and write in the job:\n"
    f'    secrets: {{{SECRETS_TOKEN}: "${{{{ secrets.{VARIABLE} }}}}"}}'
)


_KEY = VARIABLES["hash-key"]
_KEY_FIX = (
    f"Make a key once (openssl rand -hex 32 | gh secret set {_KEY}), and write in the step:\n"
    f'    env: {{{_KEY}: "${{{{ secrets.{_KEY} }}}}"}}'
)


def tokens(at: Surroundings) -> Iterator[Finding]:
    """Each job that has EnvKeeper work hands over such a token."""
    if isinstance(at.config, ConfigError):
        return
    entries = at.config.config.env.items()
    named = [name for name, entry in entries if any(one.kind in AT_GITHUB for one in entry.to)]
    if not named:
        return
    what = f"secrets of {', '.join(named)}"
    callers = [one for keeper in (ENV, RELAY) for one in at.calling(keeper)]
    lacking = [one for one in callers if not _hands_over(one)]
    for one in lacking:
        yield Finding(
            status="failed",
            what=what,
            detail=f"no workflow's own token may write there, and {one.keeper} is handed no other",
            fix=_FIX,
            file=one.path,
            line=one.job_entry.key.line,
        )
    files = [name for name, entry in entries if name in named and entry.from_.kind in HASHED]
    for one in callers if files else ():
        if _makes_its_token(one):
            yield Finding(
                status="failed",
                what=f"secrets of {', '.join(files)}",
                detail=f"{one.keeper}'s token is another one in each job, so files need a key to be compared by",
                fix=_KEY_FIX,
                file=one.path,
                line=one.job_entry.key.line,
            )
    if callers and not lacking:
        detail = "a token is handed over; whether it may is seen at the first sync"
        yield Finding(status="ok", what=what, detail=detail)


def _hands_over(one: Caller) -> bool:
    """Say whether a job has such a token: handed to the workflow that it calls, or in the variable of its own."""
    node = one.job_entry.node
    if one.calls:
        given = node.entries.get("secrets")
        if given is None:
            return False
        names = {str(name) for name in given.node.entries} if isinstance(given.node.value, dict) else set()
        return given.node.value == "inherit" or bool(names & {SECRETS_TOKEN, "token"})
    if one.keeper == RELAY:
        return True  # it carries messages only
    return VARIABLE in _variables(one)


def _makes_its_token(one: Caller) -> bool:
    """Say whether a job works itself, with a token that a step of it has made, and without a key."""
    variables = {} if one.calls or one.keeper == RELAY else _variables(one)
    return "steps." in variables.get(VARIABLE, "") and VARIABLES["hash-key"] not in variables


def _variables(one: Caller) -> dict[str, str]:
    """Answer the variables that a job's steps have, by workflow, job and step."""
    node = one.job_entry.node
    steps = node.get("steps")
    places = [one.tree.root, node, *(steps.items if steps else ())]
    found = [env.entries for place in places if (env := place.get("env")) is not None]
    return {str(name): str(entry.node.value) for entries in found for name, entry in entries.items()}
