"""The contract of Probe, scripted and over real sockets and commands."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dreamnet_actions.adapters.probes.options import CommandCheck, HttpCheck, TcpCheck
from dreamnet_actions.adapters.probes.outside import OutsideProbe
from dreamnet_actions.domain.spec.models import Check
from dreamnet_actions.ports.probe import Look, Probe
from dreamnet_actions.testing.contracts.probe import Make, ProbeContract
from dreamnet_actions.testing.memory.clock import VirtualClock
from dreamnet_actions.testing.memory.probe import ScriptedProbe
from tests.probes.servers import OK, Server, answer, free_port, silent


def looks_at(check: Check) -> Make:
    return lambda name: Look(service="web", name=name, check=check)


class TestScriptedProbe(ProbeContract):
    @pytest.fixture
    def probe(self) -> Probe:
        probe = ScriptedProbe()
        for number in range(20):
            probe.tell("web", "failed", "refused", check=f"ill-{number}")
        probe.tell("web", "failed", "refused", check="bad")
        for name in ("late", "later", *(f"late-{number}" for number in range(5))):
            probe.hang("web", name)
        return probe

    @pytest.fixture
    def well(self) -> Make:
        return looks_at(Check())

    @pytest.fixture
    def ill(self) -> Make:
        return looks_at(Check())

    @pytest.fixture
    def hanging(self) -> Make:
        return looks_at(Check())


class OutsideContract(ProbeContract):
    @pytest.fixture
    def probe(self) -> Probe:
        return OutsideProbe(clock=VirtualClock())

    @pytest.fixture
    def good(self) -> Iterator[Server]:
        server = Server(answer(OK))
        yield server
        server.close()

    @pytest.fixture
    def mute(self) -> Iterator[Server]:
        server = Server(silent)
        yield server
        server.close()

    @pytest.fixture
    def hanging(self, mute: Server) -> Make:
        return looks_at(HttpCheck(http=mute.url, timeout=20.0))


class TestHttp(OutsideContract):
    @pytest.fixture
    def well(self, good: Server) -> Make:
        return looks_at(HttpCheck(http=good.url))

    @pytest.fixture
    def ill(self) -> Make:
        return looks_at(HttpCheck(http=f"http://127.0.0.1:{free_port()}/"))


class TestTcp(OutsideContract):
    @pytest.fixture
    def well(self, good: Server) -> Make:
        return looks_at(TcpCheck(tcp=f"localhost:{good.port}"))

    @pytest.fixture
    def ill(self) -> Make:
        return looks_at(TcpCheck(tcp=f"127.0.0.1:{free_port()}"))


class TestCommand(OutsideContract):
    @pytest.fixture
    def well(self) -> Make:
        return looks_at(CommandCheck(command=("true",)))

    @pytest.fixture
    def ill(self) -> Make:
        return looks_at(CommandCheck(command=("false",)))

    @pytest.fixture
    def hanging(self) -> Make:
        return looks_at(CommandCheck(command=("sleep", "60"), timeout=20.0))
