"""The flags' two actions: answer them, and set one."""

from __future__ import annotations

from dataclasses import dataclass

from dreamnet_actions.domain.flag import evaluate
from dreamnet_actions.domain.request import AgentRequest
from dreamnet_actions.domain.result import Change, Report
from dreamnet_actions.errors import ConfigLacks, NotFound, RequestInvalid
from dreamnet_actions.keepers.context import Context
from dreamnet_actions.ports.flags import FlagStore


@dataclass(frozen=True, kw_only=True)
class FlagBoard:
    """Reads and changes the flags of one store; ``flag_store`` is None where the configuration names no file."""

    context: Context
    flag_store: FlagStore | None

    def flags(self, request: AgentRequest) -> Report:
        """Answer the flags and their values."""
        known = self._flag_store().read()
        wanted = request.input.get("flag")
        if wanted is not None and wanted not in known:
            raise NotFound("flag", wanted, known)
        findings = []
        for name, flag in sorted(known.items()):
            if wanted in (None, name):
                found = evaluate(flag, now=int(self.context.clock.now()))
                findings.append(
                    {
                        "flag": name,
                        "state": flag.state,
                        "value": found.value,
                        "variant": found.variant,
                        "reason": found.reason,
                        "variants": sorted(flag.variants),
                    }
                )
        said = ", ".join(f"{one['flag']} is {one['variant']}" for one in findings)
        return Report(outcome="done", summary=f"{said or 'There is no flag'}.", findings=findings)

    def set_flag(self, request: AgentRequest) -> Report:
        """Choose a flag's variant, or turn it on or off."""
        store, name = self._flag_store(), request.input["flag"]
        variant, state = request.input.get("variant"), request.input.get("state")
        if variant is None and state is None:
            raise RequestInvalid(["Neither 'input.variant' nor 'input.state' is given: nothing to set."])
        known = store.read()
        if name not in known:
            raise NotFound("flag", name, known)
        if variant is not None and variant not in known[name].variants:
            raise NotFound(f"variant of {name}", variant, known[name].variants)
        before = f"{known[name].default_variant}, {known[name].state}"
        after = f"{variant or known[name].default_variant}, {state or known[name].state}"
        why = request.input.get("reason", "it was asked for")
        change = Change(
            what=f"flag {name}",
            before=before,
            after=after,
            why=why,
            undo=f"dreamnet set-flag {name} {known[name].default_variant}",
        )
        if before == after:
            return Report(outcome="unchanged", summary=f"{name} is {after} already.")
        if request.dry_run:
            return Report(outcome="planned", summary=f"Would set {name} to {after}.", changes=[change])
        store.set(name, variant=variant, state=state)
        self.context.note(
            "flag-changed",
            f"flag {name}: {before} → {after}, because {why}",
            request=request,
            data={"flag": name},
        )
        return Report(outcome="done", summary=f"{name} is {after} now.", changes=[change])

    def _flag_store(self) -> FlagStore:
        if self.flag_store is None:
            raise ConfigLacks("flags file", [], section="flags", lines="flags: {file: flags.json}")
        return self.flag_store
