"""What the benchmark prints: a line for each result, and how it stands to its aims."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.deploying.cases import CASES, ERROR_RATE
from benchmarks.deploying.many import Cost
from benchmarks.deploying.running import Result

AFTER_EVIDENCE, AFTER_VERDICT, TIMES, SPARE = 2.0, 1.0, 10.0, 0.01
"""The aims: seconds from evidence to verdict, from verdict to the former release; times sooner than kubectl and Helm;
the share of errors beside the canary's own."""
LARGEST = 0.5
"""The canary's largest share."""


def heading() -> str:
    """Answer the line above the results."""
    return f"{'case':<17} {'subject':<19} {'verdict s':>10} {'former s':>10} {'of evidence':>12} {'errors %':>9}  note"


def line(result: Result) -> str:
    """Answer the line of one result; ``>`` is before a figure that is cut."""
    verdict = _seconds(result.verdict, result.cut)
    former = "" if result.case.good else _seconds(result.former, result.cut)
    after = "" if result.after_evidence is None else f"{result.after_evidence:+.1f}"
    errors = f"{100 * result.count.share:.2f}" if result.count.requests else ""
    return (
        f"{result.case.name:<17} {result.subject:<19} {verdict:>10} {former:>10} {after:>12} {errors:>9}  {result.note}"
    ).rstrip()


def services_line(cost: Cost) -> str:
    """Answer the line of a deployment of many services."""
    return (
        f"{f'services-{cost.services}':<17} {'dreamnet':<19} {cost.requests / cost.services:.1f} requests and "
        f"{cost.seconds / cost.services:.2f} s for each service; {cost.seconds:.1f} s in all"
    )


def aims(results: Sequence[Result], costs: Sequence[Cost]) -> list[str]:
    """Answer how DreamNet stands to each aim, missed ones included."""
    told = ["", "Aims:"]
    for case in CASES.values():
        ours = _of(results, case.name, "dreamnet")
        if ours is None or case.good:
            continue
        if ours.verdict is None or ours.former is None:
            told.append(f"  {case.name}: missed, no verdict or not taken back ({ours.note or 'cut'})")
            continue
        if ours.after_evidence is not None:
            told.append(_aim(case.name, "s from evidence to verdict", ours.after_evidence, AFTER_EVIDENCE))
        told.append(
            _aim(case.name, "s from verdict to former release", ours.former - ours.verdict, AFTER_VERDICT)
        )
        most = (ERROR_RATE * LARGEST if case.canary else 0.0) + SPARE
        told.append(_aim(case.name, "% of the client's requests failed", 100 * ours.count.share, 100 * most))
        for peer in ("kubectl", "helm"):
            theirs = _of(results, case.name, peer)
            if case.fatal and theirs is not None:
                seconds = theirs.cut if theirs.verdict is None else theirs.verdict
                more = "at least " if theirs.verdict is None else ""
                met = "met" if seconds / ours.verdict >= TIMES else "missed"
                told.append(
                    f"  {case.name}: {more}{seconds / ours.verdict:.1f} times sooner than {peer} "
                    f"(aim: {TIMES:g}): {met}"
                )
    if len(costs) > 1:
        first, last = costs[0], costs[-1]
        for what, of in (("requests", lambda one: one.requests), ("seconds", lambda one: one.seconds)):
            grown = (of(last) / last.services) / (of(first) / first.services)
            met = "met" if grown <= 1 else "missed"
            told.append(
                f"  {what} for each of {last.services} services: {grown:.2f} times those of {first.services} "
                f"(aim: at most 1): {met}"
            )
    return told


def _aim(case: str, what: str, value: float, most: float) -> str:
    return f"  {case}: {value:.2f} {what} (aim: {most:g}): {'met' if value <= most else 'missed'}"


def _of(results: Sequence[Result], case: str, subject: str) -> Result | None:
    return next((one for one in results if (one.case.name, one.subject) == (case, subject)), None)


def _seconds(value: float | None, cut: float) -> str:
    return f"> {cut:g}" if value is None else f"{value:.1f}"
