"""HTTP checks against real servers, well and hostile."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dreamnet_actions.adapters.probes.http import AnswerReader, Malformed, Target, place_of, request_for
from dreamnet_actions.adapters.probes.options import HttpCheck, HttpExpect
from dreamnet_actions.adapters.probes.outside import OutsideProbe
from dreamnet_actions.domain.health import Report
from dreamnet_actions.ports.probe import Look
from dreamnet_actions.testing.memory.clock import VirtualClock
from tests.probes.servers import OK, answer, free_port, reset, serving, silent, slowly


def look(
    url: str, *, timeout: float = 5.0, method: Any = "GET", address: str | None = None, **expect: Any
) -> Report:
    check = HttpCheck(http=url, timeout=timeout, method=method, expect=HttpExpect(**expect))
    (report,) = OutsideProbe(clock=VirtualClock()).probe(
        [Look(service="web", name="home", check=check, address=address)], 30.0
    )
    return report


def test_a_good_answer_passes_with_phases() -> None:
    with serving(answer(OK)) as server:
        report = look(f"http://localhost:{server.port}/")
    assert (report.status, report.cause) == ("passed", None)
    assert list(report.phases) == ["resolve", "connect", "first-byte", "total"]
    assert sum(list(report.phases.values())[:-1]) <= report.phases["total"] + 0.001


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"", "reset"),
        (b"HTTP/1.1 200 OK\r\nConte", "reset"),
        (b"\x00\xff\x16\x03\x01 garbage", "other"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "other"),
        (b"HTTP/1.1 2OO OK\r\n\r\n", "other"),
        (b"HTTP/1.1 99999 OK\r\n\r\n", "other"),
        (b"HTTP/2 200\r\n\r\n", "other"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 1_000_000, "other"),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100, "other"),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", "status-5xx"),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "status"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n", "status"),
    ],
)
def test_a_bad_answer_fails_with_its_cause(data: bytes, cause: str) -> None:
    with serving(answer(data)) as server:
        report = look(server.url)
    assert (report.status, report.cause) == ("failed", cause)
    assert report.detail.isprintable()
    assert report.phases["total"] < 3


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\n\n",
        b"HTTP/1.0 200\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 \xff\xfe\r\nno colon\r\n : x\r\n\x00: \x1b[31m\r\n\r\n",
    ],
)
def test_odd_answers_are_taken(data: bytes) -> None:
    with serving(answer(data)) as server:
        assert look(server.url).status == "passed"


def test_refused_reset_and_silence_are_told_apart() -> None:
    report = look(f"http://127.0.0.1:{free_port()}/")
    assert (report.status, report.cause) == ("failed", "refused")
    for handler in (reset(), reset(b"HTTP/1.1 200 OK\r\nX: y")):
        with serving(handler) as server:
            report = look(server.url)
        assert (report.status, report.cause) == ("failed", "reset")
    with serving(silent) as server:
        report = look(server.url, timeout=0.3)
    assert (report.status, report.cause) == ("failed", "timeout")
    assert "waiting for the first byte" in report.detail
    assert report.phases["total"] >= 0.3
    assert list(report.phases) == ["connect", "total"]


def test_a_drip_is_cut_at_the_timeout() -> None:
    with serving(slowly(OK, 0.05)) as server:
        report = look(server.url, timeout=0.4)
    assert (report.cause, "reading the answer" in report.detail) == ("timeout", True)


def test_slow_is_degraded() -> None:
    def late(peer: Any) -> None:
        peer.recv(1000)
        time.sleep(0.2)
        peer.sendall(OK)

    with serving(late) as server:
        report = look(server.url, within=0.1)
        assert (report.status, report.cause) == ("degraded", "slow")
        assert (
            report.phases["first-byte"] > 0.1
        )  # what makes it slow; the two clocks need not agree to the millisecond
        assert look(server.url, within=5.0).status == "passed"


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    "data", [OK, CHUNKED, b"HTTP/1.1 200 OK\r\n\r\nhello", b"HTTP/1.1 200 OK\n\nsay hello " + b"x" * 200_000]
)
def test_the_body_is_read_when_it_matters(data: bytes) -> None:
    with serving(answer(data)) as server:
        assert look(server.url, body_contains="hello").status == "passed"
        assert look(server.url, body_contains="bye").cause == "body"
        assert look(server.url, body_missing="hello").cause == "body"
        assert look(server.url, body_missing="bye").status == "passed"
    with serving(slowly(data[:60], 0.001)) as server:
        assert look(server.url, body_contains="hello").status in ("passed", "failed")


def test_a_body_that_breaks_off_fails() -> None:
    with serving(answer(OK.replace(b"Length: 5", b"Length: 50"))) as server:
        assert look(server.url, body_missing="bye").cause == "reset"
        assert look(server.url).status == "passed"


def test_only_the_first_64_kib_of_a_body_are_read() -> None:
    with serving(answer(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 70_000 + b"late")) as server:
        assert look(server.url, body_contains="late").cause == "body"


def test_address_moves_the_connection_and_nothing_else() -> None:
    seen: list[bytes] = []

    def note(peer: Any) -> None:
        seen.append(peer.recv(65536))
        peer.sendall(OK)

    with serving(note) as server:
        report = look("http://web.example.invalid:8080/a?b=c", address=f"127.0.0.1:{server.port}")
    assert report.status == "passed"
    assert seen[0].startswith(b"GET /a?b=c HTTP/1.1\r\nHost: web.example.invalid:8080\r\n")
    assert "resolve" not in report.phases


def test_secrets_of_the_address_are_never_told() -> None:
    echo = b"HTTP/1.1 500 no swordfish for s3cretuser\r\nLocation: /?k=hunter22\r\n\r\n"
    with serving(answer(echo)) as server:
        report = look(f"http://s3cretuser:swordfish@127.0.0.1:{server.port}/p?token=abcd1234&k=hunter22&flag")
    for secret in ("s3cretuser", "swordfish", "abcd1234", "hunter22"):
        assert secret not in report.detail
    assert "http://***@127.0.0.1" in report.detail
    assert "/p?token=***&k=***" in report.detail


def test_control_characters_never_reach_a_report() -> None:
    with serving(answer(b"HTTP/1.1 500 \x1b[2J\x07::error::x\x9b\r\n\r\n")) as server:
        report = look(server.url)
    assert report.detail.isprintable()
    assert len(report.detail) <= 300


def test_head_asks_without_a_body() -> None:
    with serving(answer(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")) as server:
        assert look(server.url, method="HEAD", body_missing="x").status == "passed"


@pytest.mark.parametrize(
    "url", ["ftp://x/", "http://", "http://[::1", "http://a b/", "http://x:99999/", "x", "http://\n/"]
)
def test_an_address_that_is_none_is_our_fault(url: str) -> None:
    assert look(url).status == "unknown"


def test_targets() -> None:
    target = Target.parse("https://u:p%40@Bücher.example/a b/ü?q=ä b")
    assert (target.host, target.port, target.authority) == (
        "xn--bcher-kva.example",
        443,
        "xn--bcher-kva.example",
    )
    assert b"GET /a%20b/%C3%BC?q=%C3%A4%20b HTTP/1.1\r\n" in request_for(target, "GET")
    assert b"Authorization: Basic dTpwQA==\r\n" in request_for(target, "GET")
    assert Target.parse("http://[::1]:8080/").authority == "[::1]:8080"
    assert place_of("[::1]:443") == ("::1", 443)


@given(st.text(max_size=60))
def test_no_text_makes_two_requests(text: str) -> None:
    try:
        target = Target.parse("http://host/" + text)
    except ValueError:
        return
    request = request_for(target, "GET")
    assert request.count(b"\r\n") == 7 + (target.authorization is not None)
    assert request.split(b"\r\n")[0].count(b" ") == 2


HEAD = st.sampled_from(
    [b"", b"HTTP/1.1 200 OK\r\n", OK, CHUNKED, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"]
)


@settings(max_examples=300)
@given(st.tuples(HEAD, st.binary(max_size=200)).map(b"".join), st.integers(1, 30), st.booleans())
def test_any_bytes_in_any_pieces_are_read_or_malformed(data: bytes, size: int, want_body: bool) -> None:
    def read(step: int) -> tuple[Any, ...]:
        reader = AnswerReader(want_body=want_body)
        try:
            for place in range(0, len(data), step):
                if reader.feed(data[place : place + step]):
                    break
            reader.end()
        except Malformed as error:
            return (type(error).__name__,)
        return reader.status, bytes(reader.body), reader.text

    assert read(size) == read(len(data) or 1)


@pytest.mark.slow
@settings(max_examples=150)
@given(st.binary(max_size=300))
def test_any_bytes_over_a_real_connection_are_a_report(data: bytes) -> None:
    with serving(answer(b"HTTP/1.1 " + data)) as server:
        report = look(server.url, timeout=2.0, body_contains="x")
    assert report.status in ("passed", "failed")
    assert report.detail.isprintable()
