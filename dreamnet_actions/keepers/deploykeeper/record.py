"""What is written down about one rollout: the intent before the platform is touched, steps, verdict, what is held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from dreamnet_actions.domain.approval import KEY, Approval
from dreamnet_actions.domain.chronicle import RELEASE_KINDS, timeline
from dreamnet_actions.domain.release import Release, ServiceState
from dreamnet_actions.domain.request import AgentRequest
from dreamnet_actions.domain.result import Change, ErrorInfo, Report, Verdict, warning
from dreamnet_actions.domain.spec.models import Service
from dreamnet_actions.errors import BudgetSpent, DreamNetError
from dreamnet_actions.keepers.context import Context
from dreamnet_actions.ports.delivery import ReleaseReporter


@dataclass(frozen=True, kw_only=True)
class Record:
    """The journal's side of a rollout of one service, and the people who are told.

    The intent is the service's one shared note on the rollout that began last: ``phase`` is ``out`` (it is brought
    out), ``waits`` (its canary serves and waits, for a person or for the metric source), ``back`` (it is being taken
    back), ``undo`` (somebody asked to go back) or ``ended``. A run that was cut off is continued from it, so that every
    rollout comes to its verdict. Of a canary it has the step that it is in, and what its evidence was as that began.
    """

    context: Context
    request: AgentRequest
    service: str
    key: str
    platform: str
    reporter: ReleaseReporter
    url: str | None = None
    """Where people see the service."""
    untold: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What people could not be told of and why: findings, each once."""

    # ── the intent ───────────────────────────────────────────────────────────────────────────────────────

    @property
    def intent(self) -> dict[str, Any] | None:
        """The rollout of this service that began last, if any."""
        stored, _ = self.context.journal.state(self._key)
        return stored if isinstance(stored, dict) else None

    @property
    def mine(self) -> dict[str, Any] | None:
        """The intent, where it is of this very request: its run was cut off, or is to be answered again."""
        intent = self.intent
        return intent if intent is not None and intent["request"] == self.request.id else None

    @property
    def _key(self) -> str:
        return f"rollout/{self.key}"

    def intend(self, phase: str, version: str, **more: object) -> dict[str, Any]:
        """Write the intent; what an earlier phase of the same rollout wrote stays."""
        former = self.mine or {}
        over = former.get("phase") == "ended" and phase != "ended"
        if over or former.get("version") != version:
            former = {"token": f"{self.request.id}/{self.context.ids.fresh()}"}
        at = self.context.clock.now()
        intent = {**former, "request": self.request.id, "version": version, "phase": phase, "at": at, **more}
        self.context.journal.set_state(self._key, intent)
        return intent

    def unproved(self, version: str) -> bool:
        """Say whether the run that brought this version out was cut off before it came to a verdict."""
        intent = self.intent
        return intent is not None and intent["version"] == version and intent["phase"] in ("out", "back")

    def answered(self) -> Report | None:
        """Answer the report of this very request, where its rollout came to an end that is not tried again."""
        intent = self.mine
        if (
            intent is None
            or intent["phase"] != "ended"
            or intent["verdict"] not in ("deployed", "rolled-back")
        ):
            return None
        changes = [
            Change(what=one["what"], before=one["from"], after=one["to"], why=one["why"], undo=one["undo"])
            for one in intent["changes"]
        ]
        return self._report(intent["verdict"], intent["text"], changes, [])

    def close(self, intent: dict[str, Any], text: str) -> None:
        """Bring another request's rollout, which was being taken back, to its end in the books."""
        ended = {**intent, "phase": "ended", "verdict": "rolled-back", "text": text, "changes": []}
        self.context.journal.set_state(self._key, ended)
        self._note("release-ended", text, version=intent["version"], verdict="rolled-back")

    # ── canaries ─────────────────────────────────────────────────────────────────────────────────────────

    @property
    def canary(self) -> dict[str, Any]:
        """The ``step`` that this rollout's canary is in, its ``shares`` and ``evidence``; empty where it has none."""
        found = (self.mine or {}).get("canary")
        return found if isinstance(found, dict) else {}

    def at_step(self, step: int, shares: Sequence[float], evidence: Mapping[str, Any]) -> None:
        """Write down that a step of the canary begins."""
        at = {"step": step, "shares": list(shares), "evidence": dict(evidence)}
        self.intend("out", (self.mine or {})["version"], canary=at)

    def take_over(self, intent: Mapping[str, Any], *, step: int | None = None) -> None:
        """Make another request's rollout this one's, at its own step or at ``step``."""
        canary = dict(intent.get("canary") or {})
        if step is not None:
            canary["step"] = step
        mine = {**intent, "request": self.request.id, "phase": "out", "canary": canary, KEY: None}
        self.context.journal.set_state(self._key, mine)

    def say_word(self, word: str, why: str) -> bool:
        """Leave a word for the run that works on this service; False where no rollout is under way."""
        intent = self.intent
        if intent is None or intent["phase"] != "out":
            return False
        self.context.journal.set_state(self._word, {"word": word, "why": why, "token": intent["token"]})
        return True

    def word(self) -> tuple[str, str] | None:
        """Take the word that somebody left for this rollout: ``promote`` or ``abort``, and why."""
        left, _ = self.context.journal.state(self._word)
        if not left:
            return None
        self.context.journal.set_state(self._word, None)
        mine = self.mine
        return (left["word"], left["why"]) if mine is not None and left["token"] == mine["token"] else None

    def waits(self, release: Release, text: str, hint: str, asked: Approval | None, step: int) -> Report:
        """Write down that the release waits with its canary serving, tell, and answer. ``asked`` None: it does not wait
        for a person alone."""
        canary = {**self.canary, "step": step}
        more = {KEY: asked.to_json() if asked else None, "text": text, "hint": hint}
        self.intend("waits", release.version, canary=canary, **more)
        self._note("release-waits", text, version=release.version)
        self.tell(release, "pending", text)
        return waiting(text, hint, list(self.untold.values()))

    @property
    def _word(self) -> str:
        return f"word/{self.key}"

    # ── facts ────────────────────────────────────────────────────────────────────────────────────────────

    def began(self, release: Release, former: str | None) -> None:
        """Write the intent and the fact that a release begins, and tell."""
        resumed = self.unproved(release.version) and self.mine is not None
        self.intend("out", release.version, revision=release.revision, former=former)
        if resumed:
            return
        text = f"{self.key}: release of {release.short} began"
        self._note("release-started", text, version=release.version, former=former)
        self.tell(release, "in-progress", text)

    def step(self, text: str, **data: object) -> None:
        """Write one step of this release."""
        self._note("release-step", f"{self.key}: {text}", **data)

    def ended(
        self,
        release: Release,
        verdict: Verdict,
        text: str,
        change: Change | None,
        *,
        findings: list[dict[str, object]] | None = None,
        former: str | None = None,
    ) -> Report:
        """Write the verdict, tell, and answer. What has proved itself is held no longer: somebody insisted on it, and
        it was right."""
        if verdict == "deployed":
            self.release(release.version)
        self.note_end(release, verdict, text, former=former)
        changes = [change] if change else []
        version = (self.mine or {}).get("version", release.version)
        self.intend("ended", version, verdict=verdict, text=text, changes=[one.to_json() for one in changes])
        return self._report(verdict, text, changes, [*(findings or []), *self.untold.values(), *self.story()])

    def story(self) -> list[dict[str, object]]:
        """Answer, as a finding, what happened to this release step by step; nothing where that is no story."""
        facts = self.context.journal.read(
            kinds=RELEASE_KINDS, service=self.key, correlation_id=self.request.correlation_id
        )
        steps = timeline(facts)
        return [{"timeline": steps, "release": self.key}] if len(steps) > 1 else []

    def note_end(self, release: Release, verdict: str, text: str, *, told: str = "", **data: object) -> None:
        """Write that a release reached its verdict, and tell; ``told`` is what people are told instead of it."""
        self._note("release-ended", text, version=release.version, verdict=verdict, **data)
        self.tell(release, told or verdict, text)

    def skipped(self, version: str, newer: str) -> Report:
        """Write that a version came too late, and answer; ``newer`` is the commit that it gave way to."""
        text = f"{self.key}: {short(version)} is skipped, for {newer[:7]} is newer"
        if self.request.dry_run:
            return Report(outcome="planned", summary=f"Would skip: {text}.")
        self._note("release-skipped", text, version=version, newer=f"git:{newer}")
        hint = f" To have it all the same: dreamnet deploy {self.service} --version {version[4:11]}"
        return Report(outcome="unchanged", summary=f"{text}.{hint}")

    def tell(self, release: Release, state: str, text: str) -> None:
        """Tell the world; that it cannot be told breaks no release, and stands in its result."""
        try:
            self.reporter.report(release, platform=self.platform, state=state, text=text, url=self.url)
        except DreamNetError as error:
            hint = f"\n{error.hint}" if error.hint else ""
            self.context.reporter.say(f"{self.key}: {state} could not be reported: {error.message}{hint}")
            text = f"{self.key}: how its release stands could not be reported: {error.message}"
            self.untold[text] = warning(text, error)

    def _note(self, kind: str, text: str, **data: object) -> None:
        self.context.note(kind, text, request=self.request, service=self.key, data=data)

    def _report(
        self, verdict: Verdict, text: str, changes: list[Change], findings: list[dict[str, object]]
    ) -> Report:
        good = verdict == "deployed"
        error = ErrorInfo(
            code=f"release.{verdict}",
            message=text,
            hint="See 'dreamnet releases'.",
            docs="docs/deploykeeper.md",
        )
        return Report(
            outcome="done" if good else "failed",
            verdict=verdict,
            summary=f"{text}.",
            findings=findings,
            changes=changes,
            error=None if good else error,
        )

    # ── held versions ────────────────────────────────────────────────────────────────────────────────────

    def hold(self, version: str, why: str) -> None:
        """Remember that a version is bad: it is not deployed again unless somebody names it."""
        value = {"at": self.context.clock.now(), "why": why}
        self.context.journal.set_state(f"held/{self.key}/{version}", value)

    def failed(self, version: str, why: str) -> None:
        """Remember of a version that failed and stays out, for nothing was before it: it may be deployed again (what it
        lacked may be there then), but nothing goes back to it."""
        value = {"at": self.context.clock.now(), "why": why}
        self.context.journal.set_state(f"failed/{self.key}/{version}", value)

    def release(self, version: str) -> None:
        """Forget that a version was bad."""
        for kind in ("held", "failed"):
            if self.context.journal.state(f"{kind}/{self.key}/{version}")[0]:
                self.context.journal.set_state(f"{kind}/{self.key}/{version}", None)

    def bad(self, state: ServiceState) -> frozenset[str]:
        """Answer those former versions of a service that nothing goes back to: what is held, and what failed."""
        return frozenset(
            one.version
            for one in state.former
            if any(
                self.context.journal.state(f"{kind}/{self.key}/{one.version}")[0]
                for kind in ("held", "failed")
            )
        )

    def refuse_held(self, version: str) -> None:
        """Raise BudgetSpent where the version is held."""
        held, _ = self.context.journal.state(f"held/{self.key}/{version}")
        if held:
            raise BudgetSpent(
                f"{short(version)} of {self.key} is held: it was taken back before, because {held['why']}.",
                hint=f"Push a fix, or insist: dreamnet deploy {self.service} --version {version.partition(':')[2]}",
            )


def waiting(text: str, hint: str, findings: list[dict[str, Any]]) -> Report:
    """Answer the report of a release that waits."""
    error = ErrorInfo(code="release.waits", message=text, hint=hint, docs="docs/deploykeeper.md")
    return Report(outcome="deferred", summary=f"{text}.", findings=findings, error=error)


def skipped(context: Context, service: str, state: ServiceState | None) -> dict[str, object]:
    """Answer, for ``status``, the versions that came too late for what runs, the newest first, at most five."""
    runs = state.stable.release.version if state else None
    facts = context.journal.read(kinds={"release-skipped"}, service=context.key(service))
    found = [str(one.data["version"]) for one in facts if one.data.get("newer") == runs]
    return {"skipped": list(dict.fromkeys(reversed(found)))[:5]}


def page(spec: Service) -> str | None:
    """Answer where people see a service: the start of the first address that one of its checks asks, without anything
    that could be secret in it; None where none is asked."""
    for check in spec.checks.values():
        address = urlsplit(str(getattr(check, "http", "")))
        if address.scheme in ("http", "https") and address.hostname and "$" not in address.netloc:
            return f"{address.scheme}://{address.netloc.rpartition('@')[2]}/"
    return None


def short(version: str) -> str:
    """Write a version as people say it."""
    return Release(service="", version=version).short
