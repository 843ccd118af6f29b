"""Secrets are seen nowhere: the proof's own runs on a sample of shapes, and the places where it once went wrong."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from dreamnet_actions.adapters.console.reporter import ConsoleReporter
from dreamnet_actions.adapters.files.grammar import Reader
from dreamnet_actions.adapters.files.source import DotenvSource
from dreamnet_actions.domain.masking import Masks
from dreamnet_actions.domain.secret import SecretValue
from dreamnet_actions.errors import ConfigError
from tests.proofs._secret_ends import HERE
from tests.proofs._secrets import LONG, QUOTING, run
from tests.proofs._shapes import COUNT, shapes
from tests.proofs.secrets import ARRIVED, FAILED, REFUSED, matrix, ways_here
from tests.unit.domain.pems import KEYS, RSA_KEY

SAMPLE = [shapes()[number] for number in (0, 8, 54, 104)]


def test_there_are_200_shapes_and_all_differ() -> None:
    assert len({data for _, data in shapes()}) == COUNT == 200


def test_a_sample_of_shapes_is_seen_nowhere_and_arrives_or_is_refused() -> None:
    ways = [one for one in ways_here() if "memory" in (one.source, one.sink)]
    _, fates, faults = zip(*matrix(SAMPLE, ways), strict=True)
    assert [one for one in faults if one] == []
    assert {ARRIVED, REFUSED, FAILED} <= set(fates)


def test_the_search_finds_what_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without masks the same search sees the careless library's words: it is not blind."""
    monkeypatch.setattr(ConsoleReporter, "hide", lambda _, text: text)
    value = SecretValue("long-enough-to-be-looked-for")
    seen = run(tmp_path, HERE.sources["memory"], HERE.sinks["memory"], "sink quotes the value", value)
    assert {"stream", "results"} <= set(seen.leaks(value))
    assert len(value.reveal()) >= LONG


@pytest.mark.parametrize("key", KEYS)
def test_a_key_without_quotes_is_refused_and_no_line_of_it_is_told(key: str, tmp_path: Path) -> None:
    file = tmp_path / "a.env"
    file.write_text(f"KEY={key}PORT=80\nKEY2={key.removesuffix(chr(10)).replace('-----BEGIN', 'x')}\n")
    reader = Reader(file.read_text(), "a.env")
    told = "\n".join(map(str, reader.mistakes))
    lines = [line.rstrip("=") for line in key.split("\n") if line and not line.startswith("-")]
    assert "KEY has several lines; put quotes around it" in told
    assert not [line for line in lines if line in told]
    assert reader.entries["PORT"] == "80"
    with pytest.raises(ConfigError):
        DotenvSource(file, hash_key=b"k").names()


def test_an_error_of_a_file_keeps_nothing_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "a.env"
    file.write_bytes(b"KEY=a-secret-\xff-in-latin-1\n")
    with pytest.raises(ConfigError) as raised:
        DotenvSource(file, hash_key=b"k").names()
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


def test_a_bug_that_holds_a_value_is_logged_without_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    value = SecretValue("long-enough-to-be-looked-for")
    with caplog.at_level(logging.ERROR):
        seen = run(tmp_path, HERE.sources["memory"], HERE.sinks["memory"], QUOTING[1], value)
    assert "RuntimeError: unexpected b'***'" in caplog.text
    assert "KeyError: '***'" in caplog.text
    assert seen.leaks(value) == []


def test_a_form_that_holds_another_is_hidden_whole() -> None:
    masks = Masks()
    values = [SecretValue(f"prefix-{number:04}-{number * 7919}") for number in range(200)]
    for one in (*values, SecretValue("prefix"), SecretValue(RSA_KEY)):
        masks.add(one)
    assert masks.hide(f"a {values[7].reveal()} b prefix- c pre prefi") == "a *** b ***- c pre prefi"
    assert masks.hide(RSA_KEY.split("\n")[1] + "!") == "***!"
