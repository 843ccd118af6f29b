"""The contract of MetricSource, in memory and over a real Prometheus; checks that ask it; and answers that are none."""

from __future__ import annotations

import base64
import http.server
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dreamnet_actions.adapters.prometheus.options import PrometheusCheck, PrometheusOptions
from dreamnet_actions.adapters.prometheus.probe import PrometheusProbe
from dreamnet_actions.adapters.prometheus.source import PrometheusSource
from dreamnet_actions.bootstrap.probes import Probes
from dreamnet_actions.domain.health import Report
from dreamnet_actions.domain.spec.models import Check, Scale
from dreamnet_actions.errors import (
    ConfigError,
    DreamNetError,
    PermissionMissing,
    RequestInvalid,
    TemporaryError,
    Unauthenticated,
)
from dreamnet_actions.ports.probe import Look
from dreamnet_actions.testing.contracts.metrics import Measured, MetricSourceContract
from dreamnet_actions.testing.memory.metrics import MemoryMetrics
from dreamnet_actions.testing.memory.probe import ScriptedProbe
from tests.prometheus.server import Prometheus, exporter, prometheus

pytestmark = pytest.mark.slow
PAGE = 'load{pod="a"} 3\nload{pod="b"} 4\nnothing 0\n'


def source_of(url: str, environ: dict[str, str] | None = None, **options: Any) -> PrometheusSource:
    return PrometheusSource(PrometheusOptions(url=url, **options), environ=environ or {}, root=Path())


class MemoryMeasured(Measured):
    seven, nothing, undefined, several, broken = "seven", "nothing", "undefined", "several", "sum(load"

    def __init__(self) -> None:
        self.source = self.metrics = MemoryMetrics()
        self.metrics.tell(self.seven, 7.0)
        self.metrics.tell(self.several, 3.0, 4.0)

    def unplug(self) -> None:
        self.metrics.fail(TemporaryError("away"))


class RealMeasured(Measured):
    seven, nothing, undefined = "sum(load)", "no_such_metric", "sum(nothing) / sum(nothing)"
    several, broken = "load", "sum(load"

    def __init__(self, server: Prometheus) -> None:
        self.server, self.source = server, source_of(server.url)

    def unplug(self) -> None:
        self.server.stop()


class TestMemory(MetricSourceContract):
    @pytest.fixture
    def measured(self) -> Measured:
        return MemoryMeasured()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with exporter(PAGE) as address:
        config = f"scrape_configs: [{{job_name: test, static_configs: [{{targets: ['{address}']}}]}}]\n"
        with prometheus(tmp_path_factory.mktemp("prometheus"), config) as server:
            source, until = source_of(server.url), time.monotonic() + 60
            while source.value("sum(nothing)") is None:
                assert time.monotonic() < until
                time.sleep(0.05)
            source.close()
            yield server


class TestPrometheus(MetricSourceContract):
    @pytest.fixture
    def measured(self, running: Prometheus) -> Iterator[Measured]:
        made = RealMeasured(running)
        yield made
        if running._process is None:
            running.start()

    def test_scalars_long_expressions_and_infinity(self, measured: Measured) -> None:
        value = measured.source.value
        assert value("2 + 1") == 3.0
        assert value("1 / 0") is None
        assert value(f"sum(load) # {'long ' * 1000}") == 7.0
        for expression, word in [("load[1m]", "a range of values"), ("'seven'", "a text")]:
            with pytest.raises(RequestInvalid, match=word):
                value(expression)
        with pytest.raises(RequestInvalid, match="2 series"):
            value("load")

    def test_checks_by_bounds_and_by_load(self, running: Prometheus) -> None:
        scale = Scale(target=1.0, max=2)
        told = looks(
            PrometheusProbe(source_of(running.url)),
            well=PrometheusCheck(prometheus="sum(load)", min=7.0, max=7.0),
            much=PrometheusCheck(prometheus="sum(load)", max=6.9),
            little=PrometheusCheck(prometheus="sum(load)", min=7.1),
            busy=PrometheusCheck(prometheus="sum(load)", scale=scale),
            absent=PrometheusCheck(prometheus="no_such_metric", max=1.0),
            wrong=PrometheusCheck(prometheus="load", max=1.0),
        )
        assert {name: (one.status, one.cause, one.value) for name, one in told.items()} == {
            "well": ("passed", None, 7.0),
            "much": ("failed", "metric", 7.0),
            "little": ("failed", "metric", 7.0),
            "busy": ("degraded", "overload", 7.0),
            "absent": ("unknown", None, None),
            "wrong": ("unknown", None, None),
        }
        assert told["much"].detail == "sum(load) is 7, more than 6.9."
        assert "2 series" in told["wrong"].detail


def looks(probe: Any, deadline: float = 30.0, **checks: Check) -> dict[str, Report]:
    wanted = [Look(service="web", name=name, check=check) for name, check in checks.items()]
    return {one.check: one for one in probe.probe(wanted, deadline)}


# ── A server that answers as it is told ──────────────────────────────────────────────────────────────────


class Told:
    """What a server answers, and what it was asked."""

    def __init__(self) -> None:
        self.status, self.headers, self.hangs = 200, dict[str, str](), False
        self.body: bytes = good(7)
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.over = threading.Event()
        self.url = ""


def good(number: object, **more: object) -> bytes:
    data = {"resultType": "vector", "result": [{"metric": {}, "value": [1.0, str(number)]}]}
    return json.dumps({"status": "success", "data": data, **more}).encode()


@pytest.fixture
def told() -> Iterator[Told]:
    made = Told()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}))
            if made.hangs:
                made.over.wait(30)
                return
            self.send_response(made.status)
            for name, value in {"Content-Length": str(len(made.body)), **made.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(made.body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_address[1]}/prom/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield made
    made.over.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, good(7, warnings=["a store did not answer"]), TemporaryError),
        (200, good(7, isPartial=True), TemporaryError),
        (200, good("no number"), TemporaryError),
        (200, b"<html>log in</html>", ConfigError),
        (404, b"404 page not found", ConfigError),
        (302, b"", ConfigError),
        (401, b"", Unauthenticated),
        (403, b"{}", PermissionMissing),
        (422, json.dumps({"status": "error", "error": "many-to-many\x1b[2J"}).encode(), RequestInvalid),
        (429, b"", TemporaryError),
        (503, json.dumps({"status": "error", "error": "query timed out"}).encode(), TemporaryError),
        (200, b"[" * 2_000_000, RequestInvalid),
    ],
)
def test_an_answer_that_is_none_or_not_whole_is_never_a_number(
    told: Told, status: int, body: bytes, kind: type[DreamNetError]
) -> None:
    told.status, told.body = status, body
    if status == 302:
        told.headers = {"Location": "http://127.0.0.1:9/"}
    with pytest.raises(kind) as caught:
        source_of(told.url).value("up")
    assert "\x1b" not in caught.value.message
    assert len(told.asked) == 1
    (report,) = looks(PrometheusProbe(source_of(told.url)), one=PrometheusCheck(prometheus="up")).values()
    assert report.status == "unknown"


def test_advice_is_no_doubt(told: Told) -> None:
    told.body = good(7, warnings=["PromQL info: metric might not be a counter"], infos=["and more"])
    assert source_of(told.url).value("up") == 7.0


def test_a_token_goes_as_bearer_or_as_password_and_only_where_it_may(told: Told) -> None:
    environ = {"TOKEN": "s3cret"}
    assert source_of(told.url, environ, token_variable="TOKEN").value("up") == 7.0
    assert source_of(told.url, environ, token_variable="TOKEN", user="ann").value("up") == 7.0
    assert source_of(told.url, environ).value("up") == 7.0
    sent = [headers.get("authorization") for _, _, headers in told.asked]
    assert sent == ["Bearer s3cret", f"Basic {base64.b64encode(b'ann:s3cret').decode()}", None]
    assert told.asked[0][1].startswith("/prom/api/v1/query?query=up")
    for url, given in [("http://prometheus.example.com", environ), (told.url, {})]:
        with pytest.raises(ConfigError) as caught:
            source_of(url, given, token_variable="TOKEN").value("up")
        assert "s3cret" not in caught.value.message + caught.value.hint


def test_a_server_that_hangs_holds_nobody(told: Told) -> None:
    told.hangs = True
    with pytest.raises(TemporaryError, match="did not answer within"):
        source_of(told.url, timeout=0.3).value("up")
    other = ScriptedProbe((Check,))
    both = Probes(other, PrometheusProbe(source_of(told.url, timeout=0.3)))
    reports = looks(both, home=Check(), load=PrometheusCheck(prometheus="up", max=1.0))
    assert {name: one.status for name, one in reports.items()} == {"home": "passed", "load": "unknown"}
    slow = PrometheusProbe(source_of(told.url, timeout=20.0))
    (late,) = looks(slow, 0.2, load=PrometheusCheck(prometheus="up", timeout=20.0)).values()
    assert late.status == "unknown"


def test_certificates_that_cannot_be_read_are_said(tmp_path: Path) -> None:
    options = PrometheusOptions(url="https://127.0.0.1:9", ca_file="none.pem")
    with pytest.raises(ConfigError, match=r"none\.pem"):
        PrometheusSource(options, environ={}, root=tmp_path).value("up")
