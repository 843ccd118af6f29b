"""GitHubDocument: a file on the default branch of a repository at GitHub (the port ``Document``).

A change is one commit that says what, who and why; with ``change: pull-request`` it is a pull request with that commit,
one for each change, ever. Nothing is checked out: files are read and written by the contents API
(https://docs.github.com/en/rest/repos/contents), whose blob's SHA is the compare-and-set.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

from dreamnet_actions.adapters.github.certain import certain
from dreamnet_actions.adapters.github.client import GitHubRepository
from dreamnet_actions.domain.markdown import inline, title
from dreamnet_actions.domain.spec.flags import Change
from dreamnet_actions.errors import ConfigError, Conflict, NotFound, PermissionMissing, RefusedError
from dreamnet_actions.ports.flags import Held, Note, Written

BRANCH = "dreamnet-flags-"
"""How the branch of a pull request begins; the hash of what it changes follows."""
_HOW = (
    "Give DreamNet a token that has 'pull-requests: write' and 'contents: write' (of a GitHub App, or a fine-grained "
    "one) as the secret `token` of its workflow: the job's own token has no right to pull requests."
)


class GitHubDocument:
    """One file of a repository, by its path from the root. ``what`` and ``hint`` are said when it is not there.

    Needs ``contents: write``; with ``change`` ``pull-request`` also ``pull-requests: write``.
    """

    WRITES: ClassVar[frozenset[str]] = frozenset({"write"})

    def __init__(
        self,
        repository: GitHubRepository,
        path: str,
        *,
        what: str,
        hint: str = "",
        change: Change = "commit",
    ) -> None:
        self._at, self._path, self._what, self._hint, self._change = repository, path, what, hint, change
        self.shown = path

    def read(self) -> Held:
        return self._read(None)

    def write(self, text: str, *, over: str, note: Note) -> Written:
        if self._change == "pull-request" and not note.at_once:
            return self._propose(text, over, note)
        try:
            return self._commit(text, over, note, None)
        except Conflict:
            if self._read(None).revision != over:
                raise
            # It is as it was: a rule of the repository keeps commits off its branch.
            if note.at_once:
                return self._propose(text, over, note)
            hint = "Its rules want pull requests, it seems: flags: {file: …, change: pull-request}"
            raise RefusedError(f"{self._what} {self._path} takes no commit.", hint=hint) from None
        except PermissionMissing:
            raise
        except RefusedError as error:
            if note.at_once:
                return self._propose(text, over, note)
            error.hint = (
                f"{error.hint}\nWhere its rules want pull requests: flags: {{file: …, change: pull-request}}"
            )
            raise

    # ── inside ──────────────────────────────────────────────────────────────────────────────────────────

    @property
    def _address(self) -> str:
        return f"/contents/{quote(self._path)}"

    def _read(self, branch: str | None) -> Held:
        try:
            data = self._at.call("GET", self._address, parameters={"ref": branch} if branch else None)
        except NotFound as error:
            raise ConfigError(
                f"{self._what} {self._path} is not in {self._at.name}.", hint=self._hint
            ) from error
        if not isinstance(data, Mapping) or data.get("encoding") != "base64":
            raise ConfigError(f"{self._what} {self._path} is a folder, or too large.", hint=self._hint)
        try:
            text = base64.b64decode(data["content"]).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise ConfigError(f"{self._what} {self._path} is no UTF-8 text.", hint=self._hint) from error
        return Held(text=text, revision=str(data["sha"]))

    def _commit(self, text: str, over: str, note: Note, branch: str | None) -> Written:
        """Commit it on a branch, the default one where none is named; what got no answer is looked for."""
        body: dict[str, Any] = {
            "message": _message(note),
            "content": base64.b64encode(text.encode("utf-8")).decode("ascii"),
            "sha": over,
        }
        if branch is not None:
            body["branch"] = branch

        def do() -> Written:
            commit = self._at.call("PUT", self._address, body=body)["commit"]
            return Written(text=f"commit {commit['sha'][:7]}", url=str(commit.get("html_url") or ""))

        def look() -> Written | None:
            return Written(text="a commit") if self._read(branch).text == text else None

        return certain(do, look, clock=self._at.clock, patience=self._at.patience)

    def _propose(self, text: str, over: str, note: Note) -> Written:
        """Open a pull request with the change; one that is there for it is answered instead."""
        told = hashlib.sha256(f"{self._path}\0{over}\0{text}".encode()).hexdigest()
        name, base = f"{BRANCH}{told[:12]}", str(self._at.call("GET", "")["default_branch"])
        lacking: RefusedError | None = None
        try:
            if (found := self._look(name)) is not None:
                return found
        except PermissionMissing as error:
            lacking = error  # the branch is made all the same: a person goes on from there
        self._branch(name, base)
        there = self._read(name)
        if there.text != text:
            self._commit(text, there.revision, note, name)
        if lacking is None:
            try:
                return self._open(name, base, note)
            except RefusedError as error:
                lacking = error
        page = f"{self._at.url}/compare/{quote(base)}...{quote(name)}?expand=1"
        how = _HOW if isinstance(lacking, PermissionMissing) else lacking.hint
        lacking.hint = f"{how}\nThe branch {name} is there; open it by hand: {page}"
        raise lacking

    def _open(self, name: str, base: str, note: Note) -> Written:
        body = {"title": title(note.subject, 200), "head": name, "base": base, "body": _body(note)}
        try:
            return certain(
                lambda: _written(self._at.call("POST", "/pulls", body=body)),
                lambda: self._look(name),
                clock=self._at.clock,
                patience=self._at.patience,
            )
        except Conflict:  # somebody was first
            if (found := self._look(name)) is None:
                raise
            return found

    def _look(self, name: str) -> Written | None:
        owner = self._at.name.partition("/")[0]
        parameters = {"state": "open", "head": f"{owner}:{name}", "per_page": 1}
        listed = self._at.call("GET", "/pulls", parameters=parameters)
        return _written(listed[0]) if listed else None

    def _branch(self, name: str, base: str) -> None:
        tip = self._at.call("GET", f"/git/ref/heads/{quote(base)}")["object"]["sha"]
        try:
            self._at.call("POST", "/git/refs", body={"ref": f"refs/heads/{name}", "sha": tip})
        except Conflict:  # a run that was cut off made it, or its pull request was closed
            self._at.call("PATCH", f"/git/refs/heads/{quote(name)}", body={"sha": tip, "force": True})


def _written(pull: Mapping[str, Any]) -> Written:
    return Written(text=f"pull request #{pull['number']}", url=str(pull["html_url"]), pending=True)


def _message(note: Note) -> str:
    """Write the commit's message; what people typed is cut to one line each, so that it adds no trailer of its own."""
    return f"{title(note.subject, 100)}\n\nWhy: {title(note.why, 500)}\nAsked for by: {title(note.by, 100)}\n"


def _body(note: Note) -> str:
    return (
        f"{inline(note.subject, 200)}\n\nWhy: {inline(note.why, 500)}\n\nAsked for by: {inline(note.by, 100)}"
    )
