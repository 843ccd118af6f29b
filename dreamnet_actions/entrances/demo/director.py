"""The director: plays the story step by step, remembers where it stands, and writes down what was seen."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dreamnet_actions.domain.times import rfc3339
from dreamnet_actions.entrances.demo.story import STEPS, Stage, Step

STATE = "demo/story"
"""Where the story's progress is kept in the journal's shared state."""
CALM_WITHIN = 30.0
"""Seconds in which the system must be well before the next step."""
POLL = 0.1
"""Seconds between two looks for a proof."""


@dataclass
class Played:
    """One step as it went: ``outcome`` is ``playing``, ``done`` or ``failed``; ``text`` the proof, or what lacks."""

    step: Step
    began: float
    ended: float | None = None
    outcome: str = "playing"
    text: str = ""


@dataclass
class Director:
    """Plays the story on a stage. ``played`` grows while it goes; a view may read it at any time."""

    stage: Stage
    tell: Callable[[Played], None]
    stop: threading.Event
    played: list[Played] = field(default_factory=list)

    def play(self) -> bool:
        """Play what is not proved yet; answers whether every step reached its proof. One that failed ends it."""
        for step in STEPS:
            stored = self._progress()["steps"].get(step.name)
            if stored and stored.get("proof"):
                self.played.append(Played(step, stored["at"], stored["ended"], "done", stored["proof"]))
                continue
            if not self._step(step, stored):
                return False
            if self.stop.is_set():
                return False
        self._store({"finished": True})
        return True

    def _step(self, step: Step, stored: dict[str, Any] | None) -> bool:
        clock = self.stage.system.clock
        if stored is None:
            self._calm()
        data = stored or {"at": clock.now(), **step.prepare(self.stage)}
        self._remember(step, data)
        played = Played(step, data["at"])
        self.played.append(played)
        self.tell(played)
        try:
            step.do(self.stage, data)
            self._remember(step, data)
            proof = self._watch(step, data)
        except RuntimeError as error:
            proof, played.text = None, str(error)
        played.ended = clock.now()
        if proof is None:
            played.outcome = "failed"
            played.text = played.text or f"not seen within {step.limit:g} s: {step.expects}"
            self._store({"finished": True})
        else:
            played.outcome, played.text = "done", proof
            self._remember(step, {**data, "proof": proof, "ended": played.ended})
        self.tell(played)
        return proof is not None

    def _calm(self) -> None:
        """Wait until all is well: what happens next shall be told from what happened before."""
        clock = self.stage.system.clock
        began = clock.monotonic()
        while not self.stage.calm() and clock.monotonic() - began < CALM_WITHIN and not self.stop.is_set():
            clock.sleep(POLL)

    def _watch(self, step: Step, data: dict[str, Any]) -> str | None:
        """Look for the proof until it is there or the step's time is over."""
        clock = self.stage.system.clock
        began = clock.monotonic()
        while clock.monotonic() - began < step.limit and not self.stop.is_set():
            proof = step.proof(self.stage, data)
            if proof is not None:
                return proof
            clock.sleep(POLL)
        return None

    # ── memory and record ────────────────────────────────────────────────────────────────────────────────

    def _progress(self) -> dict[str, Any]:
        stored, _ = self.stage.system.journal.state(STATE)
        return stored or {"run": self.stage.run, "steps": {}}

    def _remember(self, step: Step, data: dict[str, Any]) -> None:
        progress = self._progress()
        self._store({"steps": {**progress["steps"], step.name: data}})

    def _store(self, changes: dict[str, Any]) -> None:
        self.stage.system.journal.set_state(STATE, {**self._progress(), **changes})

    def record(self) -> dict[str, Any]:
        """Answer the story as ``--json`` writes it: each scenario with its outcome, steps and timeline."""
        scenarios: dict[str, dict[str, Any]] = {}
        for step in STEPS:
            scenarios.setdefault(
                step.scenario, {"name": step.scenario, "outcome": "done", "steps": [], "timeline": []}
            )
        for scenario in scenarios.values():
            played = [one for one in self.played if one.step.scenario == scenario["name"]]
            expected = sum(step.scenario == scenario["name"] for step in STEPS)
            if len(played) < expected or any(one.outcome != "done" for one in played):
                scenario["outcome"] = "failed"
            scenario["steps"] = [_step_json(one) for one in played]
            if played:
                scenario["timeline"] = self._timeline(played[0].began, played[-1].ended)
        return {"scenarios": list(scenarios.values())}

    def _timeline(self, began: float, ended: float | None) -> list[dict[str, Any]]:
        facts = self.stage.system.journal.read(since=began)
        return [
            {"at": rfc3339(one.at), "kind": one.kind, "service": one.service, "text": one.text}
            for one in facts
            if (ended is None or one.at <= ended) and one.kind not in ("tick", "request-ended")
        ]

    def write(self, file: Path) -> None:
        """Write the record to a file."""
        file.write_text(json.dumps(self.record(), indent=2, ensure_ascii=False) + "\n")


def _step_json(one: Played) -> dict[str, Any]:
    seconds = round(one.ended - one.began, 3) if one.ended is not None else None
    return {
        "name": one.step.name,
        "title": one.step.title,
        "outcome": one.outcome,
        "proof": one.text,
        "seconds": seconds,
    }


def begin(system: Any, fresh: Callable[[], str]) -> tuple[str, bool]:
    """Answer the run's name and whether it goes on with one that was cut off."""
    stored, _ = system.journal.state(STATE)
    if stored and not stored.get("finished"):
        return stored["run"], True
    run = fresh()[-8:]
    system.journal.set_state(STATE, {"run": run, "steps": {}})
    return run, False
