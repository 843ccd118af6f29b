"""Values judged before they are written: everything at once, at its place, and in every action that looks at them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dreamnet_actions import bootstrap
from dreamnet_actions.adapters.files.source import DotenvSource
from dreamnet_actions.domain.mapping import Piece, Wanted
from dreamnet_actions.domain.result import AgentResult
from dreamnet_actions.domain.secret import Ref
from dreamnet_actions.domain.spec.models import Chosen, EnvEntry
from dreamnet_actions.domain.spec.validation import Accept, Rule
from dreamnet_actions.entrances.action.telling import tell
from dreamnet_actions.keepers.envkeeper.entries import Entry
from dreamnet_actions.keepers.envkeeper.judging import Judge
from dreamnet_actions.testing.memory.system import MemorySystem, memory_system
from tests.keepers.homes import config, service

SECRET = "Zx81kq0PlmTr55vVb2Wd"


def one(values: dict[str, str], **entry: Any) -> MemorySystem:
    plan = config({"web": service()}, env={"app": ("web",)})
    plan.env["app"] = replace(plan.env["app"], **entry)
    system = memory_system(plan, values={"app": values})
    system.start()
    return system


def judged(result: AgentResult) -> list[tuple[str, str, str]]:
    return [
        (str(one["name"]), str(one["rule"]), str(one["level"]))
        for finding in result.findings
        for one in (*finding.get("mistakes", ()), *finding.get("warnings", ()))
    ]


def test_a_warning_is_told_and_keeps_nothing_from_being_written() -> None:
    system = one({"A": " x"})
    for action, outcome in (("validate", "done"), ("plan", "planned"), ("sync", "done")):
        result = system.ask("envkeeper", action)
        assert (result.outcome, judged(result)) == (outcome, [("A", "white-space", "warning")])
    assert system.sinks["app"][0].held == {"A": " x"}
    accepted = one({"A": " x"}, accept=(Accept(lint="white-space", why="so it is meant"),))
    assert judged(accepted.ask("envkeeper", "validate")) == []


def test_a_private_key_never_reaches_a_sink_that_everybody_reads() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n"
    system = one({"KEY": key, "TOKEN": SECRET})
    sink = system.sinks["app"][0]
    assert system.ask("envkeeper", "plan").outcome == "planned"
    sink.public = True
    result = system.ask("envkeeper", "sync")
    assert (result.outcome, result.exit_status, sink.held) == ("refused", 3, {})
    assert ("KEY", "private-key-in-public", "error") in judged(result)
    assert ("TOKEN", "secret-in-public", "warning") in judged(result)


def test_one_secret_in_two_environments_is_told_of_wherever_both_are_read() -> None:
    plan = config({"web": service()}, env={"web-production": ("web",), "web-staging": (None,)})
    system = memory_system(
        plan,
        values={"web-production": {"KEY": SECRET, "A": "same"}, "web-staging": {"KEY": SECRET, "A": "same"}},
    )
    for action in ("validate", "plan", "sync"):
        result = system.ask("envkeeper", action)
        assert judged(result) == [("KEY", "shared-secret", "warning")] * 2
        assert SECRET not in str(result.to_json())


def test_all_mistakes_of_all_entries_come_at_once() -> None:
    plan = config({"web": service()}, env={"a": ("web",), "b": (None,), "c": (None,)})
    plan.env["a"] = replace(plan.env["a"], rules={"N": Rule(type_="integer"), "M": Rule(type_="url")})
    plan.env["b"] = replace(plan.env["b"], require=("GONE",))
    system = memory_system(plan, values={"a": {"N": "x", "M": "y"}, "b": {"X": "1"}, "c": {"OK": "1"}})
    for action in ("validate", "plan", "sync"):
        result = system.ask("envkeeper", action)
        told = f"{result.error} {result.summary}"
        assert all(name in told for name in ("a: N is no", "a: M is no", "b: GONE is required")), told
        assert {("N", "type", "error"), ("M", "type", "error"), ("GONE", "required", "error")} <= {
            *judged(result)
        }
    assert system.ask("envkeeper", "validate").exit_status == 3


# ── places ───────────────────────────────────────────────────────────────────────────────────────────────

FILE = """\
version: 1
platforms: {local: {process: {}}}
services:
  web: {platform: local, command: [sleep, "60"]}
env:
  web:
    from: {dotenv: web.env}
    to: [{process: web}]
    require: [GONE]
    rules:
      HTTP_PORT: {type: port, min: 1024}
      GREETING: {max-length: 5}
    probe: {DATABASE: connect}
"""


@contextmanager
def home(root: Path, values: str) -> Iterator[bootstrap.System]:
    (root / "dreamnet.yml").write_text(FILE)
    (root / "web.env").write_text(values)
    system = bootstrap.assemble(bootstrap.Options(root=root, state=root / "state"))
    try:
        yield system
    finally:
        system.close()


class Told:
    """A runner that keeps its annotations."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str | None, int | None, int | None]] = []

    def annotate(self, level: str, message: str, **more: Any) -> None:
        assert SECRET not in message
        self.said.append((level, more.get("file"), more.get("line"), more.get("column")))

    def output(self, name: str, value: str) -> None:
        assert SECRET not in value

    def summary(self, markdown: str) -> None:
        assert SECRET not in markdown


def test_each_mistake_is_annotated_at_the_line_that_has_to_change(tmp_path: Path) -> None:
    values = f"# of the web\nHTTP_PORT=80\nGREETING={SECRET}\nSPACE='x '\nDATABASE=127.0.0.1:1\n"
    with home(tmp_path, values) as system:
        result = system.pipe.submit({"agent": "envkeeper", "input": {"action": "validate"}})
    assert result.exit_status == 3
    assert result.error is not None
    assert "web: HTTP_PORT is less than 1024 (web.env:2)." in result.error["message"]
    runner = Told()
    tell(result, {"GITHUB_WORKSPACE": str(tmp_path)}, runner)  # type: ignore[arg-type]
    assert sorted(runner.said, key=str) == sorted(
        [
            ("error", "web.env", 2, 1),
            ("error", "web.env", 3, 1),
            ("error", "web.env", 5, 1),
            ("error", "dreamnet.yml", 6, 3),
            ("warning", "web.env", 4, 1),
        ],
        key=str,
    )


# ── probes ───────────────────────────────────────────────────────────────────────────────────────────────


class Server:
    """Takes connections and keeps every byte that comes; answers with ``answer`` once something came."""

    def __init__(self, answer: bytes = b"") -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port, self.got, self.taken = self._socket.getsockname()[1], b"", 0
        self._answer = answer
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                taken, _ = self._socket.accept()
            except OSError:
                return
            self.taken += 1
            with closing(taken):
                taken.settimeout(5.0)
                while (part := taken.recv(4096)) and not self.got.endswith(b"\r\n\r\n"):
                    self.got += part
                    if self._answer and self.got.endswith(b"\r\n\r\n"):
                        taken.sendall(self._answer)
                        break

    def close(self) -> None:
        self._socket.close()


@pytest.mark.parametrize(
    ("way", "scheme", "answer", "passes"),
    [
        ("connect", "postgres", b"", True),
        ("answers", "http", b"HTTP/1.1 204 No Content\r\n\r\n", True),
        ("answers", "http", b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", False),
    ],
)
def test_a_value_is_tried_and_its_password_goes_nowhere(
    tmp_path: Path, way: str, scheme: str, answer: bytes, passes: bool
) -> None:
    with closing(Server(answer)) as server:
        values = f"GONE=x\nHTTP_PORT=8080\nGREETING=hi\nDATABASE={scheme}://me:{SECRET}@127.0.0.1:{server.port}/a\n"
        with home(tmp_path, values) as system:
            probe = {"DATABASE": way}
            system.config.env["web"] = replace(system.config.env["web"], probe=probe)  # type: ignore[arg-type]
            result = system.pipe.submit({"agent": "envkeeper", "input": {"action": "sync"}})
    assert (result.outcome == "done") == passes, result.error
    assert server.taken == 1  # however it ends, nobody is asked twice
    assert SECRET.encode() not in server.got
    assert b"uthorization" not in server.got
    assert SECRET not in str(result.to_json())


def test_what_is_refused_or_names_nothing_to_try_is_told_by_name(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    for address, told in (
        (
            f"postgres://me:{SECRET}@127.0.0.1:{port}/a",
            "DATABASE accepts no connection where it points to (refused)",
        ),
        (f"foo://me:{SECRET}@127.0.0.1/a", "DATABASE cannot be tried: it names no port"),
        (f"{SECRET}", "DATABASE cannot be tried: it names no port"),
    ):
        with home(tmp_path, f"GONE=x\nHTTP_PORT=8080\nGREETING=hi\nDATABASE={address}\n") as system:
            result = system.pipe.submit({"agent": "envkeeper", "input": {"action": "validate"}})
        assert result.exit_status == 3
        assert told in str(result.error)
        assert SECRET not in str(result.to_json())


def test_the_sinks_that_everybody_reads_say_so() -> None:
    from dreamnet_actions.adapters.github.secretsink import GitHubSecretsSink
    from dreamnet_actions.adapters.github.variablesink import GitHubVariablesSink
    from dreamnet_actions.adapters.kubernetes.secrets import KubernetesConfigMapSink, KubernetesSecretSink

    assert GitHubVariablesSink.public
    assert KubernetesConfigMapSink.public
    assert not GitHubSecretsSink.public
    assert not KubernetesSecretSink.public


def test_a_slow_pattern_is_mended_where_it_stands_not_where_the_value_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dreamnet_actions.domain.limited.LIMIT", 0.05)
    (tmp_path / "app.env").write_text(f"A={'a' * 60}\nB=1\n", "utf-8")
    source = DotenvSource(tmp_path / "app.env", hash_key=b"k", shown="app.env")
    rules = {"A": Rule(pattern="(a|aa)+[bc]"), "B": Rule(pattern="[a-z]")}
    spec = EnvEntry(from_=Chosen("dotenv", None), to=(), rules=rules)
    entry = Entry(name="app", spec=spec, source=source, sinks=[], place=lambda _: ("dreamnet.yml", 9, 5))
    values = source.access([Ref("A"), Ref("B")])
    wanted = Wanted(pieces={ref.name: Piece(ref) for ref in values})
    seen = {ref.name: one for ref, one in values.items()}
    slow, unfit = Judge(entry, 0.0).judge(seen, seen, (), wanted)
    assert (slow.rule, slow.file, slow.line) == ("slow-pattern", "dreamnet.yml", 9)
    assert (unfit.rule, unfit.file, unfit.line) == ("pattern", "app.env", 2)
