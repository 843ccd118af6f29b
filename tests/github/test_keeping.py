"""The branch looked through and repaired: whatever was done to it, all is found, and no fact that was whole is lost."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from dreamnet_actions.adapters.github.keeping import GitHubKeeping
from dreamnet_actions.adapters.github.memory import GitHubMemory
from dreamnet_actions.domain.dream import Dream
from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.domain.message import Message
from dreamnet_actions.errors import Conflict, JournalDamaged
from dreamnet_actions.testing.memory.clock import VirtualClock
from dreamnet_actions.testing.memory.stores import MemoryDreamStore
from tests.github.homes import Make, commits, files, git

pytestmark = pytest.mark.slow

DAY = 86_400.0
NOON = 1_700_049_600.0  # 2023-11-15T12:00:00Z
FIRST = "journal/2023-11-15.jsonl"

Keep = Callable[[GitHubMemory], GitHubKeeping]


@pytest.fixture
def dreams() -> MemoryDreamStore:
    return MemoryDreamStore()


@pytest.fixture
def keep(dreams: MemoryDreamStore, clock: VirtualClock) -> Keep:
    return lambda memory: GitHubKeeping(memory.branch, memory.remote, clock, dreams)


def filled(make: Make, *, runs: int = 4) -> list[Fact]:
    """Let some runs write facts of several days, shared state, and small and large messages; answers the facts."""
    for number in range(runs):
        run = make()
        run.journal.append(
            *(Fact(kind="dream-changed", at=NOON + day * DAY, text=f"run {number} — 💤") for day in range(3))
        )
        run.journal.set_state("pause", {"run": number})
        run.journal.set_state(f"health/{number}", number)
        for size in (10, 9_000):
            data = {"text": f"{number}" * size}
            run.bus.publish(
                Message(
                    id=f"m-{number}-{size}",
                    sender="dreamkeeper",
                    name="it-happened",
                    to=None,
                    time="2026-11-26T00:00:00Z",
                    data=data,
                )
            )
        run.journal.finish()
    return list(make().journal.read())


def work(remote: Path, tmp_path: Path) -> Path:
    place = tmp_path / f"work-{len(list(tmp_path.iterdir()))}"
    git(tmp_path, "clone", "--quiet", "-b", "dreamnet", str(remote), str(place))
    return place


def push(place: Path, *, own: bool = False) -> None:
    name, address = (
        ("dreamnet[bot]", "dreamnet[bot]@users.noreply.github.com") if own else ("mallory", "m@x.org")
    )
    git(place, "add", "--all")
    git(
        place, "-c", f"user.name={name}", "-c", f"user.email={address}", "commit", "-qm", "x", "--allow-empty"
    )
    git(place, "push", "--quiet")


def change(
    remote: Path, tmp_path: Path, name: str, edit: Callable[[bytes], bytes | None], *, own: bool = True
) -> None:
    """Change one file of the branch; ``own``: in a commit that says it is DreamNet's."""
    place = work(remote, tmp_path)
    former = (place / name).read_bytes() if (place / name).exists() else b""
    after = edit(former)
    if after is None:
        (place / name).unlink()
    else:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(after)
    push(place, own=own)


def texts(facts: list[Fact]) -> list[tuple[int, str]]:
    return [(fact.seq, fact.text) for fact in facts]


def repaired(make: Make, keep: Keep) -> list[Fact]:
    """Repair, see that nothing is wrong any more, and answer the facts."""
    assert keep(make()).verify().flaws
    done = keep(make()).repair(dry_run=False)
    assert done.commit
    assert done.steps
    assert keep(make()).verify().flaws == []
    assert keep(make()).verify(whole=False).flaws == []
    return list(make().journal.read())


# ── verify ───────────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_is_wrong_with_what_runs_leave(make: Make, keep: Keep, remote: Path) -> None:
    assert keep(make()).verify().flaws == []
    facts = filled(make)
    make().journal.compact(before=NOON + 1.0, kinds={"tick"})
    found = keep(make()).verify()
    assert found.flaws == []
    assert (found.facts, found.files) == (len(facts), len(files(remote)))
    assert found.size > 4 * 9_000
    before = commits(remote)
    assert keep(make()).repair(dry_run=False).commit is None
    assert commits(remote) == before


def test_all_that_is_wrong_is_told_at_once(make: Make, keep: Keep, remote: Path, tmp_path: Path) -> None:
    filled(make)
    place = work(remote, tmp_path)
    (place / FIRST).write_bytes((place / FIRST).read_bytes() + b"{half\n{}\n")
    (place / "journal/2023-11-16.jsonl").unlink()
    body = next((place / "messages").iterdir())
    body.write_bytes(b"{}")
    (place / "notes.txt").write_text("mine")
    text = (place / "state.json").read_text().replace('"health/1": [1,1]', '"health/1": [0,1]')
    (place / "state.json").write_text(text)
    line = 1 + text.splitlines().index('  "health/1": [0,1],')
    push(place)
    told = [str(one) for one in keep(make()).verify().flaws]
    head = git(remote, "rev-parse", "dreamnet")[:12]
    assert f"commit {head}: mallory <m@x.org> made it, and not dreamnet[bot]" in told
    assert f"{FIRST}:5: it is no JSON" in " ".join(told)
    assert f"{FIRST}:6: it is no fact" in told
    assert "journal/2023-11-16.jsonl: it is not there; state.json counts 4 facts of that day" in told
    assert f"messages/{body.name}: its hash is another than its name says" in told
    assert "notes.txt: it is no file of DreamNet's" in told
    assert f"state.json:{line}: the version of 'health/1' is 0" in told
    assert any(one.startswith("state.json:") and "the body messages/" in one for one in told)
    assert len(told) == 8


@pytest.mark.parametrize("name", ["state.json", FIRST])
def test_a_line_twice_or_out_of_order_is_told(
    make: Make, keep: Keep, remote: Path, tmp_path: Path, name: str
) -> None:
    filled(make)
    if name == FIRST:
        change(remote, tmp_path, FIRST, lambda body: b"".join(reversed(body.splitlines(keepends=True))))
    else:
        change(remote, tmp_path, name, lambda body: body.replace(b'"seq": 12', b'"seq": 3'))
    assert {one.file for one in keep(make()).verify().flaws} == {name}
    repaired(make, keep)


# ── a branch that is not what it was ─────────────────────────────────────────────────────────────────────


def test_a_branch_that_was_forced_back_stops_every_run_and_comes_back(
    make: Make, keep: Keep, remote: Path
) -> None:
    facts = filled(make)
    last = git(remote, "rev-parse", "dreamnet")
    git(remote, "update-ref", "refs/heads/dreamnet", "dreamnet~2")
    with pytest.raises(JournalDamaged, match="it was forced to .* commit of DreamNet's was " + last[:12]):
        make().journal.read()
    with pytest.raises(JournalDamaged) as told:
        make("eager").journal.append(Fact(kind="error", at=NOON, text="lost?"))
    assert "journal repair" in told.value.hint
    assert texts(repaired(make, keep)) == texts(facts)
    assert git(remote, "merge-base", "dreamnet", last) == last
    assert make().journal.state("pause") == ({"run": 3}, 4)


def test_a_branch_that_was_deleted_comes_back(make: Make, keep: Keep, remote: Path) -> None:
    facts = filled(make)
    git(remote, "update-ref", "-d", "refs/heads/dreamnet")
    with pytest.raises(JournalDamaged, match="it was deleted"):
        make().journal.read()
    assert texts(repaired(make, keep)) == texts(facts)


def test_what_was_written_on_a_branch_that_was_forced_elsewhere_is_joined(
    make: Make, keep: Keep, remote: Path
) -> None:
    """As an older DreamNet, which knows no mark, would write on."""
    facts = filled(make)
    mark = git(remote, "for-each-ref", "--format=%(objectname)", "refs/dreamnet")
    git(remote, "update-ref", "refs/heads/dreamnet", "dreamnet~2")
    git(remote, "update-ref", "-d", "refs/dreamnet/seen/dreamnet")
    run = make()
    run.journal.append(Fact(kind="error", at=NOON, text="the other side"))
    run.journal.set_state("other", 1)
    run.journal.finish()
    git(remote, "update-ref", "refs/dreamnet/seen/dreamnet", mark)
    found = repaired(make, keep)
    assert texts(found)[:-1] == texts(facts)
    assert (found[-1].seq, found[-1].text) == (facts[-1].seq + 1, "the other side")
    assert make().journal.state("other") == (1, 1)
    assert make().journal.state("pause") == ({"run": 3}, 4)


def test_a_commit_of_a_persons_that_harms_nothing_stops_nobody(
    make: Make, keep: Keep, remote: Path, tmp_path: Path
) -> None:
    facts = filled(make)
    change(remote, tmp_path, "README.md", lambda body: body + b"hello\n", own=False)
    run = make()
    run.journal.append(Fact(kind="error", at=NOON, text="on"))
    run.journal.finish()
    assert [one.what for one in keep(make()).verify().flaws] == [
        "mallory <m@x.org> made it, and not dreamnet[bot]"
    ]
    assert len(repaired(make, keep)) == len(facts) + 1


def test_a_host_that_takes_no_marks_gets_the_branch_alone(make: Make, remote: Path) -> None:
    git(remote, "config", "receive.hideRefs", "refs/dreamnet")
    filled(make, runs=2)
    assert commits(remote) == 2
    assert git(remote, "for-each-ref", "refs/dreamnet") == ""


# ── repair ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_dry_run_shows_the_plan_and_changes_nothing(
    make: Make, keep: Keep, remote: Path, tmp_path: Path, dreams: MemoryDreamStore
) -> None:
    filled(make)
    change(remote, tmp_path, FIRST, lambda body: body[:-20])
    before = git(remote, "rev-parse", "dreamnet")
    plan = keep(make()).repair(dry_run=True)
    assert plan.commit is None
    assert "Take 1 fact of 2023-11-15 from former commits." in plan.steps
    assert git(remote, "rev-parse", "dreamnet") == before
    assert dreams.search() == []


def test_what_is_damaged_is_kept_and_a_dream_tells_of_it(
    make: Make, keep: Keep, remote: Path, tmp_path: Path, dreams: MemoryDreamStore
) -> None:
    facts = filled(make)
    change(remote, tmp_path, FIRST, lambda body: body[:-20])
    head = git(remote, "rev-parse", "dreamnet")[:12]
    damaged = git(remote, "show", f"dreamnet:{FIRST}")
    assert texts(repaired(make, keep)) == texts(facts)
    assert git(remote, "rev-list", "--count", f"{head}..dreamnet") == "1"
    place = f"journal/damaged/{head}/journal_2023-11-15.jsonl.damaged"
    assert git(remote, "show", f"dreamnet:{place}") == damaged
    told = dreams.find("self/journal")
    assert told is not None
    assert told.state == "open"
    assert any("no JSON" in text for _, text in dreams.comments(told.number))
    assert "repair: " in git(remote, "log", "-1", "--format=%s", "dreamnet")
    # Damaged once more: what was kept stays.
    change(remote, tmp_path, "state.json", lambda _: None)
    repaired(make, keep)
    assert git(remote, "show", f"dreamnet:{place}") == damaged


def test_the_rows_of_a_truncated_state_that_can_be_read_are_kept(
    make: Make, keep: Keep, remote: Path, tmp_path: Path
) -> None:
    filled(make)
    change(
        remote,
        tmp_path,
        "state.json",
        lambda body: body[: body.index(b'"messages": {')].replace(b"[4,{", b"[9,{"),
    )
    repaired(make, keep)
    assert make().journal.state("pause") == ({"run": 3}, 9)
    assert make().bus.last() == 8


def test_a_body_that_is_nowhere_leaves_its_message_dead(
    make: Make, keep: Keep, remote: Path, tmp_path: Path
) -> None:
    filled(make, runs=1)
    [body] = [one for one in files(remote) if one.startswith("messages/")]
    place = work(remote, tmp_path)
    (place / body).unlink()
    git(place, "add", "--all")
    git(place, "checkout", "-q", "--orphan", "fresh")
    git(place, "-c", "user.name=dreamnet[bot]", "-c",
        "user.email=dreamnet[bot]@users.noreply.github.com", "commit", "-qm", "x")  # fmt: skip
    git(remote, "update-ref", "-d", "refs/dreamnet/seen/dreamnet")
    git(place, "push", "-qf", "origin", "fresh:dreamnet")
    repaired(make, keep)
    [dead] = make().bus.list(states={"dead"})
    assert "is lost" in dead.error


def test_what_only_the_dreams_still_know_is_written_again(
    make: Make, keep: Keep, remote: Path, dreams: MemoryDreamStore
) -> None:
    dream = dreams.open(
        Dream(
            key="here/web", opened_at=NOON, changed_at=NOON + 5, remedy="restart", attempt=1, cause="refused"
        )
    )
    dreams.comment(dream.number, NOON, "filed: connection refused")
    dreams.comment(dream.number, NOON + 5, "healing: it was never tried")
    [flaw] = keep(make()).verify().flaws
    assert flaw.what == "there is no such branch, though there are dreams"
    found = repaired(make, keep)
    told = [(one.kind, one.at, one.dream, one.data.get("remedy")) for one in found]
    assert told == [
        ("dream-opened", NOON, "dream-1-0", None),
        ("remedy-started", NOON + 5, "dream-1-0", "restart"),
    ]
    assert all(one.data["rebuilt"] for one in found)


def test_a_repair_that_somebody_is_faster_than_is_refused(
    make: Make, keep: Keep, remote: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(make)
    change(remote, tmp_path, FIRST, lambda body: body[:-20])
    keeping = keep(make())
    real = GitHubKeeping._retold

    def slow(self: GitHubKeeping) -> list[Fact]:
        change(remote, tmp_path, "README.md", lambda body: body + b"!")
        return real(self)

    monkeypatch.setattr(GitHubKeeping, "_retold", slow)
    with pytest.raises(Conflict):
        keeping.repair(dry_run=False)


@pytest.mark.parametrize("seed", range(24))
def test_whatever_is_damaged_is_set_right_and_no_whole_fact_is_lost(
    make: Make, keep: Keep, remote: Path, tmp_path: Path, seed: int
) -> None:
    """Truncated at any byte, a flipped byte, deleted files, forced back, deleted: up to three of them at once."""
    chance = random.Random(seed)
    facts = filled(make, runs=chance.randint(1, 4))
    told = {json.dumps(fact.to_json(), sort_keys=True) for fact in facts}
    for _ in range(chance.randint(1, 3)):
        damage(remote, tmp_path, chance)
    if not keep(make()).verify().flaws:
        return  # the branch was forced to where it was
    after = repaired(make, keep)
    still = {json.dumps(fact.to_json(), sort_keys=True) for fact in after}
    assert told - still == set()
    run = make()
    run.journal.append(Fact(kind="error", at=NOON, text="on"))
    run.journal.finish()
    assert keep(make()).verify().flaws == []


def damage(remote: Path, tmp_path: Path, chance: random.Random) -> None:
    kinds = ["truncate", "flip", "delete", "force back", "delete the branch"]
    if not git(remote, "for-each-ref", "refs/heads/dreamnet"):
        return
    kind, own = chance.choice(kinds), chance.random() < 0.5
    name = chance.choice(sorted(files(remote)))
    if kind == "delete the branch":
        git(remote, "update-ref", "-d", "refs/heads/dreamnet")
    elif kind == "force back":
        back = chance.randrange(commits(remote))
        git(remote, "update-ref", "refs/heads/dreamnet", f"dreamnet~{back}")
    elif kind == "delete":
        change(remote, tmp_path, name, lambda _: None, own=own)
    elif kind == "truncate":
        change(remote, tmp_path, name, lambda body: body[: chance.randrange(len(body) or 1)], own=own)
    else:  # in a commit of our own a text that is another text would be what we wrote
        change(remote, tmp_path, name, lambda body: flipped(body, chance), own=False)


def flipped(body: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(body) or 1)
    return (
        body[:place] + bytes([body[place] ^ (1 << chance.randrange(8))]) + body[place + 1 :] if body else b""
    )
