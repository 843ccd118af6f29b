"""TLS checks and https: what is wrong with a certificate is said in words."""

from __future__ import annotations

import contextlib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from dreamnet_actions.adapters.probes.options import HttpCheck, HttpExpect, TlsCheck
from dreamnet_actions.adapters.probes.outside import OutsideProbe
from dreamnet_actions.domain.certificate import read_certificate
from dreamnet_actions.domain.health import Report
from dreamnet_actions.domain.spec.models import Check
from dreamnet_actions.ports.probe import Look
from dreamnet_actions.testing.memory.clock import VirtualClock
from tests.probes.servers import OK, Certificates, answer, reset, serving, silent

END = 2366841600.0
"""2045-01-01, the last day of the authority's certificates."""


def look(
    check: Check, certificates: Certificates, *, now: float = 1.7e9, address: str | None = None
) -> Report:
    probe = OutsideProbe(clock=VirtualClock(now), ca_file=certificates.ca_file)
    (report,) = probe.probe([Look(service="web", name="tls", check=check, address=address)], 20.0)
    return report


def test_a_good_certificate_passes(certificates: Certificates) -> None:
    with serving(answer(OK), certificates.issue("good")) as server:
        report = look(TlsCheck(tls=f"127.0.0.1:{server.port}"), certificates)
        assert (report.status, report.detail.endswith("valid until 2045-01-01")) == ("passed", True)
        assert list(report.phases) == ["connect", "tls", "total"]
        report = look(HttpCheck(http=server.url, expect=HttpExpect(body_contains="hello")), certificates)
        assert report.status == "passed"
        assert list(report.phases) == ["connect", "tls", "first-byte", "total"]


def test_a_certificate_that_ends_soon_is_degraded(certificates: Certificates) -> None:
    with serving(answer(OK), certificates.issue("soon")) as server:
        check = TlsCheck(tls=f"127.0.0.1:{server.port}", expires_after=3 * 86400.0)
        report = look(check, certificates, now=END - 2 * 86400)
        assert (report.status, report.cause) == ("degraded", "tls")
        assert "2d from now; 3d are wanted" in report.detail
        assert look(check, certificates, now=END - 4 * 86400).status == "passed"


def test_an_expired_certificate_tells_its_date(certificates: Certificates) -> None:
    context = certificates.issue("old", start="20200101000000Z", end="20210203000000Z")
    with serving(answer(OK), context) as server:
        for check in (TlsCheck(tls=f"127.0.0.1:{server.port}"), HttpCheck(http=server.url)):
            report = look(check, certificates)
            assert (report.status, report.cause) == ("failed", "tls")
            assert report.detail.endswith("expired on 2021-02-03")


def test_a_certificate_of_the_future_tells_its_date(certificates: Certificates) -> None:
    context = certificates.issue("early", start="20440102000000Z", end="20450101000000Z")
    with serving(answer(OK), context) as server:
        report = look(TlsCheck(tls=f"127.0.0.1:{server.port}"), certificates)
    assert report.detail.endswith("valid only from 2044-01-02 on")


def test_a_wrong_name_tells_the_right_ones(certificates: Certificates) -> None:
    context = certificates.issue("wrong", names="DNS:other.example,DNS:*.more.example")
    with serving(answer(OK), context) as server:
        report = look(HttpCheck(http=server.url), certificates)
        assert (report.status, report.cause) == ("failed", "tls")
        assert "is for other.example, *.more.example, not for 127.0.0.1" in report.detail
        moved = f"127.0.0.1:{server.port}"
        assert look(HttpCheck(http="https://other.example/"), certificates, address=moved).status == "passed"
        assert look(TlsCheck(tls="a.more.example:443"), certificates, address=moved).status == "passed"


def test_a_self_signed_certificate_is_told(certificates: Certificates) -> None:
    with serving(answer(OK), certificates.self_signed("self")) as server:
        report = look(TlsCheck(tls=f"127.0.0.1:{server.port}"), certificates)
    assert (report.status, report.cause, "self-signed" in report.detail) == ("failed", "tls", True)


def test_a_server_without_tls_is_told(certificates: Certificates) -> None:
    with serving(answer(OK)) as server:
        report = look(TlsCheck(tls=f"127.0.0.1:{server.port}"), certificates)
    assert (report.cause, "does not speak TLS" in report.detail) == ("tls", True)


def test_a_handshake_that_hangs_resets_or_ends(certificates: Certificates) -> None:
    with serving(silent) as server:
        report = look(TlsCheck(tls=f"127.0.0.1:{server.port}", timeout=0.3), certificates)
    assert (report.cause, "in the TLS handshake" in report.detail) == ("timeout", True)
    with serving(reset()) as server:
        assert look(TlsCheck(tls=f"127.0.0.1:{server.port}"), certificates).cause == "reset"
    with serving(answer(b"")) as server:
        assert look(TlsCheck(tls=f"127.0.0.1:{server.port}"), certificates).cause == "tls"


def test_ca_file_of_a_check(certificates: Certificates, tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("")
    with serving(answer(OK), certificates.issue("own")) as server:
        place = f"127.0.0.1:{server.port}"
        probe = OutsideProbe(clock=VirtualClock(), directory=tmp_path)
        files = {"good": certificates.ca_file, "none": "none.pem", "empty": "empty.pem", "system": None}
        looks = [
            Look(service="web", name=name, check=TlsCheck(tls=place, ca_file=file))
            for name, file in files.items()
        ]
        reports = {one.check: one for one in probe.probe(looks, 20.0)}
    assert {name: one.status for name, one in reports.items()} == {
        "good": "passed", "none": "unknown", "empty": "unknown", "system": "failed",
    }  # fmt: skip


def test_reads_certificates_of_openssl(certificates: Certificates) -> None:
    certificates.issue("read", names="DNS:a.example,IP:10.0.0.1,IP:::1")
    found = read_certificate(certificates.der("read"))
    assert (found.ends, found.names) == (END, ("a.example", "10.0.0.1", "::1"))
    assert read_certificate(certificates.der("ca")).names == ("test authority",)


@given(st.data())
def test_any_bytes_are_a_certificate_or_none(certificates: Certificates, data: st.DataObject) -> None:
    der = bytearray(certificates.der("ca"))
    for _ in range(data.draw(st.integers(0, 4))):
        der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    for raw in (
        bytes(der),
        bytes(der[: data.draw(st.integers(0, len(der)))]),
        data.draw(st.binary(max_size=50)),
    ):
        with contextlib.suppress(ValueError):
            read_certificate(raw)


def test_tls_bytes_of_any_kind_are_a_report(certificates: Certificates) -> None:
    for garbage in (b"\x16\x03\x03\xff\xff" + b"x" * 70000, b"\x15\x03\x03\x00\x02\x02\x28", b"\x00" * 100):
        with serving(lambda peer, data=garbage: (peer.recv(1000), peer.sendall(data))[1]) as server:
            report = look(TlsCheck(tls=f"127.0.0.1:{server.port}", timeout=1.0), certificates)
        assert report.status == "failed"
        assert report.cause in ("tls", "reset", "timeout")
