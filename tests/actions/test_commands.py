"""What we write in the runner's protocol is read by its grammar as it was meant, whatever the text."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dreamnet_actions.adapters.runner.commands import CUT, SUMMARY_LIMIT, annotation, output, summary
from tests.actions.grammar import BLANKS, Runner, pairs
from tests.actions.grammar import summary as shown

texts = st.text(st.characters(exclude_categories=["Cs"]))
hard = st.lists(
    st.sampled_from(["%", "%25", "%0A", "\n", "\r", "::", ":", ",", "=", " ", "##[error]", "x"])
).map("".join)


def read(line: str) -> Runner:
    runner = Runner()
    runner.feed((line + "\n").encode())
    assert len(runner.commands) == 1, line
    assert runner.log == []
    return runner


@pytest.mark.slow
@settings(max_examples=300)
@given(
    st.sampled_from(["notice", "warning", "error"]),
    texts | hard,
    st.none() | texts | hard,
    st.none() | texts | hard,
    st.none() | st.integers(1, 10**6),
    st.none() | st.integers(1, 10**6),
)
@example("error", "::error::x\n##[add-mask]y", "a,b:c%d", "dreamnet.yml", 3, 7)
@example("error", "", "==", " \t", None, 5)
def test_an_annotation_is_one_command(level, message, title, file, line, col) -> None:  # type: ignore[no-untyped-def]
    (command,) = read(annotation(level, message, file=file, line=line, col=col, title=title)).commands
    assert command.name == level
    assert command.data == message
    given = {"TITLE": title, "FILE": file, "LINE": line, "COL": col if line else None}
    for name, value in given.items():
        wanted = "" if value is None else str(value).strip().lstrip("=").strip()
        # Blanks that only one of Python and .NET knows may be trimmed from the last property, and from no other.
        assert command.properties.get(name, "").strip(BLANKS) == wanted.strip(BLANKS)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "file"


values = st.lists(
    st.sampled_from(["EOF", "name=value", "x<<EOF", "\n", "\r\n", "\ufeff", "=", "<<", "end"])
).map("".join)


@given(st.lists(st.tuples(st.sampled_from(["result", "a-b", "_"]), texts | values), min_size=1, max_size=4))
@example([("result", "EOF\nadmin=true\nx<<EOF\ny")])
def test_outputs_are_read_as_they_were_written(wanted: list[tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as where:
        path = Path(where) / "output"
        for name, value in wanted:
            output(path, name, value, delimiter="ghadelimiter_5b1c")
        assert pairs(path.read_bytes()) == wanted


def test_a_half_line_before_swallows_nothing(file: Path) -> None:
    file.write_bytes(b"other=x")
    output(file, "result", "y", delimiter="m_1")
    assert pairs(file.read_bytes()) == [("other", "x"), ("result", "y")]


def test_a_lone_surrogate_is_written_as_its_escape(file: Path) -> None:
    output(file, "result", "a\ud800b", delimiter="m_1")
    assert pairs(file.read_bytes()) == [("result", "a\\ud800b")]


@pytest.mark.parametrize(
    ("name", "value", "mark"),
    [
        ("result", "x\nmark_1\nadmin=true", "mark_1"),
        ("result", "xmark_1y", "mark_1"),
        ("mark_1", "x", "mark_1"),
        ("a=b", "x", "m"),
        ("a<<b", "x", "m"),
        ("a\nb", "x", "m"),
        ("", "x", "m"),
        ("result", "x", ""),
        ("result", "x", "m\nadmin=true"),
        ("result", "x", "m n"),
    ],
)
def test_what_could_write_another_output_is_refused(name: str, value: str, mark: str, file: Path) -> None:
    with pytest.raises(ValueError, match=r"delimiter|name of an output"):
        output(file, name, value, delimiter=mark)
    assert not file.exists()


def test_a_summary_is_appended(file: Path) -> None:
    assert summary(file, "# One\n")
    assert summary(file, "two")
    assert summary(file, "three\n")
    assert shown(file.read_bytes()) == "# One\ntwo\nthree\n"


@pytest.mark.parametrize("size", [SUMMARY_LIMIT - 1, SUMMARY_LIMIT, SUMMARY_LIMIT + 1, 3 * SUMMARY_LIMIT])
@pytest.mark.parametrize("line", ["x\n", "größer 🙂 than before\n", "x"])
def test_a_summary_that_is_too_long_is_cut_and_says_so(size: int, line: str, file: Path) -> None:
    text = line * (size // len(line.encode()) + 1)
    whole = summary(file, text)
    found = shown(file.read_bytes()) if file.exists() else None
    assert whole == (found == text)
    if not whole and "\n" in line:
        assert found is not None
        assert found.endswith(CUT)
        assert len(file.read_bytes()) > SUMMARY_LIMIT - 1024
        assert text.startswith(found.removesuffix(CUT))


def test_a_cut_closes_what_is_open(file: Path) -> None:
    text = "<details>\n<summary>x</summary>\n\n````text\n```\n" + "row\n" * SUMMARY_LIMIT
    assert not summary(file, text)
    assert (shown(file.read_bytes()) or "").endswith("row\n\n````\n\n</details>\n" + CUT)


def test_a_full_file_stays_as_it_is(file: Path) -> None:
    file.write_bytes(b"x" * SUMMARY_LIMIT)
    assert not summary(file, "more\n")
    assert shown(file.read_bytes()) == "x" * SUMMARY_LIMIT
