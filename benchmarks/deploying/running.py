"""One case of the benchmark: every subject in a namespace of its own, all at the same time."""

from __future__ import annotations

import os
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.deploying.cases import CUT, Case, Place, images
from benchmarks.deploying.clients import Clients, Count
from benchmarks.deploying.subjects import READY_WITHIN, Subject, Verdict
from benchmarks.deploying.watch import PREFIX, Observer
from tests.cluster.client import Cluster
from tests.cluster.errors import BedError

QUIET = 60.0
"""Seconds that the pods of the case before have to go away."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """How one subject did in one case. Times are seconds from its apply; None where that was not so until the cut."""

    case: Case
    subject: str
    verdict: float | None = None
    former: float | None = None
    evidence: float | None = None
    count: Count = field(default_factory=Count)
    note: str = ""
    cut: float = CUT

    @property
    def after_evidence(self) -> float | None:
        """Seconds from the moment at which the API showed the fault to the verdict."""
        if self.verdict is None or self.evidence is None:
            return None
        return self.verdict - self.evidence

    def rows(self) -> list[dict[str, Any]]:
        """Answer the rows of it."""
        found = [self._row("seconds_to_verdict", self.verdict)]
        if not self.case.good:
            found.append(self._row("seconds_to_former_serving", self.former))
        if self.after_evidence is not None:
            found.append(self._row("seconds_from_evidence_to_verdict", self.after_evidence))
        if self.count.requests:
            found.append(self._row("client_errors", 100 * self.count.share, "%"))
        return found

    def _row(self, metric: str, value: float | None, unit: str = "s") -> dict[str, Any]:
        row: dict[str, Any] = {
            "case": self.case.name,
            "subject": self.subject,
            "metric": metric,
            "value": round(self.cut if value is None else value, 3),
            "unit": unit,
        }
        if value is None:
            row["censored"] = True
        return row | ({"note": self.note} if self.note else {})


@dataclass(kw_only=True)
class World:
    """What the whole benchmark shares."""

    cluster: Cluster
    observer: Observer
    clients: Clients
    folder: Path
    prometheus: str
    cut: float = CUT
    say: Callable[[str], None] = print

    def run(self, case: Case, subjects: Sequence[Subject]) -> list[Result]:
        """Let every subject release this case's image, side by side."""
        former, new = images(self.cluster, case)
        places = {subject.name: self._place(case, subject, former, new) for subject in subjects}
        ready = threading.Barrier(len(subjects))
        try:
            with ThreadPoolExecutor(len(subjects)) as threads:
                runs = [threads.submit(self._one, one, places[one.name], ready) for one in subjects]
                results = [run.result() for run in runs]
            # Who was content with a bad release goes on failing its clients until the case is over.
            return [self._counted(one, places[one.subject]) for one in results]
        finally:
            for place in places.values():
                self.clients.end(place.namespace)
                self.clients.end(f"{place.namespace}/canary")
                self.cluster.kubectl("delete", "namespace", place.namespace, "--wait=false")
            self._quiet(list(places.values()))

    def _place(self, case: Case, subject: Subject, former: str, new: str) -> Place:
        namespace = f"{PREFIX}{case.name}-{subject.name}-{os.urandom(2).hex()}"
        folder = self.folder / namespace
        folder.mkdir(parents=True)
        self.cluster.kubectl("create", "namespace", namespace)
        self.cluster.wait(
            f"the account that pods of {namespace} run as",
            lambda: self.cluster.get("serviceaccounts", namespace=namespace),
            60,
        )
        return Place(
            case=case, cluster=self.cluster, namespace=namespace, folder=folder, former=former, new=new,
            prometheus=self.prometheus,
        )  # fmt: skip

    def _one(self, subject: Subject, place: Place, ready: threading.Barrier) -> Result:
        result = Result(case=place.case, subject=subject.name, cut=self.cut)
        try:
            self._prepare(subject, place)
        except Exception as problem:  # noqa: BLE001 - one subject's fault is no end of the others
            self._failed(subject, place, problem)
            return replace(result, note=f"could not begin: {_first_line(problem)}")
        finally:
            ready.wait(timeout=2 * READY_WITHIN)
        try:
            return self._release(subject, place, result)
        except Exception as problem:  # noqa: BLE001 - as above
            self._failed(subject, place, problem)
            return replace(result, note=f"went wrong: {_first_line(problem)}")

    def _prepare(self, subject: Subject, place: Place) -> None:
        subject.prepare(place)
        if self.observer.former_serves(place, time.monotonic() + READY_WITHIN) is None:
            raise BedError(f"the former release is not out:\n{self.cluster.state(place.namespace)}")
        self.clients.begin(place.namespace, subject.service(place))
        if (canary := subject.canary_service(place)) is not None:
            self.clients.begin(f"{place.namespace}/canary", canary)

    def _release(self, subject: Subject, place: Place, result: Result) -> Result:
        self.observer.begin(place)
        before = self.clients.count(place.namespace)
        began = time.monotonic()
        until = began + self.cut
        verdict = subject.release(place, until)
        result = replace(result, note=verdict.note)
        right = verdict.good is not None and verdict.good == place.case.good and verdict.at <= until
        if right:
            result = replace(result, verdict=verdict.at - began)
            if not place.case.good:
                subject.undo(place)
                former = self.observer.former_serves(place, until)
                result = replace(result, former=None if former is None else former - began)
            subject.finish(place)
        else:
            result = replace(result, note=_wrong(verdict, began) or verdict.note)
        if (evidence := self.observer.evidence(place.namespace)) is not None:
            result = replace(result, evidence=evidence - began)
        if verdict.good and not place.case.good:
            return replace(result, count=before)  # counted when the case is over
        return replace(result, count=self.clients.count(place.namespace).since(before))

    def _counted(self, result: Result, place: Place) -> Result:
        if not result.note.startswith("called it good"):
            return result
        return replace(result, count=self.clients.count(place.namespace).since(result.count))

    def _quiet(self, places: Sequence[Place]) -> None:
        """Wait until the pods are gone: ending them costs the next case time."""
        until = time.monotonic() + QUIET
        for place in places:
            self.observer.empty(place.namespace, until)

    def _failed(self, subject: Subject, place: Place, problem: Exception) -> None:
        self.say(f"{place.case.name}, {subject.name}: {problem}")
        (place.folder / "problem").write_text("".join(traceback.format_exception(problem)), encoding="utf-8")


def _wrong(verdict: Verdict, began: float) -> str:
    """Say what is wrong about a verdict that is not the case's."""
    if verdict.good is None:
        return ""
    word = "good" if verdict.good else "bad"
    return f"called it {word} after {verdict.at - began:.1f} s{f': {verdict.note}' if verdict.note else ''}"


def _first_line(problem: Exception) -> str:
    return (str(problem).splitlines() or [type(problem).__name__])[0][:160]
