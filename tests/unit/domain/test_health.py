"""Health: what reports mean together, and that an error of ours is no evidence."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dreamnet_actions.domain.health import Report, Streak, judge, main_cause, shorten, worst

statuses = st.sampled_from(["passed", "failed", "degraded", "unknown"])
reports = st.lists(
    st.builds(
        Report,
        service=st.just("web"),
        check=st.sampled_from(["a", "b", "c"]),
        status=statuses,
        cause=st.sampled_from([None, "refused", "crash", "slow"]),
    ),
    max_size=6,
)


@given(reports)
def test_healthy_means_that_every_check_passed(found: list[Report]) -> None:
    assert (judge(found) == "healthy") == all(one.status == "passed" for one in found)


@given(reports)
def test_unknown_never_makes_it_worse_nor_hides_a_fault(found: list[Report]) -> None:
    known = [one for one in found if one.status != "unknown"]
    if judge(known) != "healthy":
        assert judge(found) == judge(known)
    elif known != found:
        assert judge(found) == "unknown"


@given(reports)
def test_the_order_of_reports_does_not_matter(found: list[Report]) -> None:
    assert judge(found) == judge(found[::-1])


def test_a_check_may_be_of_less_weight() -> None:
    failed = [Report(service="web", check="slow-page", status="failed")]
    assert judge(failed) == "failing"
    assert judge(failed, {"slow-page": "degraded"}) == "degraded"
    assert judge(failed, {"other": "degraded"}) == "failing"


@given(st.lists(st.sampled_from(["healthy", "failing", "degraded", "unknown"])))
def test_a_streak_counts_looks_in_a_row_and_skips_unknown(healths: list[str]) -> None:
    streak = Streak()
    for one in healths:
        streak = streak.after(one)  # type: ignore[arg-type]
    assert streak.failures == 0 or streak.successes == 0
    known = [one for one in healths if one != "unknown"]
    tail = 0
    for one in reversed(known):
        if (one == "healthy") != (known[-1] == "healthy"):
            break
        tail += 1
    assert max(streak.failures, streak.successes) == tail


def test_the_worst_of_several() -> None:
    assert worst([]) == "healthy"
    assert worst(["healthy", "unknown"]) == "unknown"
    assert worst(["unknown", "degraded", "failing"]) == "failing"


@given(reports)
def test_the_main_cause_is_that_of_a_fault_and_a_crash_beats_all(found: list[Report]) -> None:
    bad = [one for one in found if one.status in ("failed", "degraded")]
    cause = main_cause(found)
    assert cause in {one.cause for one in bad} | {None}
    if any(one.cause == "crash" for one in bad):
        assert cause == "crash"


def test_untrusted_text_is_cut() -> None:
    long = Report(service="web", check="a", status="failed", detail="x" * 5000)
    assert len(shorten(long).detail) == 300
    assert shorten(shorten(long)) == shorten(long)
