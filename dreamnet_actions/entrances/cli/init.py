"""``dreamnet init``: look, ask, show, and only then write. What is there is never overwritten."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dreamnet_actions.entrances.cli.choice import Choice, choice
from dreamnet_actions.entrances.cli.environment import environ
from dreamnet_actions.entrances.cli.terminal import one_line, say
from dreamnet_actions.errors import RefusedError, RequestInvalid
from dreamnet_actions.errors.configuration import ConfigMissing

if TYPE_CHECKING:
    from dreamnet_actions.config.load import Loaded
    from dreamnet_actions.domain.spec.models import Config
    from dreamnet_actions.entrances.setup.choose import Asked
    from dreamnet_actions.entrances.setup.clustered import Cluster
    from dreamnet_actions.entrances.setup.manifests import Found
    from dreamnet_actions.entrances.setup.recognise import Guess
    from dreamnet_actions.entrances.setup.seen import Seen
    from dreamnet_actions.entrances.setup.workflows import Wanted
    from dreamnet_actions.entrances.setup.writing import Planned

NEXT = (
    ("dreamnet validate", "check the configuration"),
    ("git add .github", "and commit: schedules and buttons start from what is on the default branch"),
    ("dreamnet doctor", "see what is missing at GitHub, with the line to add"),
    ("dreamnet sandbox", "try the workflows on this machine, before you push"),
)


@dataclass(frozen=True, kw_only=True)
class Flags:
    """What the command line said."""

    asked: Asked
    platform: str | None
    cluster: Cluster | None
    schedule: str | None
    branch: str | None
    env: str | None
    ref: str
    runner: str
    yes: bool
    dry_run: bool

    @property
    def configures(self) -> bool:
        """Say whether anything was said of what stands in the configuration."""
        named = self.platform is not None or self.cluster is not None
        return self.asked.anything or named or self.env is not None

    @property
    def processes(self) -> bool:
        """Say whether what was said can mean processes only."""
        command = self.asked.command is not None or self.asked.port is not None
        return self.cluster is None and (command or self.platform is not None or self.env is not None)

    @property
    def asking(self) -> bool:
        """Say whether a person is there to be asked."""
        return not self.yes and not self.dry_run and sys.stdin.isatty()


@click.command()
@click.option("--service", metavar="NAME", help="Set up this one service; else every one that is recognised.")
@click.option("--command", metavar="LINE", help="How it starts; {port} becomes the port that it listens on.")
@click.option("--port", type=click.IntRange(1, 65535), help="The port that clients use.")
@click.option("--check", metavar="URL", help="The address that tells whether it is well.")
@click.option(
    "--platform", metavar="NAME", help="kubernetes or gke; else what to call the process platform (local)."
)
@click.option("--cluster", metavar="PROJECT/LOCATION/NAME", help="Which cluster of GKE.")
@click.option("--schedule", metavar="CRON", help="How often to check: a cron line, or 30m, 1h (30m).")
@click.option("--branch", metavar="NAME", help="The branch that is deployed; else the default branch.")
@click.option("--env", metavar="FILE", help="Keep the values of this file in step, with a workflow for it.")
@click.option("--ref", metavar="REF", help="Commit or tag of DreamNet's workflows; else this release's.")
@click.option("--runner", metavar="LABEL", help="The runner that jobs run on; else ubuntu-latest.")
@click.option("--yes", "-y", is_flag=True, help="Ask nothing: take what is recognised, and write.")
@click.option("--dry-run", is_flag=True, help="Show what would be written, and stop.")
@choice
def init(
    chosen: Choice,
    service: str | None,
    command: str | None,
    port: int | None,
    check: str | None,
    platform: str | None,
    cluster: str | None,
    schedule: str | None,
    branch: str | None,
    env: str | None,
    ref: str | None,
    runner: str | None,
    yes: bool,
    dry_run: bool,
) -> None:
    """It looks at the repository, asks what it cannot see, shows every line, and writes after a yes.

    Status 4 when a file is there that differs: it is left as it is.
    """
    from dreamnet_actions.domain.spec.forms import FileInside, HttpAddress
    from dreamnet_actions.entrances.cli import asking
    from dreamnet_actions.entrances.setup import clustered, published
    from dreamnet_actions.entrances.setup.called import DREAM, RUNNER
    from dreamnet_actions.entrances.setup.choose import Asked, formed, platform_name
    from dreamnet_actions.entrances.setup.look import look
    from dreamnet_actions.entrances.setup.workflows import callers, path_of

    at = clustered.cluster(platform, cluster)
    flags = Flags(
        asked=Asked(
            service=service,
            command=command,
            port=port,
            check=None if check is None else formed(check, HttpAddress, "--check"),
        ),
        platform=None if at is not None else platform_name(platform),
        cluster=at,
        schedule=_cron(schedule),
        branch=branch,
        env=None if env is None else formed(env, FileInside, "--env"),
        ref=ref or published.ref(),
        runner=runner or RUNNER,
        yes=yes,
        dry_run=dry_run,
    )
    root, seen = look(chosen.root or Path.cwd(), environ())
    texts, wanted, clusters = _texts(root, seen, flags)
    if flags.asking and flags.schedule is None and not (root / path_of(DREAM)).exists():
        wanted = replace(wanted, schedule=asking.schedule("30m", _needed_cron))
        texts |= callers(wanted)
    _propose(root, texts, wanted, flags, clusters=clusters)


def _texts(root: Path, seen: Seen, flags: Flags) -> tuple[dict[str, str], Wanted, bool]:
    """Answer every file's text, what the workflows were written for, and whether services are on clusters."""
    from dreamnet_actions.entrances.setup.choose import wanted_of
    from dreamnet_actions.entrances.setup.workflows import callers

    there = _configured(root)
    texts = {}
    if there is not None and not flags.configures:
        say(f"kept: {_shown(there.file, root)} ({', '.join(there.config.services) or 'no services'})")
        loaded = there.config
    else:
        text, loaded = _drafted(root, seen, flags)
        place = _shown(there.file, root) if there is not None else _config_place()
        texts[place] = text
    wanted = wanted_of(
        loaded,
        branch=flags.branch,
        otherwise=seen.branch,
        ref=flags.ref,
        runner=flags.runner,
        schedule=flags.schedule,
    )
    clusters = any(one.kind in ("kubernetes", "gke") for one in loaded.platforms.values())
    return texts | callers(wanted), wanted, clusters


def _configured(root: Path) -> Loaded | None:
    """Answer the configuration that is there; None without one. Raises ConfigInvalid for one that is wrong."""
    from dreamnet_actions.bootstrap import check_config

    try:
        return check_config(root)
    except ConfigMissing:
        return None


def _drafted(root: Path, seen: Seen, flags: Flags) -> tuple[str, Config]:
    """Draft a configuration from what is seen and asked, and have it checked before anybody reads it."""
    from dreamnet_actions.bootstrap import composed
    from dreamnet_actions.config.reader import read_text
    from dreamnet_actions.entrances.cli.asking import answered
    from dreamnet_actions.entrances.setup.choose import chosen, ports_apart
    from dreamnet_actions.entrances.setup.draft import PLATFORM, Draft, write
    from dreamnet_actions.entrances.setup.manifests import in_manifests
    from dreamnet_actions.entrances.setup.recognise import label, recognise

    held = in_manifests(seen)
    if flags.cluster is not None or (held.services and not flags.processes):
        text = _clustered(root, seen, flags, held)
        return text, composed().validate(read_text(text, _config_place()))
    found = recognise(seen)
    _tell_seen(root, seen, found.services, found.notes)
    guesses = chosen(found.services, flags.asked, seen)
    services = ports_apart(answered(guesses, flags.asked, label(seen.name), asking=flags.asking))
    if not services:
        raise RequestInvalid(
            ["Nothing here tells how a service starts."],
            hint="Say it: dreamnet init --service web --command 'python3 app.py {port}' --port 8080",
        )
    draft = Draft(
        services=tuple(services),
        platform=flags.platform or PLATFORM,
        branch=_releasable(seen, flags),
        env=flags.env,
    )
    text = write(draft)
    return text, composed().validate(read_text(text, _config_place()))


def _clustered(root: Path, seen: Seen, flags: Flags, found: Found) -> str:
    """Draft a configuration for services on Kubernetes, and say which Role it takes."""
    from dreamnet_actions.entrances.setup import clustered

    _tell_seen(root, seen, (), found.notes)
    services = clustered.named(clustered.chosen(found, flags.asked), flags.asked)
    for one in services:
        say("  " + one_line(f"{one.name}: {one.workload} of {one.manifests or 'the cluster'} ({one.why})"))
    if "Dockerfile" in seen.files:
        say(
            "  note: a Dockerfile is here. To have the image of each commit built and deployed, add to its 'release': "
            "image: {push: REGISTRY/NAME}"
        )
    say("What to apply to the cluster, once:")
    for line in clustered.needs(services):
        say(f"  {line}")
    return clustered.write(
        services,
        flags.cluster or clustered.Cluster(),
        platform=clustered.PLATFORM,
        branch=_releasable(seen, flags),
        check=flags.asked.check,
    )


def _tell_seen(root: Path, seen: Seen, services: Sequence[Guess], notes: Sequence[str]) -> None:
    """Say what was seen, and what cannot be set up by this version."""
    languages = ", ".join(seen.languages()) or "no language that is known"
    say(
        f"{one_line(seen.repository or root.name)}: {languages}; branch {one_line(seen.branch or 'none (no git)')}"
    )
    for one in services:
        how = " ".join(one.command) or "how it starts is not said"
        say("  " + one_line(f"{one.name}: {how} ({one.why})"))
    for workflow in seen.workflows():
        say("  " + one_line(f"there already: {workflow}"))
    for note in notes:
        say("  " + one_line(f"note: {note}"))


def _propose(root: Path, texts: dict[str, str], wanted: Wanted, flags: Flags, *, clusters: bool) -> None:
    """Show every file with its difference and what it costs; write after a yes."""
    from dreamnet_actions.entrances.setup import writing

    planned = writing.plan(root, texts)
    for one in planned:
        say(f"{one.state}: {one.path}")
        if diff := one.diff():
            say(diff)
    _tell_cost(wanted)
    _tell_where(wanted, clusters=clusters)
    fresh = [one for one in planned if one.state == "new"]
    if fresh and not flags.dry_run:
        _allowed(flags, len(fresh))
        for path in writing.write(root, planned):
            say(f"wrote {path}")
    elif flags.dry_run:
        say(f"Nothing was written: --dry-run. {len(fresh)} new, {len(planned) - len(fresh)} there already.")
    _refuse_differing([one for one in planned if one.state == "differs"])
    say("Next:")
    for command, why in NEXT:
        say(f"  {command:<17}  {why}")


def _tell_cost(wanted: Wanted) -> None:
    from dreamnet_actions.entrances.setup import cost
    from dreamnet_actions.entrances.setup.called import DREAM, ENV

    schedules = {DREAM: wanted.schedule}
    if wanted.with_env:
        schedules[ENV] = wanted.sync_schedule
    say("What it costs:")
    for line in cost.told(cost.costs(schedules)):
        say(f"  {line}")


def _tell_where(wanted: Wanted, *, clusters: bool) -> None:
    from dreamnet_actions.entrances.setup import published
    from dreamnet_actions.entrances.setup.called import RUNNER

    if wanted.prometheus:
        say("What Prometheus is asked with: gh secret set PROMETHEUS_TOKEN")
    if wanted.federated:
        say("Where it runs: in your cluster, which knows the jobs by a token of GitHub's (docs/gke.md).")
    elif wanted.kubeconfig:
        say(
            "Where it runs: in the cluster that a secret of the repository leads to (docs/kubernetes.md): "
            "gh secret set KUBECONFIG < kubeconfig"
        )
    elif clusters:
        say(
            "Where it runs: in the cluster that 'kubeconfig' of the platform leads to, from where the job runs."
        )
    elif wanted.runner == RUNNER:
        say(
            "Where it runs: services are processes on the machine that runs the job, and a runner of GitHub's is gone "
            "after the job. Name one of your own with --runner, or keep `dreamnet watch` running on your machine."
        )
    else:
        say(
            f"Where it runs: services are processes on {wanted.runner!r}. A checkout is wiped before each job, so set "
            "the variable DREAMNET_STATE (Settings, Secrets and variables, Actions) to a folder there that stays."
        )
    if not published.is_pinned(wanted.ref):
        say(f"The workflows are named by {wanted.ref!r}, which can move; --ref takes a full commit.")


def _allowed(flags: Flags, count: int) -> None:
    """See that somebody said yes; raises RequestInvalid where nobody can."""
    if flags.yes:
        return
    if not flags.asking:
        raise RequestInvalid(
            ["Nobody is there to say yes, so nothing was written."],
            hint="Run it on a terminal, or add --yes. --dry-run only shows.",
        )
    if not click.confirm(f"Write {count} file{'s' if count != 1 else ''}?", default=True):
        raise click.Abort


def _refuse_differing(differing: Sequence[Planned]) -> None:
    if differing:
        names = ", ".join(one.path for one in differing)
        raise RefusedError(
            f"There already and different, so left as {'it is' if len(differing) == 1 else 'they are'}: {names}.",
            hint="The lines above show the difference. Take over what you want by hand, or move the file away and run "
            "dreamnet init again.",
        )


def _cron(text: str | None) -> str | None:
    return None if text is None else _needed_cron(text)


def _needed_cron(text: str) -> str:
    """Read --schedule. Raises RequestInvalid for what is no schedule, or one that GitHub does not keep."""
    from dreamnet_actions.domain.cron import SHORTEST, parse_schedule

    try:
        cron = parse_schedule(text)
    except ValueError as error:
        raise RequestInvalid(
            [f"--schedule: {error}."], hint="Write --schedule 30m, or '7,37 * * * *'."
        ) from None
    if cron.gap < SHORTEST:
        raise RequestInvalid(
            [
                f"--schedule: {text!r} starts every {cron.gap} min; GitHub starts nothing more often than every 5."
            ],
            hint="Write --schedule 5m, or watch more closely with `dreamnet watch`.",
        )
    return cron.line


def _releasable(seen: Seen, flags: Flags) -> str | None:
    """Answer the branch whose commits are deployed; None outside git, and for a name that the configuration does not
    take: then the command is the only version."""
    from typing import get_args

    from dreamnet_actions.domain.spec.forms import Branch

    branch = (flags.branch or seen.branch) if seen.branch is not None else None
    try:
        return get_args(Branch)[1].parse(branch) if branch is not None else None
    except ValueError:
        return None


def _config_place() -> str:
    from dreamnet_actions.entrances.setup.draft import CONFIG

    return CONFIG


def _shown(file: Path, root: Path) -> str:
    return file.resolve().relative_to(root.resolve()).as_posix()
