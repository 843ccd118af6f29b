"""PrometheusProbe: checks of kind ``prometheus``, all at the same time (the port ``Probe``).

A source that cannot be asked, an expression that is wrong and one that answers nothing are ``unknown``: none of them
says that the service is unwell, and none that it has nothing to do.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from typing import ClassVar, Protocol

from dreamnet_actions.adapters.prometheus.options import PrometheusCheck
from dreamnet_actions.domain.health import Cause, Report, Status
from dreamnet_actions.domain.scaling import overloaded
from dreamnet_actions.domain.spec.models import Check
from dreamnet_actions.errors import DreamNetError
from dreamnet_actions.ports.probe import Look, Probe

AT_ONCE = 8
"""Questions that are in flight at the same time; Prometheus itself answers 20 at once by default."""


class Asked(Protocol):
    """A source of metrics that can be asked with a limit of time."""

    def value(self, expression: str, *, timeout: float | None = None) -> float | None:
        """As the port ``MetricSource``; ``timeout`` in seconds."""


class PrometheusProbe(Probe):
    """Asks ``source`` for each look."""

    WRITES: ClassVar[frozenset[str]] = frozenset()
    kinds: Sequence[type[Check]] = (PrometheusCheck,)

    def __init__(self, source: Asked) -> None:
        self._source = source

    def probe(self, looks: Iterable[Look], deadline: float) -> Iterator[Report]:
        wanted = list(looks)
        if not wanted:
            return
        pool = ThreadPoolExecutor(min(AT_ONCE, len(wanted)), thread_name_prefix="dreamnet-prometheus")
        asked: dict[Future[Report], Look] = {pool.submit(self._look, one): one for one in wanted}
        try:
            try:
                for done in as_completed(list(asked), timeout=deadline):
                    del asked[done]
                    yield done.result()
            except TimeoutError:
                for look in asked.values():
                    yield _unknown(look, f"Prometheus did not answer within {deadline:g} s.", deadline)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _look(self, look: Look) -> Report:
        check, began = look.check, time.monotonic()
        if not isinstance(check, PrometheusCheck):
            return _unknown(look, f"{type(check).__name__} is no kind of check that Prometheus answers.", 0.0)
        try:
            number = self._source.value(check.expression, timeout=check.timeout)
        except DreamNetError as error:
            return _unknown(look, error.message, time.monotonic() - began)
        taken = time.monotonic() - began
        if number is None:
            return _unknown(look, f"{check.what} has no data.", taken)
        status, cause, text = judged(check, number)
        return Report(
            service=look.service,
            check=look.name,
            status=status,
            cause=cause,
            detail=text,
            phases={"total": taken},
            value=number,
        )


def judged(check: PrometheusCheck, number: float) -> tuple[Status, Cause | None, str]:
    """Say what a number means: the bounds first, then whether it is more than all replicas should carry."""
    if check.max is not None and number > check.max:
        return "failed", "metric", f"{check.what} is {number:g}, more than {check.max:g}."
    if check.min is not None and number < check.min:
        return "failed", "metric", f"{check.what} is {number:g}, less than {check.min:g}."
    scale = check.scale
    if scale and overloaded(number, scale):
        text = f"{check.what} is {number:g}, more than its {scale.max} replicas (the maximum) should carry."
        return "degraded", "overload", text
    return "passed", None, f"{check.what} is {number:g}."


def _unknown(look: Look, why: str, taken: float) -> Report:
    return Report(
        service=look.service, check=look.name, status="unknown", detail=why, phases={"total": taken}
    )
