"""What happens to a town in a month: how late its schedule comes, what breaks and when, and what its people do.

All of it is chosen by chance from one seed. Cron is as bad as it was seen to be: good days, days on which half of the
ticks come minutes late, and days on which 3 of 138 come, up to 761 minutes late (netcanon/netcanon#419,
paiml/aprender#3292).
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from dreamnet_actions.adapters.github import body
from dreamnet_actions.adapters.github.client import GitHubRepository
from dreamnet_actions.domain.command import parse
from dreamnet_actions.domain.health import Cause
from dreamnet_actions.domain.secret import SecretValue
from dreamnet_actions.testing.github.records import Issue
from tests.proofs._town import BOT, REPOSITORY, Ill, Town

DAY, EVERY = 86_400.0, 300.0
AHEAD = 2 * 3600.0
"""Seconds for which people announce maintenance ahead."""
NAMES = tuple("abcdefghij")
SERVICES = ("web", "db", *NAMES)
KINDS = ("cured", "long", "blip", "flaps", "needs", "cured", "storm", "configured", "cured", "announced")
"""Outages by kind, in the order in which they come, over and over."""
CAUSES: tuple[Cause, ...] = ("refused", "timeout", "status-5xx")
WEATHER = (("good", 0.35, 0.98, 40.0), ("bad", 0.4, 0.5, 420.0), ("awful", 0.25, 3 / 138, 0.0))
"""Days by name: how likely, which share of the ticks comes, and how many seconds late on average."""
SAID = (
    "/snooze 4h",
    "/wontfix we know",
    "/retry",
    "/explain",
    "/restart",
    "/heal",
    "/help",
    "/helo",
    "is it me?",
)


@dataclass(frozen=True, kw_only=True)
class Outage:
    """Services that fail from ``begins`` (seconds since 1970) until a restart if ``curable``, else until ``ends``."""

    kind: str
    begins: float
    ends: float
    services: tuple[str, ...]
    cause: Cause
    curable: bool = False


def outages(dice: random.Random, start: float, days: float, count: int, kinds: Sequence[str]) -> list[Outage]:
    """Plan them, of the kinds in turn, one after another; those that flap are several."""
    slot, found = days * DAY / count, []
    for number in range(count):
        kind = kinds[number % len(kinds)]
        begins = start + number * slot + dice.uniform(0.1, 0.25) * slot
        name, cause = dice.choice(NAMES), dice.choice(CAUSES)
        longest = 0.6 * slot
        lasts = dice.uniform(0.3, 1.0) * min(longest, 7200.0)
        lasts = {"blip": dice.uniform(90.0, 280.0), "long": longest, "flaps": longest / 5}.get(kind, lasts)
        services = {"needs": ("db", "web"), "storm": ("db", *dice.sample(NAMES, 7))}.get(kind, (name,))
        for again in range(4 if kind == "flaps" else 1):
            at = begins + again * longest / 4
            found.append(
                Outage(
                    kind=kind,
                    begins=at,
                    ends=at + lasts,
                    services=services,
                    cause=cause,
                    curable=kind in ("cured", "flaps"),
                )
            )
    return found


def weather(dice: random.Random, start: float, days: float) -> Iterator[float]:
    """Yield when the ticks come that come, in order."""
    names, odds = [one[0] for one in WEATHER], [one[1] for one in WEATHER]
    by_name = {name: (share, late) for name, _, share, late in WEATHER}
    came, share, late = [], 1.0, 30.0
    for number in range(int(days * DAY / EVERY)):
        if number and number % int(DAY / EVERY) == 0:
            share, late = by_name[dice.choices(names, odds)[0]]
        if dice.random() < share:
            delay = dice.expovariate(1 / late) if late else dice.uniform(189.0, 761.0) * 60.0
            came.append(start + number * EVERY + delay)
    yield from sorted(came)


def config(planned: list[Outage], days: float) -> dict[str, Any]:
    """Answer the town's configuration: the services, a window for each outage that was to be expected, and a journal
    that is compacted four times at least."""
    services: dict[str, Any] = {
        name: {
            "platform": "local",
            "command": ["sleep", "1"],
            "port": 20_000 + number,
            "checks": {"home": {"http": f"http://127.0.0.1:1/{name}"}},
        }
        for number, name in enumerate(SERVICES)
    }
    services["web"]["needs"] = ["db"]
    windows = [
        {
            "services": list(one.services),
            "start": _moment(one.begins - 600.0),
            "end": _moment(one.ends + 600.0),
        }
        for one in planned
        if one.kind == "configured"
    ]
    return {
        "version": 1,
        "platforms": {"local": {"process": {}}},
        "services": services,
        "maintenance": windows,
        "watch": {"keepalive-after": "20d"},
        "journal": {
            "keep": "10d",
            "keep-lessons": "30d",
            "compact-every": f"{int(min(7.0, days / 4.5) * DAY)}s",
        },
    }


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(kw_only=True)
class People:
    """Who lives there: ``alice`` may write, ``mallory`` may only read."""

    town: Town
    dice: random.Random
    did: Counter[str] = field(default_factory=Counter)
    own: dict[int, tuple[str, str, frozenset[str]]] = field(default_factory=dict)
    """Their own issues: title, body and labels, by number."""
    deleted: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._hands = {who: self._reach(who, role) for who, role in (("alice", "write"), ("mallory", "read"))}

    def announce(self, one: Outage) -> None:
        """Open an issue that announces maintenance."""
        text = (
            f"We move it.\n\n```\nservices: {', '.join(one.services)}\nfrom: {_moment(one.begins - 600.0)}\n"
        )
        text += f"until: {_moment(one.ends + 600.0)}\n```\n"
        self._open("maintenance of a service", text, ["maintenance"])

    def idle(self) -> None:
        """Live on: now and then somebody opens an issue of their own, one that looks like a dream, too."""
        if self.dice.random() < 0.004:
            labels = self.dice.choice([[], ["bug"], ["dream", "dream: open"]])
            self._open(
                self.dice.choice(["a typo", "a is failing: timeout (local)", "/restart"]),
                "It is mine.",
                labels,
            )

    def meddle(self) -> None:
        """Perhaps do something to one of the dreams that are open."""
        dreams = [one for one in self.town.issues if one.user.login == BOT and one.state == "open"]
        if not dreams or self.dice.random() > 0.2:
            return
        one = self.dice.choice(sorted(dreams, key=lambda issue: issue.number))
        what = self.dice.choices(
            ["say", "close", "label", "unlabel", "title", "delete", "talk"], [8, 2, 2, 1, 1, 0.5, 1]
        )[0]
        getattr(self, f"_{what}")(one)

    def _say(self, one: Issue) -> None:
        who, text = self.dice.choices(["alice", "mallory"], [3, 1])[0], self.dice.choice(SAID)
        self._call("POST", f"/issues/{one.number}/comments", {"body": text}, who=who)
        command = parse(text)
        self.did[
            "talked" if command is None else f"{who}: /{command.name if not command.mistake else 'helo'}"
        ] += 1

    def _talk(self, one: Issue) -> None:
        self._call("POST", f"/issues/{one.number}/comments", {"body": "I look into it.\n/restart"})
        self.did["talked"] += 1

    def _close(self, one: Issue) -> None:
        reason = self.dice.choice(["completed", "not_planned"])
        self._call("PATCH", f"/issues/{one.number}", {"state": "closed", "state_reason": reason})
        self.did[f"closed as {reason}"] += 1

    def _label(self, one: Issue) -> None:
        self._call("POST", f"/issues/{one.number}/labels", {"labels": ["p1"]})
        self.did["labelled"] += 1

    def _unlabel(self, one: Issue) -> None:
        name = self.dice.choice(sorted(label.name for label in one.labels) or ["dream"])
        if name != body.LABEL:
            self._call("DELETE", f"/issues/{one.number}/labels/{name.replace(' ', '%20')}")
            self.did["took a label away"] += 1

    def _title(self, one: Issue) -> None:
        self._call("PATCH", f"/issues/{one.number}", {"title": f"{one.title} again"[:200]})
        self.did["gave a title"] += 1

    def _delete(self, one: Issue) -> None:
        # GitHub gives no number twice; the stand-in would give the newest one again.
        repository = self.town.github.world.repository(REPOSITORY)
        if one.number != max(repository.issues):
            with self.town.github.world.lock:
                del repository.issues[one.number]
            self.deleted.add(one.number)
            self.did["deleted"] += 1

    def _open(self, title: str, text: str, labels: list[str]) -> None:
        made = self._call("POST", "/issues", {"title": title, "body": text, "labels": labels})
        self.own[int(made["number"])] = (title, text, frozenset(labels))
        self.did["opened an issue"] += 1

    def _call(self, method: str, path: str, data: object = None, *, who: str = "alice") -> Any:
        answer = self._hands[who].call(method, path, body=data)
        self.town.settle()
        return answer

    def _reach(self, who: str, role: str) -> GitHubRepository:
        github = self.town.github
        return GitHubRepository(
            REPOSITORY,
            SecretValue(github.person(who, role)),
            clock=self.town.clock,
            api_url=github.api_url,
            server_url=github.server_url,
            write_spacing=0.0,
        )


def bring_about(town: Town, one: Outage, *, begins: bool) -> None:
    """Let an outage begin or end."""
    for name in one.services:
        if begins:
            town.ills[name] = Ill(one.cause, one.curable)
        elif not one.curable:
            town.ills.pop(name, None)
