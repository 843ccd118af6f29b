"""The doctor's round: what there is to look at, every check in turn, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dreamnet_actions.config.load import Loaded
from dreamnet_actions.config.source import find
from dreamnet_actions.domain.spec.models import Config
from dreamnet_actions.entrances.doctor import clusters, hosted, local
from dreamnet_actions.entrances.doctor.check import Check, Finding, Status, Surroundings
from dreamnet_actions.entrances.doctor.handed import handed
from dreamnet_actions.entrances.doctor.proposals import proposals
from dreamnet_actions.entrances.doctor.reverts import reverts
from dreamnet_actions.entrances.doctor.secrets import secrets
from dreamnet_actions.entrances.doctor.tokens import tokens
from dreamnet_actions.entrances.setup import published
from dreamnet_actions.entrances.setup.choose import wanted_of
from dreamnet_actions.entrances.setup.reading import Caller, Unreadable, read
from dreamnet_actions.entrances.setup.workflows import FOLDER
from dreamnet_actions.errors import (
    ConfigError,
    DreamNetError,
    TemporaryError,
    Unauthenticated,
)
from dreamnet_actions.ports.hosting import Hosting, WorkingCopy

CHECKS: tuple[Check, ...] = (
    Check(name="configuration", look=local.configuration),
    Check(name="remote", look=local.remote),
    Check(name="workflows", look=local.workflows),
    Check(name="listeners", look=local.listeners),
    Check(name="reverts", look=reverts),
    Check(name="pull requests", look=proposals),
    Check(name="token for secrets", look=tokens),
    Check(name="federation", look=clusters.federation),
    Check(name="secrets handed over", look=handed),
    Check(name="clusters", look=clusters.clusters),
    Check(name="secrets", look=secrets),
    Check(name="token", look=hosted.token, online=True),
    Check(name="repository", look=hosted.repository, online=True),
    Check(name="permissions", look=hosted.permissions, online=True),
    Check(name="actions", look=hosted.actions, online=True),
    Check(name="on the branch", look=hosted.on_branch, online=True),
    Check(name="journal", look=hosted.journal, online=True),
    Check(name="labels", look=hosted.labels, online=True),
)
"""Every check, in the order in which its findings are told. Later keepers add theirs here."""
MOST_BYTES = 262_144
"""A larger file is no workflow of anybody's."""


@dataclass(frozen=True, kw_only=True)
class Examined:
    """What came of a round; ``passed_over`` names the checks that were not made, ``because`` says why."""

    findings: tuple[Finding, ...]
    passed_over: tuple[str, ...] = ()
    because: str = ""
    config_wrong: bool = False

    def count(self, status: Status) -> int:
        """Count the findings of a status."""
        return sum(one.status == status for one in self.findings)

    @property
    def verdict(self) -> str:
        """``ready``, or ``lacking`` when something has to be done before DreamNet works."""
        return "lacking" if self.count("failed") else "ready"


def surroundings(
    root: Path,
    copy: WorkingCopy | None,
    environ: Mapping[str, str],
    hosting: Hosting | None,
    *,
    offline: bool = False,
) -> Surroundings:
    """Read what there is here: the configuration, the remote, the workflows. ``offline``: clusters are not asked."""
    from dreamnet_actions.bootstrap import check_config

    config: Loaded | ConfigError
    try:
        config = loaded = check_config(find(root))
        found = loaded.config
    except ConfigError as error:
        config, found = error, Config(version=1)
    wanted = wanted_of(found, branch=None, otherwise=copy.branch if copy else None, ref=published.ref())
    texts = dict(_workflows(root))
    callers: list[Caller] = []
    unreadable: list[Unreadable] = []
    for path, text in texts.items():
        answer = read(path, text)
        if isinstance(answer, Unreadable):
            unreadable.append(answer)
        else:
            callers += answer
    return Surroundings(
        root=root,
        repository=environ.get("GITHUB_REPOSITORY") or (copy.repository if copy else None),
        host=copy.host if copy else None,
        config=config,
        wanted=wanted,
        workflows=texts,
        callers=tuple(callers),
        unreadable=tuple(unreadable),
        hosting=hosting,
        environ=None if offline else environ,
    )


def examine(at: Surroundings, checks: Sequence[Check] = CHECKS, *, because: str = "") -> Examined:
    """Make every check; those that ask the host only while there is one, and until it says no for good.

    ``because`` says why there is none. One failing check never hides the others.
    """
    findings: list[Finding] = []
    passed_over: list[str] = []
    for check in checks:
        if check.online and (at.hosting is None or because):
            passed_over.append(check.name)
            continue
        try:
            findings += check.look(at)
        except Unauthenticated as error:
            findings.append(Finding(status="failed", what="token", detail=error.message, fix=error.hint))
            because = "the host does not take the token"
        except TemporaryError as error:
            findings.append(Finding(status="unknown", what=check.name, detail=error.message, fix=error.hint))
            because = "the host did not answer"
        except DreamNetError as error:
            findings.append(Finding(status="failed", what=check.name, detail=error.message, fix=error.hint))
    return Examined(
        findings=tuple(findings),
        passed_over=tuple(passed_over),
        because=because if passed_over else "",
        config_wrong=isinstance(at.config, ConfigError),
    )


def _workflows(root: Path) -> list[tuple[str, str]]:
    """Read the workflows of the working copy; what is no text or too large is none."""
    found = []
    for file in sorted((root / FOLDER).glob("*.y*ml")):
        try:
            if file.is_file() and file.stat().st_size <= MOST_BYTES:
                found.append((file.relative_to(root).as_posix(), file.read_text("utf-8")))
        except (OSError, ValueError):
            continue
    return found
