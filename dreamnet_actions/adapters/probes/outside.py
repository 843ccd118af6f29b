"""OutsideProbe: all looks of a round at the same time, from the checks in the configuration to reports."""

from __future__ import annotations

import functools
import queue
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, ClassVar

from dreamnet_actions.adapters.probes.command import Commands, Run
from dreamnet_actions.adapters.probes.connect import Talk, conduct
from dreamnet_actions.adapters.probes.http import Target, place_of
from dreamnet_actions.adapters.probes.loop import Job, Loop, Steps
from dreamnet_actions.adapters.probes.options import CommandCheck, HttpCheck, TcpCheck, TlsCheck
from dreamnet_actions.adapters.probes.outcome import Outcome, Trouble
from dreamnet_actions.adapters.probes.resolve import CAP, Address, Answer, Lookup, Resolver, literal
from dreamnet_actions.adapters.probes.talks import http_talk, tcp_talk, tls_talk
from dreamnet_actions.adapters.probes.text import Redactor, plain
from dreamnet_actions.domain.health import Report
from dreamnet_actions.domain.spec.models import Check
from dreamnet_actions.ports.probe import Look
from dreamnet_actions.ports.site import Site, for_commands
from dreamnet_actions.ports.system import Clock

if TYPE_CHECKING:
    import ssl

Begin = Callable[[Talk, Sequence[Address]], Steps[Outcome]]
Done = Callable[[Outcome], None]


class OutsideProbe:
    """Looks at services from outside: http, tcp, tls and command (the port ``Probe``).

    ``directory`` is where commands run and relative ``ca-file`` paths start; ``environment`` is what commands get
    (None: this process's own). ``ca_file`` is trusted instead of the system's certificates where a check names none.
    ``limit`` is the most conversations in flight. ``lookup`` replaces the system's resolver in tests.
    """

    WRITES: ClassVar[frozenset[str]] = frozenset()
    kinds: Sequence[type[Check]] = (HttpCheck, TcpCheck, TlsCheck, CommandCheck)

    def __init__(
        self,
        *,
        clock: Clock,
        directory: str | Path = ".",
        environment: Mapping[str, str] | None = None,
        ca_file: str | None = None,
        limit: int = 1000,
        lookup: Lookup = socket.getaddrinfo,
    ) -> None:
        self._clock = clock
        self._directory = Path(directory)
        self._environment = environment
        self._ca_file = ca_file
        self._limit = limit
        self._lookup = lookup

    @classmethod
    def at(cls, site: Site) -> OutsideProbe:
        """Make the probe that starts commands in the configuration's root."""
        return cls(clock=site.clock, directory=site.root, environment=for_commands(site.environ))

    def probe(self, looks: Iterable[Look], deadline: float) -> Iterator[Report]:
        """Make all looks (see the port). What could not even begin within ``deadline`` is ``unknown``: ours.

        The round runs in a thread of its own, so that a slow reader of the reports changes no figure in them.
        """
        wanted = list(looks)
        if not wanted:
            return
        round_ = _Round(self, wanted, deadline)
        thread = threading.Thread(target=round_.run, name="dreamnet-probe", daemon=True)
        thread.start()
        try:
            for _ in wanted:
                report = round_.reports.get()
                if isinstance(report, BaseException):
                    raise report
                yield report
        finally:
            round_.stop()
            thread.join(timeout=5.0)

    def plan(self, look: Look) -> tuple[str, int, Begin]:
        """Answer where to connect for a look and the conversation to have.

        Raises ValueError for a wrong address, Trouble for a file of certificates that cannot be used.
        """
        check = look.check
        if isinstance(check, HttpCheck):
            target, redact = _address(check.http)
            host, port = place_of(look.address) if look.address else (target.host, target.port)
            context = _context(self._ca_file) if target.secure else None
            return (
                host,
                port,
                lambda talk, addresses: http_talk(
                    talk, addresses, port, check, target=target, redact=redact, context=context
                ),
            )
        if isinstance(check, TlsCheck):
            named, own_port = place_of(check.tls)
            host, port = place_of(look.address) if look.address else (named, own_port)
            ca_file = str(self._directory / check.ca_file) if check.ca_file else self._ca_file
            context = _context(ca_file)
            return (
                host,
                port,
                lambda talk, addresses: tls_talk(
                    talk, addresses, port, check, host=named, context=context, now=self._clock.now
                ),
            )
        if isinstance(check, TcpCheck):
            host, port = place_of(look.address or check.tcp)
            return host, port, lambda talk, addresses: tcp_talk(talk, addresses, port, check)
        raise ValueError(f"{type(check).__name__} is no kind of check that is made from outside")

    def commands(self, until: float) -> Commands:
        """Answer what runs the commands of a round that ends at ``until``."""
        return Commands(until=until, directory=str(self._directory), environment=self._environment)

    def loop(self) -> Loop:
        """Answer a fresh engine."""
        return Loop(self._limit)

    def resolver(self, wake: Callable[[], None]) -> Resolver:
        """Answer a fresh resolver: each round looks every name up anew."""
        return Resolver(wake, self._lookup)


@functools.lru_cache(maxsize=4096)
def _address(url: str) -> tuple[Target, Redactor]:
    """Read a URL once a process: it is a quarter of what a look costs, and a watch looks again and again."""
    return Target.parse(url), Redactor(url)


def _context(ca_file: str | None) -> ssl.SSLContext:
    """Answer the TLS context, before anything is timed: its first making reads a bundle of certificates."""
    from dreamnet_actions.adapters.probes.tls import context_for

    return context_for(ca_file)


class _Named:
    """Conversations that wait for one name."""

    def __init__(self) -> None:
        self.answer: Answer | None = None
        self.waiting: list[tuple[Callable[[Answer], None], Done]] = []


class _Round:
    """One call of ``probe``: where its looks stand. All but ``stop`` runs in the round's own thread."""

    def __init__(self, probe: OutsideProbe, looks: Sequence[Look], deadline: float) -> None:
        self.reports: queue.SimpleQueue[Report | BaseException] = queue.SimpleQueue()
        self._probe, self._looks = probe, looks
        self._deadline = deadline
        self._until = monotonic() + deadline
        self._loop = probe.loop()
        self._resolver = probe.resolver(self._loop.wake)
        self._commands = probe.commands(self._until)
        self._names: dict[str, _Named] = {}
        self._unanswered = 0
        self._stopped = False

    def run(self) -> None:
        """Make every look; a bug of ours ends the round and is raised to its reader."""
        try:
            self._loop.on_wake = self._on_wake
            for look in self._looks:
                self._begin(look)
            self._loop.at(self._until, self._end)
            self._loop.run(lambda: self._unanswered > 0 and not self._stopped)
        except BaseException as error:  # noqa: BLE001  # raised again by the reader
            self.reports.put(error)
        finally:
            self._resolver.close()
            self._loop.close()

    def stop(self) -> None:
        """End the round from another thread: nobody reads its reports any more."""
        self._stopped = True
        self._commands.close()
        self._loop.wake()

    # ── inside ──────────────────────────────────────────────────────────────────────────────────────────

    def _begin(self, look: Look) -> None:
        def done(outcome: Outcome) -> None:
            self.reports.put(
                Report(
                    service=look.service,
                    check=look.name,
                    status=outcome.status,
                    cause=outcome.cause,
                    detail=plain(outcome.detail),
                    phases=outcome.phases,
                )
            )

        if isinstance(look.check, CommandCheck):
            self._commands.add(Run(look.check, done, self.reports.put))
            return
        try:
            host, port, begin = self._probe.plan(look)
        except ValueError as error:
            done(Outcome("unknown", None, f"The address of the check {look.name!r} cannot be used: {error}"))
            return
        except Trouble as ours:
            done(Outcome(ours.status, ours.cause, ours.detail))
            return
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        address = literal(host)
        if address is not None:
            self._add(look, where, Answer((address,), 0.0), begin, done, named=False)
        else:
            limit = min(CAP, look.check.timeout)
            self._ask(
                host, limit, lambda answer: self._add(look, where, answer, begin, done, named=True), done
            )

    def _add(self, look: Look, where: str, answer: Answer, begin: Begin, done: Done, *, named: bool) -> None:
        """Put a conversation before the loop: its name is known now, or never will be."""
        if answer.trouble is not None:
            found = answer.trouble
            phases = {"resolve": answer.seconds, "total": answer.seconds}
            done(Outcome(found.status, found.cause, found.detail, phases))
            return

        def start() -> Steps[Outcome]:
            talk = Talk(where, answer.seconds if named else None)
            return conduct(talk, begin(talk, answer.addresses))

        self._loop.add(Job(start, max(0.001, look.check.timeout - answer.seconds), done))

    def _ask(self, host: str, limit: float, go: Callable[[Answer], None], done: Done) -> None:
        name = self._names.get(host)
        if name is None:
            name = self._names[host] = _Named()
            self._unanswered += 1
            self._resolver.ask(host)
            self._loop.at(monotonic() + limit, lambda: self._look_up(host, limit))
        if name.answer is not None:
            go(name.answer)
        else:
            name.waiting.append((go, done))

    def _look_up(self, host: str, limit: float) -> None:
        """See whether the cap of a name is over; the time that it waited for a thread does not count."""
        if self._names[host].answer is None:
            began = self._resolver.began(host)
            passed = 0.0 if began is None else monotonic() - began
            if passed < limit:
                self._loop.at(monotonic() + limit - passed, lambda: self._look_up(host, limit))
            else:
                self._answered(host, self._resolver.silent(host, passed))

    def _on_wake(self) -> None:
        if self._stopped:
            self._unanswered = 0
            self._loop.drop()
            return
        for host, answer in self._resolver.take():
            self._answered(host, answer)

    def _answered(self, host: str, answer: Answer) -> None:
        name = self._names[host]
        if name.answer is None:
            name.answer = answer
            self._unanswered -= 1
            for go, _ in name.waiting:
                go(answer)
            name.waiting.clear()

    def _end(self) -> None:
        """The round's time is over: whatever is in flight is out of time, the rest never began."""
        for job in self._loop.end_round():
            job.done(self._not_begun())
        for name in self._names.values():
            for _, done in name.waiting:
                done(self._not_begun())
            name.waiting.clear()
        self._unanswered = 0

    def _not_begun(self) -> Outcome:
        return Outcome(
            "unknown", "timeout", f"The round's {self._deadline:g} s were over before this look could begin"
        )
