"""The rules that hold in a town's month, each with its check; and what the month took.

While it goes on: every job and every tick is looked at. At its end: every issue's history, the journal and the branch.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dreamnet_actions.adapters.github import body
from dreamnet_actions.bootstrap.tidying import STATE as COMPACTED
from dreamnet_actions.domain.command import parse
from dreamnet_actions.domain.remedy import attempts
from dreamnet_actions.domain.units import parse_duration
from dreamnet_actions.testing.github.records import Comment, Issue
from tests.github.homes import git
from tests.proofs._life import AHEAD, Outage, People
from tests.proofs._town import BOT, CRON, REPOSITORY, Ran, Town

REOPEN_WITHIN, BLIP_UNDER = 86_400.0, 300.0
HOUR, BUDGET = 3600.0, 1000
LATEST = 15 * 60.0
"""Seconds that runs under way may go on after what closed a window or a dream."""


@dataclass(kw_only=True)
class Rules:
    """Watches one town. ``broken`` are the sentences about what did not hold, each once."""

    town: Town
    people: People
    planned: list[Outage]
    broken: list[str] = field(default_factory=list)
    jobs: list[Ran] = field(default_factory=list)
    most: int = 0
    _quiet: list[bool] = field(default_factory=list)
    _quiet_jobs: list[Ran] = field(default_factory=list)
    _aside: dict[str, int] = field(default_factory=dict)
    _looks: list[float] = field(default_factory=list)

    # ── while it goes on ────────────────────────────────────────────────────────────────────────────────

    def ran(self, job: Ran) -> None:
        """Look at one job that has ended: none ends by a bug, and none fails."""
        self.jobs.append(job)
        result = job.result
        if any(one.get("service") == "self/maintenance" for one in result.findings):
            self._looks.append(job.at)
        if result.exit_status == 70 or result.outcome == "failed":
            self._wrong(f"a job of {job.keeper} on {job.event} ended {result.outcome}: {result.summary}")

    def before(self) -> None:
        """Remember whether all is well before a tick: then it is a quiet one."""
        living = [one for one in self._dreams() if one.state == "open"]
        self._quiet.append(not living and not self.town.ills)
        self._begun = len(self.jobs)

    def look(self) -> None:
        """Look at every issue after a tick."""
        open_ones: dict[str, list[int]] = {}
        for one in self._dreams():
            stored = body.read(one.body or "")
            if stored is None:
                self._wrong(f"the body of #{one.number} cannot be read")
                continue
            if one.state == "open":
                open_ones.setdefault(stored.dream.key, []).append(one.number)
        for key, numbers in open_ones.items():
            if len(numbers) > 1:
                self._wrong(f"{key} has more than one open issue: {numbers}")
            if key in self._aside and self._aside[key] not in numbers:
                self._wrong(f"{key} was not to be fixed (#{self._aside[key]}), and has a new issue {numbers}")
        self._aside = {
            stored.dream.key: one.number
            for one in self._dreams()
            if one.state == "closed" and one.state_reason == "not_planned" and (stored := self._newest(one))
        }
        for number, (title, text, labels) in self.people.own.items():
            one = self._issues[number]
            if (one.title, one.body, {label.name for label in one.labels}, one.state) != (
                title,
                text,
                labels,
                "open",
            ):
                self._wrong(f"#{number}, an issue of somebody's own, was changed")
        if all(self._quiet[-3:]) and len(self._quiet) > 3 and len(self.jobs) == self._begun + 1:
            self._quiet_tick(self.jobs[-1])

    def _quiet_tick(self, job: Ran) -> None:
        """A quiet tick takes 2 calls at most, beside those of the hourly look at the host, and no commit but one an
        hour, beside those of a compaction."""
        calls = job.charged - _looked(job)
        if calls > 2:
            self._wrong(f"a quiet tick took {calls} calls")
        former = next((one for one in reversed(self._quiet_jobs) if one.commits == 1), None)
        if job.commits == 1 and former is not None and job.at // HOUR == former.at // HOUR:
            minutes = [one.at % HOUR / 60 for one in (former, job)]
            self._wrong(
                "quiet ticks committed {:.0f} and {:.0f} minutes after the same hour".format(*minutes)
            )
        self._quiet_jobs.append(job)

    # ── at the end ──────────────────────────────────────────────────────────────────────────────────────

    def end(self) -> None:
        """Hold all that can be told at the end."""
        for one in self._dreams():
            self._bodies(one)
            self._history(one)
        self._reopened()
        self._windows()
        self._answered()
        self._umbrellas()
        self._budget()
        self._schedule()
        self._journal()

    def _bodies(self, one: Issue) -> None:
        texts = [one.body or "", *(said.body for said in self._comments(one))]
        if max(map(len, texts)) > body.MOST:
            self._wrong(f"#{one.number} has a text of {max(map(len, texts))} characters")
        ours = [
            said for said in self._comments(one) if said.user.login == BOT and "dreamnet:story" in said.body
        ]
        if len(ours) > 1:
            self._wrong(f"#{one.number} has {len(ours)} progress comments")

    def _history(self, one: Issue) -> None:
        """Flaps are counted as often as the issue was opened again; a blip is labelled, and nothing else is."""
        stored = body.read(one.body or "")
        if stored is None or stored.duplicate_of is not None:
            return
        states = [state.state for _, state in one.history]
        again = sum(before == "closed" and after == "open" for before, after in itertools.pairwise(states))
        dream = stored.dream
        # A person who wants a dream that was given up to be tried anew begins a story that counts, too.
        told = [said for said in self._comments(one) if said.body.startswith("/retry")]
        retried = sum(any(mark.content == "rocket" for mark in said.reactions) for said in told)
        if not again <= dream.flaps <= again + retried and not (one.state == "open" and dream.ended):
            self._wrong(
                f"#{one.number} ({dream.key}) was opened again {again} times, and counts {dream.flaps} flaps"
            )
        labelled = body.BLIP in {label.name for label in one.labels}
        if dream.state == "resolved" and one.state == "closed" and dream.resolved_at is not None:
            short = dream.resolved_at - dream.opened_at < BLIP_UNDER
            if labelled != short:
                took = dream.resolved_at - dream.opened_at
                self._wrong(
                    f"#{one.number} took {took:.0f} s and is {'' if labelled else 'not '}labelled a blip"
                )

    def _reopened(self) -> None:
        """What came back within the window opened its issue again: no new one was made so soon after the former."""
        by_key: dict[str, list[Issue]] = {}
        for one in sorted(self._dreams(), key=lambda issue: issue.number):
            if (stored := body.read(one.body or "")) is not None and stored.duplicate_of is None:
                by_key.setdefault(stored.dream.key, []).append(one)
        for key, issues in by_key.items():
            for former, later in itertools.pairwise(issues):
                closed = [
                    at for at, state in former.history if state.state == "closed" and at <= later.created
                ]
                if closed and later.created - max(closed) < REOPEN_WITHIN:
                    ago = later.created - max(closed)
                    self._wrong(
                        f"{key}: #{later.number} was made {ago:.0f} s after #{former.number} was closed"
                    )

    def _windows(self) -> None:
        """No dream was opened on what is under maintenance, or fails because of what it needs."""
        for outage in self.planned:
            spared = {"needs": ("web",)}.get(outage.kind, ())
            if outage.kind in ("configured", "announced"):
                spared = outage.services
            if outage.kind == "announced" and not any(
                outage.begins - AHEAD < at < outage.begins for at in self._looks
            ):
                continue  # the first notice ever is found by the hourly look
            for one in self._dreams():
                stored = body.read(one.body or "")
                if stored is None or stored.dream.service not in spared:
                    continue
                times = [
                    at for at, state in one.history if state.state == "open" and body.read(state.body or "")
                ]
                opened = [body.read(state.body or "") for _, state in one.history]
                begun = {round(held.dream.opened_at) for held in opened if held is not None}
                if times and any(outage.begins <= at < outage.ends for at in begun):
                    self._wrong(
                        f"#{one.number} was opened on {stored.dream.key} during {outage.kind} {outage.services}"
                    )

    def _answered(self) -> None:
        """Every command has one answer, and nobody's mere talk has one; what is snoozed is left alone."""
        with self.town.system() as system:
            started = system.journal.read(kinds={"remedy-started"})
        for one in self._dreams():
            for said in self._comments(one):
                if said.user.login == BOT:
                    continue
                command = parse(said.body)
                answers = [
                    other for other in self._comments(one)
                    if other.user.login == BOT and "dreamnet:answer" in other.body and str(said.id) in other.body
                ]  # fmt: skip
                if len(answers) != (command is not None):
                    self._wrong(f"{said.body[:30]!r} on #{one.number} has {len(answers)} answers")
                rocket = any(mark.content == "rocket" for mark in said.reactions)
                if command is None or command.name != "snooze" or not rocket:
                    continue
                until = said.created + parse_duration(command.words)
                later = [
                    other.created
                    for other in self._comments(one)
                    if other.user.login != BOT and parse(other.body)
                ]
                until = min([until, *(at for at in later if at > said.created)])
                stored = body.read(one.body or "")
                for fact in started:
                    if (
                        stored
                        and fact.service == stored.dream.key
                        and said.created + LATEST < fact.at < until
                    ):
                        self._wrong(f"{fact.service} was snoozed, and {fact.data['remedy']} was tried on it")

    def _umbrellas(self) -> None:
        """A storm that a tick saw is one dream with a list."""
        found = [stored.dream for one in self._dreams() if (stored := body.read(one.body or ""))]
        over = [one for one in found if one.key == "self/umbrella"]
        ticks = [job.at for job in self.jobs if job.event == "schedule"]
        seen = [
            storm
            for storm in self.planned
            if storm.kind == "storm" and any(storm.begins < at < storm.ends - 60.0 for at in ticks)
        ]
        if seen and not over and not self.people.deleted:
            self._wrong(f"{len(seen)} storms were seen, and there is no umbrella")
        self._storms = len(seen)

    def _budget(self) -> None:
        """Count the requests of the hour that took the most."""
        start, total = 0, 0
        for job in self.jobs:
            total += job.charged
            while job.at - self.jobs[start].at >= HOUR:
                total -= self.jobs[start].charged
                start += 1
            self.most = max(self.most, total)

    def _schedule(self) -> None:
        """Cron was bad enough for one dream on the schedule, which tells by how much."""
        told = [
            one
            for one in self._dreams()
            if (held := body.read(one.body or "")) and held.dream.key == "self/ticks"
        ]
        self._told_of_ticks = len(told)
        if self.town.clock.now() - self.jobs[0].at > 10 * 86_400.0 and not told:
            self._wrong("no dream tells that the schedule is late")
        for one in told:
            if CRON not in (one.body or "").replace("\\", "") or "95% within" not in (one.body or ""):
                self._wrong(f"#{one.number} does not tell how late the schedule is")

    def _journal(self) -> None:
        """The journal is whole and small, every message had its end, and compaction loses nothing that is learned."""
        with self.town.system() as system:
            waiting = [one for one in system.bus.list(limit=10_000) if one.state != "done"]
            if waiting:
                self._wrong(
                    f"{len(waiting)} messages are not done: {[(one.message.name, one.state) for one in waiting][:3]}"
                )
            kinds = {"remedy-started", "remedy-ended"}
            learned = attempts(system.journal.read(kinds=kinds))
            self._compacted = system.journal.state(COMPACTED)[0]
            self._before = self._size()
            system.compact()
        with self.town.system() as system:
            if attempts(system.journal.read(kinds=kinds)) != learned:
                self._wrong("a compaction lost what is learned from")
            found = system.memory.keeping.verify()
            self._facts, self._held = Counter(one.kind for one in system.journal.read()), found
            self._attempts = len(learned)
        for flaw in found.flaws:
            self._wrong(f"the journal: {flaw}")

    # ── figures ─────────────────────────────────────────────────────────────────────────────────────────

    def figures(self) -> dict[str, object]:
        """Answer what the month took."""
        ticks = [job for job in self.jobs if job.event == "schedule"]
        dreams = [stored.dream for one in self._dreams() if (stored := body.read(one.body or ""))]
        quiet = [job.charged - _looked(job) for job in self._quiet_jobs]
        alive = sum(job.commits for job in self._quiet_jobs)
        umbrellas = sum(one.key == "self/umbrella" for one in dreams)
        return {
            "days": f"{(self.town.clock.now() - self.jobs[0].at) / 86_400.0:.1f}",
            "ticks that came": len(ticks),
            "jobs": len(self.jobs),
            "jobs by how they ended": dict(Counter(job.result.outcome for job in self.jobs)),
            "what people did": dict(self.people.did),
            "issues of DreamNet's": len(dreams),
            "dreams by state": dict(Counter(one.state for one in dreams)),
            "dreams that came back, times": sum(one.flaps for one in dreams),
            "blips": sum(one.blip for one in dreams),
            "umbrellas, of storms that a tick saw": f"{umbrellas}, {self._storms}",
            "issues on the schedule": self._told_of_ticks,
            "requests charged": sum(job.charged for job in self.jobs),
            "most in an hour": f"{self.most} of {BUDGET}",
            "quiet ticks, calls at most": f"{len(quiet)}, {max(quiet, default=0)}",
            "commits on quiet ticks": alive,
            "commits": sum(job.commits for job in self.jobs),
            "remedies on record": self._attempts,
            "branch before the last compaction": self._before,
            "branch": self._size(),
            "facts kept": dict(self._facts.most_common()),
        }

    def _size(self) -> str:
        """Say how large the branch is: its files, and its commits with all that they hold, packed as a host does."""
        remote = self.town.remote
        count = git(remote, "rev-list", "--count", "dreamnet")
        tree = git(remote, "ls-tree", "-r", "-l", "dreamnet").splitlines()
        size = sum(int(line.split()[3]) for line in tree)
        lines = git(remote, "rev-list", "--objects", "--disk-usage", "dreamnet")
        return f"{len(tree)} files of {size / 1e6:.2f} MB; {count} commits, {int(lines) / 1e6:.1f} MB loose"

    # ── inside ──────────────────────────────────────────────────────────────────────────────────────────

    @property
    def _issues(self) -> Mapping[int, Issue]:
        return self.town.github.world.repository(REPOSITORY).issues

    def _dreams(self) -> list[Issue]:
        return [one for one in self._issues.values() if one.user.login == BOT]

    def _comments(self, one: Issue) -> list[Comment]:
        comments = self.town.github.world.repository(REPOSITORY).comments
        return [said for said in comments.values() if said.number == one.number]

    def _newest(self, one: Issue) -> Any:
        """Answer what an issue holds, where none of its key is newer; None for a duplicate."""
        stored = body.read(one.body or "")
        if stored is None or stored.duplicate_of is not None:
            return None
        keys = [
            (held.dream.key, other.number)
            for other in self._dreams()
            if (held := body.read(other.body or ""))
        ]
        newest = max(number for key, number in keys if key == stored.dream.key)
        return stored if newest == one.number else None

    def _wrong(self, sentence: str) -> None:
        if sentence not in self.broken:
            self.broken.append(sentence)


def _looked(job: Ran) -> int:
    """Answer the requests of the hourly look at the host, which are told apart."""
    for one in job.result.findings:
        for check in one.get("checks", ()):
            if one.get("service") == "self/limits" and "this look took" in check["detail"]:
                return int(check["detail"].partition("this look took ")[2].split()[0])
    return 0
