"""Progressive roll-outs of flags: begun, brought on step by step, turned back.

What is under way is in the journal's shared state, one row a flag, written before and after each change of the file: so
a run that was cut off is taken up again. DreamKeeper says when a step is due and when the services fail; here is
only done what it says (``keepers/dreamkeeper/flagwatch.py``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from dreamnet_actions.domain.flag import Flag
from dreamnet_actions.domain.flagedit import Edit, Share, edited, percent, share_of
from dreamnet_actions.domain.flagrollout import (
    EVERY,
    PREFIX,
    FlagRollout,
    read_every,
    read_services,
    read_steps,
)
from dreamnet_actions.domain.request import AgentRequest
from dreamnet_actions.domain.result import Change, Report
from dreamnet_actions.domain.units import format_duration
from dreamnet_actions.errors import NotFound, RefusedError, RequestInvalid
from dreamnet_actions.keepers.context import Context, lacks_service
from dreamnet_actions.keepers.envkeeper.publishing import Publishing
from dreamnet_actions.ports.flags import Changed, FlagStore, Note

HOLD = 120.0
"""Seconds for which a step holds the flags, at most."""


@dataclass(frozen=True, kw_only=True)
class Rollouts:
    """The roll-outs of one store's flags, for one request."""

    context: Context
    store: FlagStore
    request: AgentRequest
    account: str
    publishing: Publishing

    def begin(self, flag: Flag, variant: str) -> Report:
        """Begin one with its first step."""
        rollout = self._asked(flag, variant)
        share = Share.of(variant, rollout.share)
        edited(flag, Edit(share=share))  # what is refused is refused before anything is written
        change = self._change(rollout, share, flag)
        if self.request.dry_run:
            return Report(outcome="planned", summary=f"Would roll out {rollout}.", changes=[change])
        running = self._running(flag.name)
        if running is not None and running.id != rollout.id:
            raise RefusedError(
                f"{flag.name} is being rolled out: {running}; {percent(running.share)} now.",
                hint=f"Stop that first: dreamnet turn-back-flag {flag.name}",
            )
        if running is not None:  # this very request was cut off
            rollout = running
        done = self._settle(rollout, share)
        return Report(
            outcome="done",
            summary=f"{flag.name}: {share} now; {self._goes_on(rollout)}",
            changes=[change],
            findings=done,
        )

    def advance(self, name: str, step: int | None) -> Report:
        """Go on to the next step, or end it after the last."""
        rollout = self._running(name)
        if rollout is None:
            if step is None and not self._told_before(name):
                raise NotFound("roll-out of flag", name, self._all())
            return Report(outcome="unchanged", summary=f"{name} is not being rolled out any more.")
        wanted = rollout.step + (1 if rollout.settled else 0)
        if step is not None and step != wanted:
            return Report(outcome="unchanged", summary=f"{name} is at step {rollout.step + 1} already.")
        flag = self.store.get(name)
        if (why := self._left_alone(rollout, flag)) is not None:
            return self._dropped(rollout, why)
        if wanted == len(rollout.steps):
            return self._finished(rollout)
        rollout = replace(rollout, step=wanted, settled=False)
        share = Share.of(rollout.variant, rollout.share)
        change = self._change(rollout, share, flag)
        if self.request.dry_run:
            return Report(outcome="planned", summary=f"Would give {share}.", changes=[change])
        done = self._settle(rollout, share)
        return Report(
            outcome="done",
            summary=f"{name}: {share} now; {self._goes_on(rollout)}",
            changes=[change],
            findings=done,
        )

    def turn_back(self, name: str) -> Report:
        """Stop it, and give the variant to as many as before it began."""
        rollout = self._running(name)
        if rollout is None:
            # It was turned back already, or somebody ended it.
            if self.request.hops or self._told_before(name):
                return Report(outcome="unchanged", summary=f"{name} is not being rolled out any more.")
            raise NotFound("roll-out of flag", name, self._all())
        flag = self.store.get(name)
        if (why := self._left_alone(rollout, flag, rollout.former)) is not None:
            return self._dropped(rollout, why)
        share, reason = Share.of(rollout.variant, rollout.former), self._why("it was asked for")
        change = replace(self._change(rollout, share, flag), why=reason)
        if self.request.dry_run:
            return Report(outcome="planned", summary=f"Would turn {name} back to {share}.", changes=[change])
        with self.context.lock.lease("flags", HOLD):
            note = Note(
                subject=f"Turn flag {name} back: {share}", why=reason, by=self._by("DreamNet"), at_once=True
            )
            back = self.store.change(name, Edit(share=share), note)
            done = [*_where(name, back), *self.publishing.after_change(self.request, at_once=True)]
            self._told("flag-turned-back", rollout, f"flag {name} is turned back: {share}, because {reason}")
            self.context.journal.set_state(f"{PREFIX}{name}", None)
        return Report(
            outcome="done",
            summary=f"{name} is turned back: {share}.",
            changes=[change],
            findings=done,
        )

    def superseded(self, edit: Edit, name: str) -> None:
        """End what a change by hand decides otherwise: a killed flag, and one whose share somebody sets."""
        decided = edit.state == "DISABLED" or edit.share is not None
        if decided and not self.request.dry_run and (rollout := self._running(name)) is not None:
            self._dropped(rollout, "somebody decided otherwise")

    # ── inside ───────────────────────────────────────────────────────────────────────────────────────────

    def _asked(self, flag: Flag, variant: str) -> FlagRollout:
        """Read what the request asks for; raises RequestInvalid with all that is wrong."""
        given, known, wrong = self.request.input, self.context.config.services, []
        steps: tuple[float, ...] = ()
        every = 0.0
        try:
            steps = read_steps(given["steps"])
            for one in steps:
                Share.of(variant, one)
        except ValueError as error:
            wrong.append(f"'input.steps': {error}.")
        try:
            every = read_every(given.get("every", EVERY))
        except ValueError as error:
            wrong.append(f"'input.every': {error}.")
        services = read_services(given.get("service"), list(known))
        if not services:
            wrong.append("'input.service' is missing: no service's checks would stop it.")
        if wrong:
            raise RequestInvalid(wrong)
        for name in services:
            if name not in known:
                raise lacks_service(name, self.context.config)
        if self.context.config.flags is not None and self.context.config.flags.change == "pull-request":
            raise RefusedError(
                "Steps cannot wait for merges: 'flags' says 'change: pull-request'.",
                hint="Roll out by hand (--share), or let flags be changed by commits: flags: {change: commit}",
            )
        rolled = share_of(flag.targeting)
        return FlagRollout(
            id=self.request.id,
            flag=flag.name,
            variant=variant,
            steps=steps,
            every=every,
            services=services,
            former=rolled[0].part if rolled and rolled[0].variant == variant else 0.0,
            by=self._by(self.account),
            why=self._why("it was asked for"),
        )

    def _settle(self, rollout: FlagRollout, share: Share) -> list[dict[str, Any]]:
        """Write down what is about to be done, do it, and write down that it is done; answers the findings."""
        key = f"{PREFIX}{rollout.flag}"
        with self.context.lock.lease("flags", HOLD):
            self.context.journal.set_state(key, rollout.to_json())
            number = f"step {rollout.step + 1} of {len(rollout.steps)}"
            note = Note(
                subject=f"Roll out flag {rollout.flag}: {share} ({number})", why=rollout.why, by=rollout.by
            )
            done = self.store.change(rollout.flag, Edit(share=share), note)
            told = self.publishing.after_change(self.request, at_once=False)
            settled = replace(rollout, settled=True, since=self.context.clock.now())
            self._told("flag-rolled-out", rollout, f"flag {rollout.flag}: {share}, {number}")
            self.context.journal.set_state(key, settled.to_json())
        return [*_where(rollout.flag, done), *told]

    def _left_alone(self, rollout: FlagRollout, flag: Flag, *also: float) -> str | None:
        """Say why a roll-out is no longer ours to bring on: somebody changed the flag by other ways. ``also`` are
        shares that a run of ours may have left, which was cut off."""
        if flag.state == "DISABLED":
            return "it is off"
        rolled = share_of(flag.targeting)
        before = rollout.steps[rollout.step - 1] if rollout.step else rollout.former
        ours = {round(one, 9) for one in (rollout.share, *also, *(() if rollout.settled else (before,)))}
        now = round(rolled[0].part, 9) if rolled else 0.0
        if now in ours and (rolled is None or rolled[0].variant == rollout.variant):
            return None
        return "somebody changed its targeting"

    def _dropped(self, rollout: FlagRollout, why: str) -> Report:
        text = f"the roll-out of flag {rollout.flag} ends where it is: {why}"
        if not self.request.dry_run:
            self._told("flag-rollout-ended", rollout, text)
            self.context.journal.set_state(f"{PREFIX}{rollout.flag}", None)
        return Report(outcome="unchanged", summary=f"{text[0].upper()}{text[1:]}.")

    def _finished(self, rollout: FlagRollout) -> Report:
        share = Share.of(rollout.variant, rollout.share)
        summary = f"{rollout.flag} is rolled out: {share}."
        if not self.request.dry_run:
            self._told("flag-rollout-ended", rollout, f"flag {rollout.flag} is rolled out: {share}")
            self.context.journal.set_state(f"{PREFIX}{rollout.flag}", None)
        return Report(outcome="planned" if self.request.dry_run else "done", summary=summary)

    def _goes_on(self, rollout: FlagRollout) -> str:
        services, stay = ", ".join(rollout.services), "stays" if len(rollout.services) == 1 else "stay"
        what = "it ends" if rollout.step + 1 == len(rollout.steps) else "the next step comes"
        return f"{what} in {format_duration(rollout.every)} if {services} {stay} well."

    def _change(self, rollout: FlagRollout, share: Share, flag: Flag) -> Change:
        rolled = share_of(flag.targeting)
        return Change(
            what=f"flag {rollout.flag}",
            before=str(rolled[0]) if rolled else None,
            after=str(share),
            why=rollout.why,
            undo=f"dreamnet turn-back-flag {rollout.flag}",
        )

    def _told(self, kind: str, rollout: FlagRollout, text: str) -> None:
        data = {
            "flag": rollout.flag,
            "rollout": rollout.id,
            "step": rollout.step,
            "by": rollout.by,
            "request": self.request.id,
        }
        self.context.note(kind, text, request=self.request, data=data)

    def _told_before(self, name: str) -> bool:
        """Say whether this very request ended the flag's roll-out already, and was cut off right after."""
        told = self.context.journal.read(kinds={"flag-turned-back", "flag-rollout-ended"}, limit=100)
        return any((one.data.get("flag"), one.data.get("request")) == (name, self.request.id) for one in told)

    def _running(self, name: str) -> FlagRollout | None:
        stored, _ = self.context.journal.state(f"{PREFIX}{name}")
        return FlagRollout.from_json(stored) if stored else None

    def _all(self) -> list[str]:
        return [key.removeprefix(PREFIX) for key, one in self.context.journal.states(PREFIX).items() if one]

    def _why(self, default: str) -> str:
        return str(self.request.input.get("reason", default))

    def _by(self, default: str) -> str:
        return str(self.request.input.get("by", "DreamNet" if self.request.hops else default))


def _where(name: str, done: Changed) -> list[dict[str, str]]:
    where = done.written
    return [{"flag": name, "written": where.text, "url": where.url}] if where and where.text else []
