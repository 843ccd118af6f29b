"""Which remedy comes next: budgets, what changed, what worked, and the words for it."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.domain.remedy import TRIES_EACH, Attempt, Choice, attempts, choose, odds, suspect
from dreamnet_actions.domain.spec.models import Heal

NOW = 1_700_000_000.0
ALL = ("restart", "rollback", "restore-config", "scale-up")
remedies = st.sampled_from(ALL)
ledgers = st.lists(
    st.builds(
        Attempt,
        service=st.sampled_from(["local/web", "local/db"]),
        dream=st.sampled_from(["dream-1-0", "dream-2-0"]),
        remedy=remedies,
        cause=st.sampled_from(["refused", "crash"]),
        at=st.floats(NOW - 8000, NOW),
        worked=st.sampled_from([None, True, False]),
    ),
    max_size=12,
)
heals = st.builds(
    Heal,
    steps=st.lists(remedies, unique=True, max_size=4).map(tuple),
    order=st.sampled_from(["learned", "fixed"]),
    tries_per_hour=st.integers(1, 8),
    cool_down=st.sampled_from([0.0, 30.0, 600.0]),
)


def pick(heal: Heal, **other: Any) -> Choice:
    given: dict[str, Any] = {
        "service": "local/web",
        "cause": "refused",
        "tried": (),
        "ledger": (),
        "change": None,
        "possible": ALL,
        "now": NOW,
    }
    return choose(heal, **{**given, **other})


def past(remedy: str, worked: bool | None, *, ago: float = 7200.0, cause: str = "refused") -> Attempt:
    return Attempt(
        service="local/web", dream="old", remedy=remedy, cause=cause, at=NOW - ago, worked=worked, seconds=3.0
    )


def change(kind: str, ago: float = 60.0) -> Fact:
    data = {"verdict": "deployed", "former": "git:1"} if kind == "release-ended" else {"former": "1"}
    return Fact(kind=kind, at=NOW - ago, text="X changed.", service="local/web", data=data)


@given(heals, ledgers, st.lists(remedies, max_size=4), st.lists(remedies, max_size=4))
def test_whatever_is_known_a_choice_keeps_the_rules(
    heal: Heal, ledger: list[Attempt], tried: list[str], possible: list[str]
) -> None:
    choice = pick(heal, ledger=ledger, tried=tried, possible=possible)
    assert choice.because
    recent = [one for one in ledger if one.service == "local/web" and NOW - one.at < 3600]
    if choice.remedy is None:
        return
    assert choice.wait is None
    assert choice.remedy in heal.steps
    assert choice.remedy in possible
    assert tried.count(choice.remedy) < TRIES_EACH
    assert len(recent) < heal.tries_per_hour
    same = [NOW - one.at for one in recent if one.remedy == choice.remedy]
    assert not same or min(same) >= heal.cool_down


@given(heals, ledgers, st.lists(remedies, max_size=4))
def test_somebody_is_always_told_what_happens_next(
    heal: Heal, ledger: list[Attempt], tried: list[str]
) -> None:
    choice = pick(heal, ledger=ledger, tried=tried)
    assert choice.wait is None or 0 < choice.wait <= heal.cool_down
    again = pick(heal, ledger=ledger, tried=tried)
    assert choice == again


def test_a_fixed_order_is_kept_whatever_history_says() -> None:
    ledger = [past("restart", False)] * 5 + [past("rollback", True)] * 5
    heal = Heal(steps=("restart", "rollback"), order="fixed", tries_per_hour=60)
    assert pick(heal, ledger=ledger, change=change("env-changed")).remedy == "restart"


def test_what_worked_for_this_cause_goes_first() -> None:
    ledger = [past("restart", False), past("restart", False), past("rollback", True), past("rollback", True)]
    assert pick(Heal(), ledger=ledger).remedy == "rollback"
    assert "2 of 2 times" in pick(Heal(), ledger=ledger).because
    assert pick(Heal(), ledger=ledger, cause="crash").remedy == "restart"


def test_one_lucky_try_changes_no_order() -> None:
    assert pick(Heal(), ledger=[past("rollback", True)]).remedy == "restart"
    assert pick(Heal(), ledger=[past("restart", False)]).remedy == "restart"


def test_what_never_worked_goes_last() -> None:
    ledger = [past("restart", False)] * 3
    assert pick(Heal(), ledger=ledger).remedy == "rollback"
    assert pick(Heal(), ledger=ledger, tried=["rollback"]).remedy == "restart"


def test_the_way_back_from_a_change_comes_first_even_if_no_step_names_it() -> None:
    choice = pick(Heal(steps=("restart",)), change=change("env-changed"))
    assert choice.remedy == "restore-config"
    assert "the configuration changed just before (X changed)" in choice.because
    assert pick(Heal(steps=("restart", "rollback")), change=change("release-ended")).remedy == "rollback"
    assert pick(Heal(steps=()), change=change("env-changed")).remedy is None


def test_a_way_back_that_never_works_loses_its_place() -> None:
    ledger = [past("restore-config", False)] * 3
    assert pick(Heal(), ledger=ledger, change=change("env-changed")).remedy == "restart"


def test_what_is_not_possible_is_not_chosen() -> None:
    assert pick(Heal(), possible=("rollback",)).remedy == "rollback"
    none = pick(Heal(), possible=())
    assert (none.remedy, none.wait) == (None, None)


def test_budget_and_cool_down_say_why() -> None:
    spent = pick(Heal(tries_per_hour=2), ledger=[past("restart", True, ago=60)] * 2)
    assert (spent.remedy, spent.wait) == (None, None)
    assert "2 remedies were tried on it within the last hour" in spent.because
    cooling = pick(Heal(cool_down=30.0), ledger=[past("restart", True, ago=10)])
    assert cooling.wait == 20
    assert "restart was tried 10s ago and is cooling down" in cooling.because
    assert pick(Heal(cool_down=30.0), ledger=[past("restart", True, ago=30)]).remedy == "restart"
    assert "heal: []" in pick(Heal(steps=())).because


def test_the_odds_are_laplaces() -> None:
    assert odds("restart", "local/web", "refused", []) == (0.5, 0, 0)
    ledger = [past("restart", True), past("restart", False), past("restart", None)]
    assert odds("restart", "local/web", "refused", ledger) == (0.5, 1, 2)


def test_a_change_is_suspected_for_half_an_hour_and_not_once_it_was_put_back() -> None:
    env, release = change("env-changed", 120), change("release-ended", 60)
    back = Fact(kind="env-restored", at=NOW - 30, text="back")
    bad = Fact(kind="release-ended", at=NOW - 10, text="t", data={"verdict": "rolled-back"})
    assert suspect([env, release], NOW) is release
    assert suspect([env, back], NOW) is None
    assert suspect([env, release, bad], NOW) is env
    assert suspect([change("env-changed", 1801)], NOW) is None
    assert suspect([env], NOW - 600) is None
    first = Fact(kind="release-ended", at=NOW, text="t", data={"verdict": "deployed", "former": None})
    assert suspect([first], NOW) is None


def test_the_ledger_is_read_from_facts_in_any_repetition() -> None:
    def fact(kind: str, at: float, **data: Any) -> Fact:
        return Fact(kind=kind, at=at, text="t", service="local/web", dream="dream-1-0", data=data)

    begun = fact("remedy-started", 1.0, remedy="restart", attempt=1, cause="refused")
    ended = fact("remedy-ended", 9.0, remedy="restart", attempt=1, worked=True, seconds=8.0)
    again = fact("remedy-started", 20.0, remedy="restart", attempt=2, cause="crash")
    facts = [begun, fact("tick", 2.0), ended, ended, again]
    one, two = attempts(facts)
    assert (one.worked, one.seconds, one.at, one.cause) == (True, 8.0, 1.0, "refused")
    assert (two.worked, two.at, two.cause) == (None, 20.0, "crash")
    assert attempts([begun, begun, ended]) == attempts([begun, ended, ended])


def test_every_remedy_is_tried_once_before_any_is_tried_twice() -> None:
    heal = Heal(steps=("restart", "rollback"), cool_down=0.0)
    order = []
    for _ in range(4):
        choice = pick(heal, tried=order)
        assert choice.remedy is not None
        order.append(choice.remedy)
    assert order == ["restart", "rollback", "restart", "rollback"]
    spent = pick(heal, tried=order)
    assert spent.remedy is None
    assert spent.wait is None
    assert "restart 2 times" in spent.because
