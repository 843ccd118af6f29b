"""The flags' actions: answer them for a caller, set, toggle, kill and enable one, give a variant to a share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dreamnet_actions.domain.flag import Flag, evaluate
from dreamnet_actions.domain.flagedit import Edit, Share, edited, percent, share_of, standing
from dreamnet_actions.domain.request import AgentRequest
from dreamnet_actions.domain.result import Change, Report
from dreamnet_actions.domain.units import parse_share
from dreamnet_actions.errors import NotFound, RefusedError, RequestInvalid
from dreamnet_actions.errors.configuration import ConfigLacks
from dreamnet_actions.keepers.context import Context
from dreamnet_actions.keepers.envkeeper.publishing import Publishing
from dreamnet_actions.keepers.envkeeper.rollouts import Rollouts
from dreamnet_actions.ports.flags import FlagStore, FlagTarget, Note

HOLD = 120.0
"""Seconds for which a change holds the flags, at most."""


@dataclass(frozen=True, kw_only=True)
class FlagBoard:
    """Reads and changes the flags of one store; ``flag_store`` is None where the configuration names no file.

    ``account`` is who DreamNet runs as: who asked, where the request does not say.
    """

    context: Context
    flag_store: FlagStore | None
    account: str = "somebody"
    targets: Sequence[FlagTarget] = ()

    # ── looking ──────────────────────────────────────────────────────────────────────────────────────────

    def flags(self, request: AgentRequest) -> Report:
        """Answer the flags and what a caller with the given context gets of each."""
        store, wanted = self._store(), request.input.get("flag")
        known = store.read()
        if wanted is not None and wanted not in known:
            raise NotFound("flag", wanted, known)
        context: Mapping[str, Any] = request.input.get("context", {})
        findings = [
            self.found(flag, context) for name, flag in sorted(known.items()) if wanted in (None, name)
        ]
        said = ", ".join(f"{one['flag']} is {_said(one)}" for one in findings)
        return Report(outcome="done", summary=f"{said or 'There is no flag'}.", findings=findings)

    def found(self, flag: Flag, context: Mapping[str, Any]) -> dict[str, Any]:
        """Answer what a caller gets of a flag, and how it stands, as plain data."""
        rules = self.context.config.flags
        got = evaluate(
            flag,
            context,
            now=int(self.context.clock.now()),
            bucketing=rules.bucketing if rules else "v3",
        )
        found: dict[str, Any] = {
            "flag": flag.name,
            "state": flag.state,
            "value": got.value,
            "variant": got.variant,
            "reason": got.reason,
            "variants": sorted(flag.variants),
        }
        if got.code is not None:
            found |= {"error_code": got.code, "error": got.message}
        if (rolled := share_of(flag.targeting)) is not None:
            found["roll_out"] = str(rolled[0])
        return found

    # ── changing ─────────────────────────────────────────────────────────────────────────────────────────

    def set_flag(self, request: AgentRequest) -> Report:
        """Choose a flag's default variant, or turn it on or off."""
        variant, state = request.input.get("variant"), request.input.get("state")
        if variant is None and state is None:
            raise RequestInvalid(["Neither 'input.variant' nor 'input.state' is given: nothing to set."])
        return self._change(request, Edit(variant=variant, state=state))

    def toggle_flag(self, request: AgentRequest) -> Report:
        """Choose the other one of a flag's two variants."""
        flag = self._store().get(request.input["flag"])
        others = [one for one in flag.variants if one != flag.default_variant]
        if len(others) != 1 or len(flag.variants) != 2:
            raise RefusedError(
                f"{flag.name} has {len(flag.variants)} variants, by default {flag.default_variant}: none is the other.",
                hint=f"Name one: dreamnet set-flag {flag.name} {' | '.join(flag.variants)}",
            )
        return self._change(request, Edit(variant=others[0]))

    def kill_flag(self, request: AgentRequest) -> Report:
        """Turn a flag off at once: every caller gets the default of its own code. A roll-out of it ends."""
        return self._change(request, Edit(state="DISABLED"), at_once=True)

    def enable_flag(self, request: AgentRequest) -> Report:
        """Turn a flag on again, as it was."""
        return self._change(request, Edit(state="ENABLED"))

    def roll_out(self, request: AgentRequest) -> Report:
        """Give a variant to a share of callers, at once or by steps that failing checks turn back."""
        flag = self._store().get(request.input["flag"])
        variant = request.input.get("variant") or _only_other(flag)
        share, steps = request.input.get("share"), request.input.get("steps")
        if (share is None) == (steps is None):
            raise RequestInvalid(["Give one of 'input.share' (as 25%) and 'input.steps' (as 5%,25%,100%)."])
        if steps is not None:
            return self._rollouts(request).begin(flag, variant)
        lacking = [key for key in ("every", "service") if key in request.input]
        if lacking:
            raise RequestInvalid([f"'input.{key}' belongs to 'input.steps'." for key in lacking])
        try:
            wanted = Share.of(variant, parse_share(share))
        except ValueError as error:
            raise RequestInvalid([f"'input.share': {error}."]) from None
        return self._change(request, Edit(share=wanted))

    def advance_flag(self, request: AgentRequest) -> Report:
        """Go on to the next step of a flag's roll-out, or end it after the last one."""
        return self._rollouts(request).advance(request.input["flag"], request.input.get("step"))

    def turn_back_flag(self, request: AgentRequest) -> Report:
        """Stop a flag's roll-out, and give its variant to as many as before it began."""
        return self._rollouts(request).turn_back(request.input["flag"])

    def publish_flags(self, request: AgentRequest) -> Report:
        """Write the flags to where they are published, where they are not there as they are."""
        return self._publishing().all(request)

    # ── inside ───────────────────────────────────────────────────────────────────────────────────────────

    def _change(self, request: AgentRequest, edit: Edit, *, at_once: bool = False) -> Report:
        store, name = self._store(), request.input["flag"]
        before = store.get(name)
        after = edited(before, edit)
        note = self._note(request, name, after, at_once=at_once)
        change = Change(
            what=f"flag {name}",
            before=standing(before),
            after=standing(after),
            why=note.why,
            undo=_undo(before, edit),
        )
        if before == after:
            self._rollouts(request).superseded(edit, name)
            return Report(outcome="unchanged", summary=f"{name} is {standing(after)} already.")
        if request.dry_run:
            summary = f"Would set {name} to {standing(after)}."
            return Report(outcome="planned", summary=summary, changes=[change])
        with self.context.lock.lease("flags", HOLD):
            done = store.change(name, edit, note)
            self._rollouts(request).superseded(edit, name)
        where = done.written
        said = f"flag {name}: {change.before} → {change.after}, because {note.why} ({note.by})"
        self.context.note(
            "flag-changed",
            said + (f": {where.text}" if where and where.text else ""),
            request=request,
            data={"flag": name, "before": change.before, "after": change.after, "by": note.by},
        )
        summary = f"{name} is {standing(done.after)} now."
        if where is not None and where.pending:
            summary = f"{name} is {standing(done.after)} once {where.text} is merged: {where.url}"
        elif where is not None and where.text:
            summary = f"{summary[:-1]} ({where.text})."
        findings: list[Mapping[str, Any]] = []
        if where is not None and where.text:
            findings.append({"flag": name, "written": where.text, "url": where.url})
        if where is not None and not where.pending:
            findings += self._publishing().after_change(request, at_once=at_once)
        return Report(outcome="done", summary=summary, changes=[change], findings=findings)

    def _note(self, request: AgentRequest, name: str, after: Flag, *, at_once: bool) -> Note:
        return Note(
            subject=f"Set flag {name} to {standing(after)}",
            why=request.input.get("reason", "it was asked for"),
            by=request.input.get("by", self.account),
            at_once=at_once,
        )

    def _rollouts(self, request: AgentRequest) -> Rollouts:
        return Rollouts(
            context=self.context,
            store=self._store(),
            request=request,
            account=self.account,
            publishing=self._publishing(),
        )

    def _publishing(self) -> Publishing:
        return Publishing(context=self.context, store=self._store(), targets=self.targets)

    def _store(self) -> FlagStore:
        if self.flag_store is None:
            raise ConfigLacks("flags file", [], section="flags", lines="flags: {file: flags.json}")
        return self.flag_store


def _only_other(flag: Flag) -> str:
    """Answer the variant that can only be meant: the one that is not the default of two."""
    others = [one for one in flag.variants if one != flag.default_variant]
    if len(others) != 1:
        raise RequestInvalid([f"'input.variant' is missing: {flag.name} has {', '.join(flag.variants)}."])
    return others[0]


def _undo(before: Flag, edit: Edit) -> str:
    """Write the command that undoes a change."""
    if edit.share is not None:
        rolled = share_of(before.targeting)
        part = percent(rolled[0].part) if rolled else "0%"
        return f"dreamnet roll-out {before.name} {edit.share.variant} {part}"
    if edit.state_only:
        return f"dreamnet {'enable-flag' if before.state == 'ENABLED' else 'kill-flag'} {before.name}"
    variant = f" {before.default_variant}" if edit.variant and before.default_variant else ""
    state = f" --state {before.state}" if edit.state else ""
    return f"dreamnet set-flag {before.name}{variant}{state}"


def _said(found: Mapping[str, Any]) -> str:
    if found["reason"] == "ERROR":
        return f"in error ({found['error']})"
    return f"{found['variant']}" if found["variant"] is not None else "left to the caller"
