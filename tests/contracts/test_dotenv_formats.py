"""The formats of a dotenv sink, each proved by its real reader: python-dotenv, a shell, and Docker's rules."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st

from dreamnet_actions.adapters.files.formats import DOCKER_LINE, FORMATS
from dreamnet_actions.adapters.files.grammar import NAME
from dreamnet_actions.adapters.files.sink import DotenvSink
from dreamnet_actions.errors import PermanentError
from dreamnet_actions.ports.secrets import SecretSink
from dreamnet_actions.testing.contracts.secrets import HARD, SecretSinkContract, versioned

Read = Callable[[Path], Mapping[str, str | None]]
ENVIRONMENT = {"PATH": os.environ["PATH"]}
VALUES = st.text(max_size=30) | st.text(alphabet="aA1'\"\\$`{}:-# \t\n\r=!;&|*?~%", max_size=30)


def by_python_dotenv(file: Path) -> Mapping[str, str | None]:
    return dotenv_values(file)


def by_docker(file: Path) -> Mapping[str, str | None]:
    """Read as Docker's documentation says: no quotes, no escapes, a line each."""
    found: dict[str, str | None] = {}
    for line in file.read_bytes().split(b"\n"):
        text = line.removesuffix(b"\r").decode()
        assert len(line) <= DOCKER_LINE
        if text.lstrip() and not text.lstrip().startswith("#"):
            name, _, value = text.lstrip().partition("=")
            assert name.split() == [name]
            found[name] = value
    return found


def by_shell(file: Path, shell: str = "sh") -> Mapping[str, str | None]:
    run = subprocess.run(
        [shell, "-c", '. "$0" && exec env -0', str(file)],
        env=ENVIRONMENT,
        capture_output=True,
        check=True,
        timeout=30,
    )
    pairs = (one.partition("=") for one in run.stdout.decode().split("\0") if one)
    return {name: value for name, _, value in pairs if name not in {"PATH", "PWD", "SHLVL", "_"}}


READERS: Mapping[str, tuple[Read, ...]] = {
    "dotenv": (lambda file: dotenv_values(file, interpolate=False),),
    "python-dotenv": (by_python_dotenv,),
    "shell": (by_shell, lambda file: by_shell(file, "bash")),
    "docker": (by_docker,),
}
REFUSED = {"python-dotenv": {"dollar"}, "docker": {"lines"}}


@pytest.mark.parametrize("name", FORMATS)
@given(values=st.dictionaries(st.from_regex(NAME, fullmatch=True), VALUES, max_size=5))
def test_what_it_can_hold_its_reader_reads(
    name: str, values: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    form = FORMATS[name]
    held = {
        key: value
        for key, value in values.items()
        if not form.fits(key, value) and key not in ("PATH", "PWD")
    }
    file = tmp_path_factory.getbasetemp() / f"{name}.env"
    file.write_text(form.write(held.items()), encoding="utf-8", newline="")
    for read in READERS[name]:
        assert read(file) == held
    assert form.read(file.read_bytes().decode()) == held


class Contract(SecretSinkContract):
    FORMAT = ""

    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        return tmp_path / "app.env"

    @pytest.fixture
    def sink(self, file: Path, tmp_path: Path) -> SecretSink:
        return DotenvSink(file, state_directory=tmp_path / "state", hash_key=b"key", format=self.FORMAT)

    @pytest.fixture
    def tamper(self, file: Path) -> Callable[[str, str], None]:
        def change(name: str, value: str) -> None:
            kept = [one for one in file.read_text().splitlines() if f"{name}=" not in one]
            file.write_text("\n".join([*kept, f"{name}={value}", ""]))

        return change


class TestPythonDotenv(Contract):
    FORMAT, REFUSED = "python-dotenv", frozenset({"dollar"})


class TestShell(Contract):
    FORMAT = "shell"


class TestDocker(Contract):
    FORMAT, REFUSED = "docker", frozenset({"lines"})


@pytest.mark.parametrize(
    ("form", "name", "value", "why"),
    [
        ("python-dotenv", "A", "x ${HOME} y", "at character 3, where python-dotenv puts a variable"),
        ("python-dotenv", "A", "${NONE:-x}", "python-dotenv puts a variable"),
        ("shell", "A-B", "1", "none that a shell has"),
        ("shell", "UID", "1", "shells keep for themselves"),
        ("docker", "A", "1\n2", "more than one line"),
        ("docker", "A", "1\r", "carriage return"),
        ("docker", "A", "x" * DOCKER_LINE, "longer than 65535 bytes"),
        ("shell", "A", "a\0b", "NUL"),
    ],
)
def test_what_it_cannot_hold_is_refused_by_name(
    tmp_path: Path, form: str, name: str, value: str, why: str
) -> None:
    sink = DotenvSink(tmp_path / "app.env", state_directory=tmp_path / "state", hash_key=b"key", format=form)
    with pytest.raises(PermanentError, match=f"cannot hold {name}: .*{why}"):
        sink.write(versioned({"GOOD": "1", name: value}))
    assert not (tmp_path / "app.env").exists()


def test_another_format_writes_the_file_anew(tmp_path: Path) -> None:
    values = versioned({one.upper(): HARD[one] for one in HARD})
    file = tmp_path / "app.env"

    def sink(form: str) -> DotenvSink:
        return DotenvSink(file, state_directory=tmp_path / "state", hash_key=b"key", format=form)

    sink("dotenv").write(values)
    file.write_text(file.read_text("utf-8") + "THEIRS='t t'\n", "utf-8")
    assert sink("shell").state().drifted == values.keys()
    sink("shell").write(values)
    assert sink("shell").state().drifted == frozenset()
    read = by_shell(file)
    assert {name: read[name] for name in values} == {name: one.value.reveal() for name, one in values.items()}
    assert read["THEIRS"] == "t t"


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_the_names_that_shells_keep_are_all_that_is_left_out(shell: str, tmp_path: Path) -> None:
    """Any other name that the shell has at its start takes a value from the file."""
    assert shutil.which(shell)
    said = subprocess.run([shell, "-c", "set"], env=ENVIRONMENT, capture_output=True, check=True, timeout=30)
    names = {one.split("=")[0] for one in said.stdout.decode().splitlines() if "=" in one}
    form = FORMATS["shell"]
    names = {one for one in names if not form.fits(one, "x y")} - {"PATH", "PWD", "SHLVL"}
    file = tmp_path / "all.env"
    file.write_text(form.write((name, "x y") for name in sorted(names)))
    found = by_shell(file, shell)
    assert {name: found.get(name) for name in names} == dict.fromkeys(names, "x y")
