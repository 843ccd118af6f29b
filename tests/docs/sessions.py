"""The commands in the pages, really run: each page's blocks in order, in a fresh copy of the examples.

A block is run when ``<!-- run: EXAMPLE -->`` stands before it (``status=10`` after the name: how it must end). A
``text`` block right after it is what it printed. Ports are changed for free ones, and back in what is shown.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.actions.bed import tools
from tests.docs.pages import ROOT, Fence, fences, pages, shown

_PORT = re.compile(r"\b8[34]\d\d\b")
_TEXTS = {".yml", ".py", ".json", ".env", ".md", ".sh"}


@dataclass(frozen=True)
class Block:
    """One block of commands; ``output`` is the block below it that shows what it printed."""

    fence: Fence
    status: int
    output: Fence | None


@dataclass(frozen=True)
class Session:
    """All blocks of one page that run in one example."""

    page: Path
    example: str
    blocks: list[Block] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{shown(self.page)}:{self.example}"


def sessions() -> list[Session]:
    """Answer the sessions of all pages."""
    found: dict[tuple[Path, str], Session] = {}
    for page in pages():
        text = page.read_text("utf-8")
        parts = fences(text)
        for index, one in enumerate(parts):
            if one.note != "run":
                continue
            example, *rest = one.what.split()
            status = next((int(word.partition("=")[2]) for word in rest if word.startswith("status=")), 0)
            after = parts[index + 1] if index + 1 < len(parts) else None
            is_output = (
                after is not None and after.lang == "text" and not text[one.closed : after.start - 8].strip()
            )
            session = found.setdefault((page, example), Session(page, example))
            session.blocks.append(Block(one, status, after if is_output else None))
    return list(found.values())


@dataclass
class Place:
    """Where a session runs: a copy of the examples with ports of its own."""

    root: Path
    cwd: Path
    ports: dict[str, str]

    def run(self, block: Block, timeout: float = 90) -> subprocess.CompletedProcess[str]:
        """Run one block as somebody would who pasted it; what is printed is as the page would show it."""
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", self.local(block.fence.body)],
            cwd=self.cwd,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
        )
        done.stdout = self.documented(done.stdout)
        return done

    def local(self, text: str) -> str:
        """Change the documented ports for free ones."""
        return _PORT.sub(lambda one: self.port(one[0]), text)

    def port(self, documented: str) -> str:
        """Answer the free port that stands for a documented one."""
        if documented not in self.ports:
            with socket.socket() as one:
                one.bind(("127.0.0.1", 0))
                self.ports[documented] = str(one.getsockname()[1])
        return self.ports[documented]

    def documented(self, text: str) -> str:
        """Change what names this place for what the page says."""
        for documented, local in self.ports.items():
            text = text.replace(local, documented)
        return text.replace(str(self.cwd), f"~/{self.cwd.name}")

    def environment(self) -> dict[str, str]:
        """Answer the environment of somebody who just set the project up."""
        kept = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("DREAMNET", "GIT", "GITHUB"))
        }
        person = {"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@localhost"}
        person |= {"GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@localhost", "USER": "ada"}
        path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
        return {
            **kept,
            **person,
            "PATH": path,
            "HOME": str(self.root),
            "DREAMNET_ACTION_HOME": str(tools()),  # fetched once, not once a session
            "PYTHONUNBUFFERED": "1",
            "TERM": "dumb",
        }


@contextmanager
def place(example: str) -> Iterator[Place]:
    """Make a place for one example; what still runs there is ended with the block."""
    with tempfile.TemporaryDirectory(prefix="dreamnet-docs-") as folder:
        root = Path(folder).resolve()
        there = Place(root, root / "examples" / example, {})
        shutil.copytree(
            ROOT / "examples", root / "examples", ignore=shutil.ignore_patterns(".dreamnet", "__pycache__")
        )
        for file in there.cwd.rglob("*"):
            if file.suffix in _TEXTS:
                file.write_text(there.local(file.read_text("utf-8")), "utf-8")
        try:
            yield there
        finally:
            down = [sys.executable, "-m", "dreamnet_actions", "down"]
            if (there.cwd / ".dreamnet").exists():
                subprocess.run(down, cwd=there.cwd, env=there.environment(), capture_output=True, timeout=60)


def paste(only: str = "") -> None:
    """Run every session and write what it printed into its page."""
    for name in [str(one) for one in sessions() if only in str(one)]:
        session = next(
            one for one in sessions() if str(one) == name
        )  # the former one moved what stands below it
        texts = []
        with place(session.example) as there:
            for block in session.blocks:
                done = there.run(block)
                if done.returncode != block.status:
                    sys.exit(f"{session}: ended with {done.returncode}:\n{block.fence.body}\n{done.stdout}")
                texts.append((block, done.stdout))
        page = session.page.read_text("utf-8")
        for block, text in reversed(texts):
            if block.output is not None:
                page = page[: block.output.start] + text.rstrip() + "\n" + page[block.output.end :]
        session.page.write_text(page, "utf-8")
        print(session)


_HEX = re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b[0-9a-f]{7,64}\b")
_TIME = re.compile(r"\b\d{4}-\d\d-\d\d(T[\d:.]+Z)?|\b\d\d:\d\d:\d\d\b|\b\d\d/[A-Z][a-z]{2}/\d{4}\b")
_NUMBER = re.compile(r"(\d+(\.\d+)?(ms|[smhd](?![a-z]))?)+")


def essence(line: str) -> str:
    """Answer a line without what differs from run to run: times, ids and numbers."""
    for pattern in (_TIME, _HEX, _NUMBER):
        line = pattern.sub("N", line)
    return " ".join(line.split())
