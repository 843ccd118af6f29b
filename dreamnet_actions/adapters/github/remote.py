"""One branch of a remote repository, by git alone: fetched shallow into a bare copy of our own, pushed fast-forward.

Each push also moves a mark, ``refs/dreamnet/seen/BRANCH``, in the same transaction. No page of the host shows it, and
what moves or deletes the branch leaves it where it is: so a branch that somebody forced back or deleted is noticed,
and its commits stay there.

The token goes to git by its environment, for this one address only: never an argument, an address, a file, an error.
Nothing here knows what the files of the branch mean. Only a checkpoint forces a push, and only over the commit whose
files it holds (``--force-with-lease``).
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dreamnet_actions.adapters.gitcalls import SAFE, Running, clean, finished
from dreamnet_actions.adapters.github.gittoken import token_forms, token_settings
from dreamnet_actions.adapters.github.gitwords import PROTECTED, trouble
from dreamnet_actions.errors import CommandFailed, DeadlineExceeded, DreamNetError, PermanentError

AUTHOR = "dreamnet[bot] <dreamnet[bot]@users.noreply.github.com>"
_HEAD = "refs/dreamnet/head"
_NEW = "refs/dreamnet/new"
_SEEN = "refs/dreamnet/seen/"
DEPTH = 500
"""How many commits are looked at where the newest alone does not tell."""
_TAIL = 1000
_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9+.-]*::")
"""An address that would have git run a program: https://git-scm.com/docs/gitremote-helpers#_invocation"""
_RENEW_AFTER = 500
"""Fetches after which a long-lived process starts with a fresh copy: loose objects are not collected here."""

# What git says (LC_ALL=C) when somebody else was faster: by our side, by the server's check, or by its lock on the ref.
# https://git-scm.com/docs/git-push#_output
_REJECTED = re.compile(
    r"\[rejected\]|non-fast-forward|fetch first|stale info|cannot lock ref|failed to update ref"
    r"|incorrect old value|reference already exists|failed to lock",
)
_FORCE_FORBIDDEN = re.compile(r"\[remote rejected\] \(non-fast-forward\)|denying non-fast-forward")
_NOT_THERE = "couldn't find remote ref"
# A host that keeps such names to itself, or takes one name a push only: then the branch goes without its mark.
_NO_MARK = re.compile(r"hidden ref|does not support --atomic|refs/dreamnet/seen/\S+ -> \S+ \(prohibited")


@dataclass(frozen=True, kw_only=True)
class Committed:
    """One commit: its hash, who made it (``name <address>``), and the first line of what it says."""

    sha: str
    by: str
    text: str


class RemoteBranch:
    """Reads and writes ``refs/heads/BRANCH`` of the repository at ``url``.

    ``url`` is an address that git takes (``https://github.com/owner/name.git``, a path); ``token`` is sent to it as
    ``x-access-token``, or nothing where it is empty. ``environment`` is what git runs in, without its own ``GIT_*``;
    ``timeout`` is for each call of git, in seconds; ``folder`` is where the copy is put, else a temporary one.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str = "",
        branch: str = "dreamnet",
        environment: Mapping[str, str],
        timeout: float = 60.0,
        program: str = "git",
        folder: Path | None = None,
    ) -> None:
        if url.startswith("-") or _HELPER.match(url):
            raise PermanentError(f"The remote {url!r} is no address of a repository.")
        self.url, self.name, self.ref = url, branch, f"refs/heads/{branch}"
        self._timeout, self._program = timeout, program
        self._secrets = token_forms(token)
        self._environment = clean(environment) | token_settings(url, token)
        self._temporary = tempfile.TemporaryDirectory(prefix="dreamnet-branch-", dir=folder)
        self._running = Running()
        self._fetches = 0
        self._repository: Path | None = None
        self._mark = f"{_SEEN}{branch}"
        self._marks = True
        self._refs: dict[str, str] = {}
        """What was fetched last, by name."""

    def close(self) -> None:
        """Take the local copy away; a call of git's that another thread still waits for ends."""
        self._running.end()
        self._repository = None
        self._temporary.cleanup()

    def fetch(self) -> str | None:
        """Answer the branch's newest commit, whose files are here then; None where there is no such branch.

        Raises TemporaryError (network, server), Unauthenticated, PermissionMissing, PermanentError.
        """
        self._fetches += 1
        if self._repository is not None and self._fetches % _RENEW_AFTER == 0:
            shutil.rmtree(self._repository, ignore_errors=True)
            self._repository = None
        return self._fetched(1)

    def deepen(self) -> str | None:
        """Fetch again, with the last ``DEPTH`` commits of the branch and of its mark. Raises as ``fetch``."""
        return self._fetched(DEPTH)

    def seen(self) -> str | None:
        """Answer the commit that was pushed last as far as the mark knows, as it was fetched; None without a mark."""
        return self._refs.get(self._mark)

    def holds(self, newer: str, older: str) -> bool:
        """Say whether ``older`` is ``newer`` or one of its forebears, as far as commits are here."""
        status, _, _ = self._git("merge-base", "--is-ancestor", older, newer)
        return status == 0

    def log(self, *commits: str) -> list[Committed]:
        """Answer these commits and their forebears, as far as they are here, newest first."""
        told = self._asked(
            "log", "-z", f"--max-count={DEPTH}", "--topo-order", "--format=%H%n%cn <%ce>%n%s", *commits
        ).decode("utf-8", "replace")
        parts = (one.split("\n", 2) for one in told.split("\0") if one)
        return [Committed(sha=sha, by=by, text=text) for sha, by, text in parts]

    def _fetched(self, depth: int) -> str | None:
        marks = f"+{_SEEN}*:{_SEEN}*"
        # Where there is no branch, all that the mark holds; git takes no depth for a pattern that nothing fits.
        for wanted in ((f"--depth={depth}", self.url, f"+{self.ref}:{_HEAD}", marks), (self.url, marks)):
            status, _, said = self._git(
                "fetch", "--quiet", "--prune", "--no-tags", "--no-write-fetch-head",
                "--no-recurse-submodules", *wanted,
            )  # fmt: skip
            if status and _NOT_THERE in said:
                continue
            if status:
                raise self._trouble("fetch", status, said)
            told = self._asked(
                "for-each-ref", "--format=%(refname) %(objectname)", _HEAD, self._mark
            ).decode()
            self._refs = dict(line.split(" ", 1) for line in told.splitlines())
            return self._refs[_HEAD] if len(wanted) > 2 else None
        raise AssertionError("a pattern is always found")

    def files(self, commit: str) -> dict[str, str]:
        """Answer the object of each file in that commit, by path; another repository within it (a submodule) is no
        file, and its object is not here."""
        listed = self._asked("ls-tree", "-r", "-z", "--full-tree", commit).decode("utf-8", "surrogateescape")
        entries = (entry.partition("\t") for entry in listed.split("\0") if entry)
        found = ((path, meta.split(" ")) for meta, _, path in entries)
        return {path: blob for path, (_, kind, blob) in found if kind == "blob"}

    def content(self, blob: str) -> bytes:
        """Answer what a file holds."""
        return self._asked("cat-file", "blob", blob)

    def contents(self, blobs: Collection[str]) -> dict[str, bytes]:
        """Answer what many files hold, by object, with one call."""
        wanted = sorted(set(blobs))
        out = self._asked("cat-file", "--batch", given="".join(f"{one}\n" for one in wanted).encode())
        found, start = {}, 0
        for blob in wanted:
            head = out.index(b"\n", start)
            size = int(out[start:head].split()[2])
            found[blob] = out[head + 1 : head + 1 + size]
            start = head + 2 + size
        return found

    def commit(
        self,
        parent: str | None,
        files: Mapping[str, bytes | None],
        text: str,
        at: float,
        *,
        joins: Sequence[str] = (),
        whole: bool = False,
    ) -> str:
        """Make a commit of changed files (None: taken away) upon ``parent``, locally; answers its hash. ``joins`` are
        further parents, of which nothing is taken; ``whole``: there is nothing but ``files``.

        One process makes all of it (https://git-scm.com/docs/git-fast-import): a killed run leaves nothing by half.
        """
        said = text.encode("utf-8", "replace")
        stream = [b"feature done\n", f"commit {_NEW}\nmark :1\n".encode()]
        stream.append(f"committer {AUTHOR} {int(at)} +0000\ndata {len(said)}\n".encode() + said + b"\n")
        if parent is not None:
            stream.append(f"from {parent}\n".encode())
        stream += [f"merge {one}\n".encode() for one in joins]
        stream += [b"deleteall\n"] if whole else []
        for path, body in files.items():
            if body is None:
                stream.append(b"D %s\n" % _quoted(path))
            else:
                stream.append(b"M 100644 inline %s\ndata %d\n%s\n" % (_quoted(path), len(body), body))
        stream.append(b"\nget-mark :1\ndone\n")
        # --force is about the name in this copy only, which may stand on a commit that lost.
        out = self._asked("fast-import", "--quiet", "--force", "--done", given=b"".join(stream))
        return out.decode().strip()

    def is_first(self, commit: str) -> bool:
        """Say whether a commit has no parent, whatever of its history is here."""
        head, _, _ = self._asked("cat-file", "commit", commit).partition(b"\n\n")
        return b"\nparent " not in head

    def checkpoint(self, commit: str, text: str, at: float) -> str:
        """Make a commit that holds exactly what ``commit`` does, without a parent; answers its hash."""
        tree = self._asked("rev-parse", f"{commit}^{{tree}}").decode().strip()
        said = text.encode("utf-8", "replace")
        stream = (
            f"feature done\ncommit {_NEW}\nmark :1\ncommitter {AUTHOR} {int(at)} +0000\ndata {len(said)}\n"
        )
        rest = f'\nM 040000 {tree} ""\n\nget-mark :1\ndone\n'
        given = stream.encode() + said + rest.encode()
        return self._asked("fast-import", "--quiet", "--force", "--done", given=given).decode().strip()

    def push(self, commit: str, *, over: str | None = None) -> bool:
        """Put the commit on the branch; False when the branch is not (any more) where its parent is.

        With ``over`` it takes the place of that commit, whatever its parent is; False when the branch, or its mark, is
        not there any more. Raises as ``fetch`` does; after a TemporaryError it may have arrived all the same.
        """
        leases = []
        if over is not None:
            leases = [f"--force-with-lease={self.ref}:{over}"]
            leases += [f"--force-with-lease={self._mark}:{self.seen() or ''}"] if self._marks else []
        refs = [f"{commit}:{self.ref}", *([f"{commit}:{self._mark}"] if self._marks else [])]
        status, out, said = self._git(
            "push", "--porcelain", "--no-verify", "--no-recurse-submodules",
            *(["--atomic"] if self._marks else []), *leases, self.url, *refs,
        )  # fmt: skip
        if not status:
            return True
        told = f"{out.decode('utf-8', 'replace')}\n{said}"
        if self._marks and _NO_MARK.search(told):
            self._marks = False
            return self.push(commit, over=over)
        if over is not None and _FORCE_FORBIDDEN.search(told):
            raise PermanentError(
                f"git push of {self.name!r} in {self.url}: force pushes are forbidden there.",
                hint="Leave the branch 'dreamnet' out of rules that forbid them, or let its history grow.",
            )
        if _REJECTED.search(told) and not PROTECTED.search(told):
            return False
        raise self._trouble("push", status, told)

    def _asked(self, *arguments: str, given: bytes = b"") -> bytes:
        status, out, said = self._git(*arguments, given=given)
        if status:
            raise CommandFailed(f"git {arguments[0]}", status, self._harmless(said))
        return out

    def _git(self, *arguments: str, given: bytes = b"") -> tuple[int, bytes, str]:
        if self._repository is None:
            self._repository = self._fresh()
        try:
            run = finished(
                [self._program, *SAFE, *arguments],
                cwd=self._repository,
                env=self._environment,
                timeout=self._timeout,
                given=given,
                running=self._running,
            )
        except subprocess.TimeoutExpired as error:
            raise DeadlineExceeded(f"git {arguments[0]} of {self.url}", self._timeout) from error
        except FileNotFoundError as error:
            raise PermanentError("The program git was not found.", hint="Install git.") from error
        return run.returncode, run.stdout, run.stderr.decode("utf-8", "replace").strip()

    def _fresh(self) -> Path:
        """Make an empty bare repository of our own: no template, so that no hook or setting comes with it."""
        place = Path(tempfile.mkdtemp(prefix="copy-", dir=self._temporary.name))
        self._repository = place
        self._asked("init", "--quiet", "--bare", "--template=", ".")
        return place

    def _harmless(self, said: str) -> str:
        for secret in self._secrets:
            said = said.replace(secret, "***")
        return said[-_TAIL:]

    def _trouble(self, what: str, status: int, said: str) -> DreamNetError:
        return trouble(f"git {what} of {self.name!r} in {self.url}", status, self._harmless(said))


def _quoted(path: str) -> bytes:
    """Write a path as git reads it in a stream, whatever a person called that file: a line end is none there."""
    raw = path.encode("utf-8", "surrogateescape")
    plain = (chr(one) if 32 <= one < 127 and one not in b'"\\' else f"\\{one:03o}" for one in raw)
    return f'"{"".join(plain)}"'.encode("ascii")
