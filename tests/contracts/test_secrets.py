"""The contracts of SecretSource and SecretSink, in memory and over files; and what only files can do."""

from __future__ import annotations

import stat
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamnet_actions.adapters.files.grammar import NAME, Reader, fits, write_entries
from dreamnet_actions.adapters.files.sink import DotenvSink
from dreamnet_actions.adapters.files.source import DotenvSource
from dreamnet_actions.domain.secret import Ref
from dreamnet_actions.errors import ConfigError, NotFound, PermanentError, StateDamaged
from dreamnet_actions.errors.configuration import ConfigInvalid
from dreamnet_actions.ports.secrets import SecretSink, SecretSource
from dreamnet_actions.testing.contracts.secrets import (
    SecretSinkContract,
    SecretSourceContract,
    versioned,
)
from dreamnet_actions.testing.memory.secrets import MemorySecretSink, MemorySecretSource

KEY = b"a key for tests"


class TestMemorySource(SecretSourceContract):
    @pytest.fixture
    def make(self) -> Callable[[Mapping[str, str]], SecretSource]:
        source = MemorySecretSource()

        def change(values: Mapping[str, str]) -> SecretSource:
            for name, value in values.items():
                source.put(name, value)
            return source

        return change


class TestDotenvSource(SecretSourceContract):
    @pytest.fixture
    def make(self, tmp_path: Path) -> Callable[[Mapping[str, str]], SecretSource]:
        source = DotenvSource(tmp_path / ".env", hash_key=KEY)

        def change(values: Mapping[str, str]) -> SecretSource:
            (tmp_path / ".env").write_text(write_entries(values.items()))
            return source

        return change

    def test_versions_tell_nothing_without_the_key(self, tmp_path: Path) -> None:
        (tmp_path / ".env").write_text("A=1\n")
        one, other = (
            DotenvSource(tmp_path / ".env", hash_key=key).resolve([Ref("A")])[Ref("A")]
            for key in (KEY, b"other")
        )
        assert len(one) == 12
        assert one != other

    def test_a_missing_file_is_never_an_empty_one(self, tmp_path: Path) -> None:
        for place in (tmp_path / "none", tmp_path / "none" / "below", tmp_path):
            with pytest.raises(ConfigError):
                DotenvSource(place, hash_key=KEY).names()

    def test_every_mistake_at_once_with_its_place(self, tmp_path: Path) -> None:
        (tmp_path / ".env").write_text(
            'GOOD=1\n=2\nALONE\n1X=3\nGOOD=4\nOPEN="never\nends\nC="a\\qb"\nD=\'x\' y\nE= # c\n'.replace(
                'OPEN="never\nends\n', ""
            )
            + 'OPEN="never\n'
        )
        with pytest.raises(ConfigInvalid) as caught:
            DotenvSource(tmp_path / ".env", hash_key=KEY, shown="app.env").names()
        places = [(one.file, one.line, one.column) for one in caught.value.mistakes]
        assert places == [
            ("app.env", 2, 1),
            ("app.env", 3, 6),
            ("app.env", 4, 1),
            ("app.env", 5, 1),
            ("app.env", 6, 5),
            ("app.env", 7, 7),
            ("app.env", 8, 4),
            ("app.env", 9, 6),
        ]


class TestGrammar:
    TEXT = """# a comment
A=1
export B = two words   # comment
C='single # \\' "q" $X'
D="double\\n\\t\\"\\\\ \\$ $X"
E=
F=""
G="several
lines" # comment
H=a#b
  I=indented
J.k-l=x
"""

    def test_reads_what_it_declares(self) -> None:
        reader = Reader(self.TEXT, "")
        assert reader.mistakes == []
        assert reader.entries == {
            "A": "1",
            "B": "two words",
            "C": 'single # \' "q" $X',
            "D": 'double\n\t"\\ $ $X',
            "E": "",
            "F": "",
            "G": "several\nlines",
            "H": "a#b",
            "I": "indented",
            "J.k-l": "x",
        }

    def test_line_ends_of_windows_are_line_ends(self) -> None:
        assert Reader("A=1\r\nB=2\r\n", "").entries == {"A": "1", "B": "2"}

    @given(st.dictionaries(st.from_regex(NAME, fullmatch=True), st.text(max_size=40), max_size=6))
    def test_what_is_written_is_read(self, values: dict[str, str]) -> None:
        held = {name: value for name, value in values.items() if not fits(name, value)}
        reader = Reader(write_entries(held.items()), "")
        assert reader.mistakes == []
        assert reader.entries == held

    @given(st.text(alphabet="AB=\"'\\# \n$x", max_size=60))
    def test_any_text_is_read_or_told(self, text: str) -> None:
        reader = Reader(text, "f")
        lines = text.count("\n") + 1
        assert all(1 <= one.line <= lines and one.column >= 1 for one in reader.mistakes)


class TestMemorySink(SecretSinkContract):
    @pytest.fixture
    def sink(self) -> MemorySecretSink:
        return MemorySecretSink()

    @pytest.fixture
    def tamper(self, sink: MemorySecretSink) -> Callable[[str, str], None]:
        return sink.held.__setitem__


class TestDotenvSink(SecretSinkContract):
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        return tmp_path / "app.env"

    @pytest.fixture
    def sink(self, file: Path, tmp_path: Path) -> SecretSink:
        return DotenvSink(file, state_directory=tmp_path / "state", hash_key=KEY, services=["web"])

    @pytest.fixture
    def tamper(self, file: Path) -> Callable[[str, str], None]:
        def change(name: str, value: str) -> None:
            lines = [one for one in file.read_text().splitlines() if not one.startswith(f"{name}=")]
            file.write_text("\n".join([*lines, f"{name}={value}", ""]))

        return change

    def test_leaves_a_file_of_somebody_else(self, sink: SecretSink, file: Path) -> None:
        file.write_text("MINE=1\n")
        assert sink.state().revision is None
        with pytest.raises(PermanentError, match="not written by DreamNet"):
            sink.write(versioned({"A": "1"}))
        assert file.read_text() == "MINE=1\n"

    def test_restores_byte_for_byte(self, sink: SecretSink, file: Path) -> None:
        first = sink.write(versioned({"A": "x y", "B": "1\n2"}))
        before = file.read_bytes()
        sink.write(versioned({"A": "other"}))
        sink.restore(first)
        assert file.read_bytes() == before

    def test_keeps_the_names_of_others_in_the_file(self, sink: SecretSink, file: Path) -> None:
        sink.write(versioned({"A": "1"}))
        with file.open("a") as more:
            more.write("THEIRS='t t'\n")
        sink.write(versioned({"A": "2"}))
        assert Reader(file.read_text(), "").entries == {"A": "2", "THEIRS": "t t"}

    def test_only_the_owner_may_read_it(self, sink: SecretSink, file: Path, tmp_path: Path) -> None:
        sink.write(versioned({"A": "1"}))
        held = [file, *(one for one in (tmp_path / "state").rglob("*") if one.is_file())]
        assert len(held) == 3
        assert {stat.S_IMODE(one.stat().st_mode) for one in held} == {0o600}

    def test_refuses_what_it_cannot_hold_by_name(self, sink: SecretSink, file: Path) -> None:
        for name, value in (("A B", "1"), ("A", "a\0b"), ("A", "\ud800"), ("A", "'a\\")):
            with pytest.raises(PermanentError, match="A"):
                sink.write(versioned({"GOOD": "1", name: value}))
        assert not file.exists()

    def test_a_vanished_file_is_drift(self, sink: SecretSink, file: Path) -> None:
        values = versioned({"A": "1"})
        revision = sink.write(values)
        file.unlink()
        assert sink.state().drifted == {"A"}
        assert sink.write(values) == revision
        assert sink.state().drifted == frozenset()

    def test_a_lost_record_is_drift(self, sink: SecretSink, file: Path, tmp_path: Path) -> None:
        values = versioned({"A": "1"})
        sink.write(values)
        for record in (tmp_path / "state").rglob("*.json"):
            record.unlink()
        assert sink.state().drifted == {"A"}
        sink.write(values)
        assert dict(sink.state().versions) == {"A": "1"}

    def test_a_damaged_record_is_told(self, sink: SecretSink, tmp_path: Path) -> None:
        sink.write(versioned({"A": "1"}))
        for record in (tmp_path / "state").rglob("*.json"):
            record.write_text("{")
        with pytest.raises(StateDamaged):
            sink.state()

    def test_keeps_a_bounded_number_of_sets(self, sink: SecretSink, tmp_path: Path) -> None:
        revisions = [sink.write(versioned({"A": str(number)})) for number in range(25)]
        assert len(list((tmp_path / "state").rglob("*.json"))) <= 21
        sink.restore(revisions[-10])
        with pytest.raises(NotFound):
            sink.restore(revisions[0])
