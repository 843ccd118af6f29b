"""A probe whose answers are told: by a function, or service by service."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import ClassVar

from dreamnet_actions.domain.health import Cause, Report, Status
from dreamnet_actions.domain.spec.models import Check
from dreamnet_actions.ports.probe import Look, Probe


class ScriptedProbe(Probe):
    """Answers each look as told; what nothing was told about passes.

    ``answer`` decides first: it gets the look and answers a report, or None to leave it to what ``tell`` was told.
    ``kinds`` are the check classes that it stands for. ``looks`` are all the looks made, oldest first.
    """

    WRITES: ClassVar[frozenset[str]] = frozenset()

    def __init__(
        self, kinds: Sequence[type[Check]] = (Check,), answer: Callable[[Look], Report | None] | None = None
    ) -> None:
        self.kinds = tuple(kinds)
        self.looks: list[Look] = []
        self._answer = answer
        self._told: dict[tuple[str, str | None], tuple[Status, Cause | None, str] | None] = {}

    def tell(
        self,
        service: str,
        status: Status,
        cause: Cause | None = None,
        detail: str = "",
        *,
        check: str | None = None,
    ) -> None:
        """From now on answer so for this service, or for one check of it."""
        self._told[service, check] = (status, cause, detail)

    def hang(self, service: str, check: str | None = None) -> None:
        """From now on never answer: the look ends with the round's time (which does not really pass)."""
        self._told[service, check] = None

    def forget(self, service: str, check: str | None = None) -> None:
        """Let it pass again."""
        self._told.pop((service, check), None)

    def probe(self, looks: Iterable[Look], deadline: float) -> Iterator[Report]:
        late: list[Report] = []
        for look in list(looks):
            self.looks.append(look)
            told = self._report(look)
            if told is not None:
                yield told
            else:
                late.append(
                    Report(
                        service=look.service,
                        check=look.name,
                        status="failed",
                        cause="timeout",
                        detail="It was told to hang",
                        phases={"total": min(deadline, look.check.timeout)},
                    )
                )
        yield from late

    def _report(self, look: Look) -> Report | None:
        if self._answer is not None and (told := self._answer(look)) is not None:
            return told
        for key in ((look.service, look.name), (look.service, None)):
            if key in self._told:
                answer = self._told[key]
                if answer is None:
                    return None
                status, cause, detail = answer
                return Report(
                    service=look.service,
                    check=look.name,
                    status=status,
                    cause=cause,
                    detail=detail,
                    phases={"total": 0.001},
                )
        return Report(service=look.service, check=look.name, status="passed", phases={"total": 0.001})
