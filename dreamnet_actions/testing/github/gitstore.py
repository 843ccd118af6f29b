"""A repository's git half: a bare repository made and changed by git itself, read through ``git`` commands.

Every write to a ref is a compare-and-set by ``git update-ref``, so that REST and pushes never lose one another's.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ZERO = "0" * 40
_QUIET = (
    "gc.auto=0",
    "receive.autogc=false",
    "http.receivepack=true",
    "uploadpack.allowFilter=true",
    "uploadpack.allowAnySHA1InWant=true",
    "receive.denyDeleteCurrent=refuse",
    "core.logAllRefUpdates=false",
)
FEW = 4
"""Blobs for fewer of which a process each costs less than one that writes a pack."""

MOST_REF_BYTES = 244
"""GitHub takes no longer name of a ref (its files must fit a file system)."""
_NOT_IN_REFS = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{")


class GitRefused(Exception):
    """git did not do it; the text is its own."""


@dataclass(frozen=True)
class Person:
    """An author or committer; ``when`` in seconds since 1970."""

    name: str
    email: str
    when: float


@dataclass(frozen=True)
class CommitRecord:
    """One commit, read."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Person
    committer: Person
    message: str


class GitStore:
    """The bare repository in ``path``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._kinds: dict[str, str] = {}

    @classmethod
    def create(cls, path: Path, default_branch: str) -> GitStore:
        """Make it, empty, with HEAD on ``default_branch``."""
        path.parent.mkdir(parents=True, exist_ok=True)
        _run(None, ["init", "--quiet", "--bare", f"--initial-branch={default_branch}", str(path)])
        made = cls(path)
        with (path / "config").open("a", encoding="utf-8") as config:
            for one in _QUIET:
                name, _, value = one.partition("=")
                section, _, key = name.partition(".")
                config.write(f"[{section}]\n\t{key} = {value}\n")
        return made

    def run(self, *args: str, data: bytes | None = None, person: Person | None = None) -> bytes:
        """Run a git command here and answer what it printed; raises GitRefused."""
        return _run(self.path, list(args), data, person)

    def text(self, *args: str, data: bytes | None = None, person: Person | None = None) -> str:
        """Run a git command here and answer its text, stripped."""
        return self.run(*args, data=data, person=person).decode("utf-8", "replace").strip()

    # ── Refs ─────────────────────────────────────────────────────────────────────────────────────────────

    def refs(self, prefix: str = "refs/") -> dict[str, str]:
        """Answer every ref below ``prefix`` (a folder or a ref's name) and the object it points to."""
        listed = self.text("for-each-ref", "--format=%(objectname) %(refname)", prefix)
        pairs = [line.split(" ", 1) for line in listed.splitlines()]
        return {name: sha for sha, name in pairs}

    def ref(self, name: str) -> str | None:
        """Answer what the full ref ``name`` points to. It reads git's files: this is asked with every request."""
        if not self.valid_ref(name):
            return None
        try:
            return (self.path / name).read_text(encoding="ascii").strip()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            pass
        try:
            packed = (self.path / "packed-refs").read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        lines = (line.partition(" ") for line in packed.splitlines() if line[:1] not in {"#", "^"})
        return next((sha for sha, _, one in lines if one == name), None)

    def head(self, branch: str) -> str:
        """Answer the commit that ``branch`` is on; zeros where there is none."""
        return self.ref(f"refs/heads/{branch}") or ZERO

    @staticmethod
    def valid_ref(name: str) -> bool:
        """Whether git takes this as the name of a ref, below ``refs/`` (https://git-scm.com/docs/git-check-ref-format)."""
        parts = name.split("/")
        return (
            name.startswith("refs/")
            and len(name.encode("utf-8", "replace")) < MOST_REF_BYTES
            and not _NOT_IN_REFS.search(name)
            and name.isprintable()
            and not any(
                not one or one.startswith(".") or one.endswith((".", ".lock")) or len(one) > 200
                for one in parts
            )
        )

    def set_ref(self, name: str, new: str, old: str) -> None:
        """Move ``name`` from ``old`` (zeros: not there) to ``new`` (zeros: delete); raises GitRefused if it moved."""
        if new == ZERO:
            self.run("update-ref", "-d", name, old)
        else:
            self.run("update-ref", name, new, old)

    def resolve(self, name: str) -> str | None:
        """Answer the commit that a branch, tag or SHA names."""
        if (
            not name
            or name.startswith("-")
            or "\0" in name
            or any(one in name for one in ("..", "@{", "^", ":", "~"))
        ):
            return None
        for one in (f"refs/heads/{name}", f"refs/tags/{name}", name):
            try:
                return self.text("rev-parse", "--verify", "--quiet", "--end-of-options", one + "^{commit}")
            except (GitRefused, UnicodeEncodeError):
                continue
        return None

    def is_ancestor(self, old: str, new: str) -> bool:
        """Whether ``new`` holds all of ``old``."""
        try:
            self.run("merge-base", "--is-ancestor", old, new)
        except GitRefused:
            return False
        return True

    # ── Objects ──────────────────────────────────────────────────────────────────────────────────────────

    def kind(self, sha: str) -> str | None:
        """Answer what the object is (``commit``, ``tree``, ``blob``, ``tag``); None where there is none."""
        if len(sha) != 40 or not all(one in "0123456789abcdef" for one in sha):
            return None
        if sha not in self._kinds:  # what an object is never changes
            try:
                self._kinds[sha] = self.text("cat-file", "-t", sha)
            except GitRefused:
                return None
        return self._kinds[sha]

    def blob(self, sha: str) -> bytes:
        """Answer a blob's bytes."""
        return self.run("cat-file", "blob", sha)

    def write_blob(self, content: bytes) -> str:
        """Keep bytes as a blob and answer its SHA."""
        return self.text("hash-object", "-w", "--stdin", data=content)

    def write_blobs(self, contents: Sequence[bytes]) -> list[str]:
        """Keep many and answer their SHAs, in one process: one for each would take seconds for a repository."""
        if len(contents) < FEW:
            return [self.write_blob(one) for one in contents]
        said = []
        for mark, one in enumerate(contents, 1):
            said.append(b"blob\nmark :%d\ndata %d\n%s\nget-mark :%d\n" % (mark, len(one), one, mark))
        return self.text(
            "-c",
            "pack.compression=1",
            "-c",
            "core.compression=1",
            "fast-import",
            "--quiet",
            "--done",
            data=b"".join([*said, b"done\n"]),
        ).split()

    def tree(
        self, treeish: str, path: str = "", *, recursive: bool = False
    ) -> list[tuple[str, str, str, int, str]]:
        """Answer (mode, type, sha, size, path) of what is in the tree, or at ``path`` in it."""
        args = ["ls-tree", "-z", "-l", *(["-r", "-t"] if recursive else []), treeish]
        out = self.run(*args, *(["--", path] if path else []))
        rows = []
        for line in out.decode("utf-8", "surrogateescape").split("\0"):
            if line:
                meta, _, name = line.partition("\t")
                mode, kind, sha, size = meta.split()
                rows.append((mode, kind, sha, 0 if size == "-" else int(size), name))
        return rows

    def write_tree(self, treeish: str | None, files: Mapping[str, bytes | None]) -> str:
        """Write the tree of ``treeish`` (None: the empty one) with ``files`` changed (None: removed)."""
        kept = {path: data for path, data in files.items() if data is not None}
        shas = dict(zip(kept, self.write_blobs(list(kept.values())), strict=True))
        return self.write_entries(treeish, [(path, "100644", shas.get(path)) for path in files])

    def write_entries(self, treeish: str | None, entries: Sequence[tuple[str, str, str | None]]) -> str:
        """Write a tree with (path, mode, sha) put in; a sha of None removes the path."""
        index = self.path / f"index-{id(entries):x}"
        env = {"GIT_INDEX_FILE": str(index)}
        try:
            _run(self.path, ["read-tree", treeish] if treeish else ["read-tree", "--empty"], env=env)
            lines = [
                f"{mode} {sha}\t{path}\0" if sha else f"0 {ZERO}\t{path}\0" for path, mode, sha in entries
            ]
            _run(self.path, ["update-index", "-z", "--index-info"], "".join(lines).encode(), env=env)
            return _run(self.path, ["write-tree"], env=env).decode().strip()
        finally:
            index.unlink(missing_ok=True)

    def write_commit(
        self,
        tree: str,
        parents: Sequence[str],
        message: str,
        author: Person,
        committer: Person | None = None,
    ) -> str:
        """Make a commit and answer its SHA; no ref moves. ``committer`` is the author unless given."""
        args = [part for one in parents for part in ("-p", one)]
        env = environment(author) | ({} if committer is None else _as("COMMITTER", committer))
        made = _run(self.path, ["commit-tree", tree, *args], message.encode("utf-8", "replace"), env=env)
        return made.decode().strip()

    def commit(self, sha: str) -> CommitRecord:
        """Read one commit."""
        return self.log(sha, limit=1)[0]

    def log(self, *revisions: str, limit: int = 1000, skip: int = 0, path: str = "") -> list[CommitRecord]:
        """Read commits, newest first."""
        form = "%H%x00%T%x00%P%x00%an%x00%ae%x00%at%x00%cn%x00%ce%x00%ct%x00%B%x01"
        where = ["--", path] if path else ["--"]
        options = [f"--format={form}", f"-n{limit}", f"--skip={skip}", "--end-of-options"]
        out = self.text("log", *options, *revisions, *where)
        found = []
        for chunk in out.split("\x01"):
            parts = chunk.lstrip("\n").split("\0", 9)
            if len(parts) == 10:
                sha, tree, parents, an, ae, at, cn, ce, ct, message = parts
                author, committer = Person(an, ae, float(at)), Person(cn, ce, float(ct))
                found.append(
                    CommitRecord(sha, tree, tuple(parents.split()), author, committer, message.rstrip("\n"))
                )
        return found

    def changes(self, old: str | None, new: str) -> list[tuple[str, str, str, int, int]]:
        """Answer (status letter, path, blob sha, added, deleted lines) between two commits (None: the empty tree)."""
        base = old or self.text("hash-object", "-t", "tree", "--stdin", data=b"")
        numbers = {}
        options = ["-r", "-z", "--no-renames"]
        counts = self.run("diff-tree", *options, "--numstat", base, new).decode("utf-8", "replace")
        for line in counts.split("\0"):
            if line.count("\t") == 2:
                added, deleted, path = line.split("\t")
                numbers[path] = (0 if added == "-" else int(added), 0 if deleted == "-" else int(deleted))
        raw = (
            self.run("diff-tree", "-r", "-z", "--no-renames", base, new)
            .decode("utf-8", "replace")
            .split("\0")
        )
        rows = []
        for meta, path in zip(raw[::2], raw[1::2], strict=False):
            _, _, before, after, letter = meta.split()
            rows.append((letter, path, before if letter == "D" else after, *numbers.get(path, (0, 0))))
        return rows

    def touches(self, old: str | None, new: str, folder: str) -> bool:
        """Whether a file below ``folder`` differs."""
        return any(path.startswith(folder) for _, path, *_ in self.changes(old, new))


def _run(
    folder: Path | None,
    args: list[str],
    data: bytes | None = None,
    person: Person | None = None,
    env: Mapping[str, str] | None = None,
) -> bytes:
    command = ["git", *([f"--git-dir={folder}"] if folder else []), *args]
    found = environment(person, env)
    done = subprocess.run(command, input=data or b"", capture_output=True, check=False, env=found)
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise GitRefused(said or f"git {args[0]} ended with {done.returncode}")
    return done.stdout


def environment(person: Person | None = None, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Answer the environment that git runs in here: nobody's configuration, no prompts, and ``person`` as author."""
    env = {
        "PATH": _path(),
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "HOME": os.devnull,
    }
    if person is not None:
        env |= _as("AUTHOR", person) | _as("COMMITTER", person)
    return env | dict(more or {})


@functools.cache
def _path() -> str:
    return str(Path(shutil.which("git") or "git").parent) + os.pathsep + os.defpath


def _as(role: str, person: Person) -> dict[str, str]:
    return {
        f"GIT_{role}_NAME": person.name,
        f"GIT_{role}_EMAIL": person.email,
        f"GIT_{role}_DATE": f"{int(person.when)} +0000",
    }
