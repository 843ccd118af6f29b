"""A pull request that reverts what was taken back: one for a commit, ever, and only while its branch still has it.

The revert is one commit on top of the bad one, with the files of the commit before, on a branch of its own; GitHub
merges it as it merges any branch, so commits that came since stay, and a conflict is GitHub's to show. Nothing is
checked out for it (https://docs.github.com/en/rest/git/commits#create-a-commit).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

from dreamnet_actions.adapters.github.certain import certain
from dreamnet_actions.adapters.github.client import GitHubRepository
from dreamnet_actions.domain.markdown import fenced, inline, title
from dreamnet_actions.domain.revert import Proposed, Revert
from dreamnet_actions.errors import Conflict, NotFound, PermissionMissing, RefusedError, RequestError

T = TypeVar("T")

BRANCH = "dreamnet-revert-"
"""How the branch of a revert begins; the commit's first twelve digits follow. Not below ``dreamnet/``: the journal's
branch is named ``dreamnet``, and git has no branch below another."""
FAR = 50
"""So many commits after it a commit is history: whoever built on it decides by themselves."""
LISTED = 20
"""How many reverted commits the body lists."""
LOOKS = 3
"""How often GitHub is asked whether there is a conflict; it answers once it has tried to merge."""
_SETTING = "not permitted to create"
_HOW = (
    "Give DreamNet a token that has 'pull-requests: write' and 'contents: write' (of a GitHub App, or a fine-grained "
    "one) as the secret `token` of its workflow: the job's own token has no right to pull requests."
)
_ALLOW = (
    "Allow it under Settings, Actions, General: 'Allow GitHub Actions to create and approve pull requests'; or give "
    "DreamNet a token of a GitHub App as the secret `token` of its workflow."
)


class GitHubReverts:
    """Proposes reverts in one repository. Needs ``contents: write`` and ``pull-requests: write``; without the second
    the branch is made, and a person opens the pull request from its page. ``run_url`` is the page of this run."""

    def __init__(self, repository: GitHubRepository, *, run_url: str | None = None) -> None:
        self._repository, self._run_url = repository, run_url

    def propose(self, wanted: Revert) -> Proposed:
        """Open the pull request, unless there is or was one for this commit, or the branch has it no longer.

        Raises:
            PermissionMissing: The token may not; ``hint`` says what it needs, and where a person goes on.
            RefusedError: The repository's settings let no workflow open one.
        """
        short, name = wanted.bad[:7], f"{BRANCH}{wanted.bad[:12]}"
        after = self._compare(wanted.bad, wanted.branch)
        if after is None or after["status"] not in ("ahead", "identical"):
            return Proposed(text=f"{wanted.branch} does not have {short}, so nothing is reverted")
        if int(after["ahead_by"]) > FAR:
            text = f"{wanted.branch} is {after['ahead_by']} commits further than {short}: revert it by hand"
            return Proposed(text=text)
        if _reverted(wanted.bad, after["commits"]):
            return Proposed(text=f"{short} is reverted on {wanted.branch} already")
        lacking: RefusedError | None = None
        try:
            if (found := self._look(name)) is not None:
                return found
        except PermissionMissing as error:
            lacking = error
        bad = self._repository.call("GET", f"/git/commits/{wanted.bad}")
        commits, tree = self._reach(wanted, bad)
        self._branch(name, wanted, tree, commits)
        if lacking is None:
            try:
                return self._open(name, wanted, bad, commits)
            except RefusedError as error:
                if not isinstance(error, PermissionMissing) and _SETTING not in error.message:
                    raise
                lacking = error
        page = f"{self._repository.url}/compare/{quote(wanted.branch)}...{quote(name)}?expand=1"
        how = _HOW if isinstance(lacking, PermissionMissing) else _ALLOW
        lacking.hint = f"{how}\nThe branch {name} is there; open it by hand: {page}"
        raise lacking

    # ── inside ──────────────────────────────────────────────────────────────────────────────────────────

    def _compare(self, base: str, head: str) -> Mapping[str, Any] | None:
        path = f"/compare/{quote(base, safe='')}...{quote(head, safe='')}"
        try:
            answer: Mapping[str, Any] = self._repository.call("GET", path)
        except (NotFound, RequestError):
            return None
        return answer

    def _look(self, name: str) -> Proposed | None:
        """Answer the pull request of this branch, open or not; None where there never was one."""
        owner = self._repository.name.partition("/")[0]
        parameters = {"state": "all", "head": f"{owner}:{name}", "per_page": 1}
        listed = self._repository.call("GET", "/pulls", parameters=parameters)
        if not listed:
            return None
        one = listed[0]
        state = "merged" if one.get("merged_at") else one["state"]
        return Proposed(
            text=f"a pull request for it is there: #{one['number']} ({state})", url=one["html_url"]
        )

    def _reach(self, wanted: Revert, bad: Mapping[str, Any]) -> tuple[Sequence[Mapping[str, Any]], str]:
        """Answer the commits that are reverted, newest first, and the tree before them: all since the release that
        serves again, where that comes before the bad one; else the bad one alone."""
        since = self._compare(wanted.former, wanted.bad) if wanted.former else None
        if since is not None and since["status"] == "ahead" and wanted.former:
            before = self._repository.call("GET", f"/git/commits/{wanted.former}")
            return list(reversed(since["commits"])), str(before["tree"]["sha"])
        parents = bad["parents"]
        if not parents:
            raise RequestError(f"{wanted.bad[:7]} is the first commit; there is nothing before it.")
        before = self._repository.call("GET", f"/git/commits/{parents[0]['sha']}")
        return [{"sha": wanted.bad, "commit": bad, "parents": parents}], str(before["tree"]["sha"])

    def _branch(self, name: str, wanted: Revert, tree: str, commits: Sequence[Mapping[str, Any]]) -> None:
        """Make the branch with the revert; one that is there already is left as it is."""
        if self._has(name):
            return
        message = "\n".join([
            _title(wanted, commits), "",
            *(f"This reverts commit {one['sha']}." for one in commits[:LISTED]),
        ])  # fmt: skip
        body = {"message": message, "tree": tree, "parents": [wanted.bad]}
        made = self._repository.call("POST", "/git/commits", body=body)
        ref = {"ref": f"refs/heads/{name}", "sha": made["sha"]}
        try:
            self._certain(
                lambda: bool(self._repository.call("POST", "/git/refs", body=ref)),
                lambda: self._has(name) or None,
            )
        except (Conflict, RequestError):
            if not self._has(name):
                raise

    def _has(self, name: str) -> bool:
        try:
            return bool(self._repository.call("GET", f"/git/ref/heads/{quote(name)}"))
        except NotFound:
            return False

    def _open(
        self, name: str, wanted: Revert, bad: Mapping[str, Any], commits: Sequence[Mapping[str, Any]]
    ) -> Proposed:
        text = self._body(wanted, bad, commits)
        body = {"title": _title(wanted, commits), "head": name, "base": wanted.branch, "body": text}
        new: list[Mapping[str, Any]] = []

        def create() -> Proposed:
            new.append(self._repository.call("POST", "/pulls", body=body))
            said = f"a pull request reverts it: #{new[0]['number']}"
            return Proposed(text=said, url=new[0]["html_url"], new=True)

        try:
            made = self._certain(create, lambda: self._look(name))
        except Conflict:  # somebody was first
            if (found := self._look(name)) is None:
                raise
            return found
        if new and self._conflicts(int(new[0]["number"])):
            note = (
                f"{wanted.branch} has changed the same lines since: it cannot be merged as it is. {_BY_HAND}"
            )
            change = {"body": f"**{note}**\n\n{text}"}
            self._repository.call("PATCH", f"/pulls/{new[0]['number']}", body=change)
            return Proposed(text=f"{made.text}, which conflicts with later commits", url=made.url, new=True)
        return made

    def _conflicts(self, number: int) -> bool:
        """Ask whether it can be merged; GitHub takes a moment to know."""
        for look in range(LOOKS):
            if look:
                self._repository.clock.sleep(1.0)
            mergeable = self._repository.call("GET", f"/pulls/{number}").get("mergeable")
            if mergeable is not None:
                return not mergeable
        return False

    def _body(self, wanted: Revert, bad: Mapping[str, Any], commits: Sequence[Mapping[str, Any]]) -> str:
        short = wanted.bad[:7]
        back = f"`{wanted.former[:7]}` serves again." if wanted.former else "The release before serves again."
        parts = [
            f"DreamNet took {short} back on `{wanted.platform}/{wanted.service}`. {back} Why:",
            fenced(wanted.why, 1500),
        ]
        if wanted.evidence:
            parts += ["What was seen:", fenced("\n".join(wanted.evidence), 6000)]
        if len(commits) > 1:
            parts += [f"It reverts all {len(commits)} commits since then, for any of them may be the cause:"]
        parts += ["\n".join(_line(one) for one in commits[:LISTED])]
        if len(commits) > LISTED:
            parts += [f"… and {len(commits) - LISTED} more."]
        if any(len(one.get("parents") or []) > 1 for one in (bad, *commits)):
            parts.append(_MERGE)
        if self._run_url:
            parts += [f"[The run that took it back]({self._run_url})"]
        parts.append(
            f"{short} stays held until somebody insists (`dreamnet deploy {wanted.service} --version {short}`). "
            "Closed, this is not opened again for the same commit; a better fix is welcome instead."
        )
        return "\n\n".join(parts)

    def _certain(self, do: Callable[[], T], look: Callable[[], T | None]) -> T:
        return certain(do, look, clock=self._repository.clock, patience=self._repository.patience)


_MERGE = (
    "There is a merge commit among them. Once this is merged, merging its branch again does not bring its changes "
    "back: [revert this revert](https://github.com/git/git/blob/master/Documentation/howto/revert-a-faulty-merge.adoc) "
    "then."
)
_BY_HAND = "Resolve the conflict on its branch, or revert by hand and close this."


def _title(wanted: Revert, commits: Sequence[Mapping[str, Any]]) -> str:
    what = wanted.bad[:7] if len(commits) == 1 else f"{len(commits)} commits up to {wanted.bad[:7]}"
    return title(f"Revert {what}: taken back on {wanted.platform}/{wanted.service}", 200)


def _line(one: Mapping[str, Any]) -> str:
    commit = one.get("commit") or {}
    subject = str(commit.get("message") or "").partition("\n")[0]
    return f"- {one['sha']} {inline(subject, 120)}"


def _reverted(bad: str, commits: Sequence[Mapping[str, Any]]) -> bool:
    """Say whether a later commit says, as ``git revert`` writes it, that it reverts this one."""
    said = f"this reverts commit {bad}"
    return any(said in str((one.get("commit") or {}).get("message", "")).lower() for one in commits)
