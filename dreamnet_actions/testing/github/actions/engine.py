"""The workflow engine: hears a host's events, starts runs, keeps concurrency and order, cancels, runs again.

Runs are decided in the thread that caused the event, so that they are there when its call returns; they are
carried out by a few threads of the engine's own. Nothing that it started outlives ``close``.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from dreamnet_actions.testing.github.actions import (
    concurrency,
    contexts,
    dispatching,
    permissions,
    processes,
    telling,
    triggers,
)
from dreamnet_actions.testing.github.actions.act import ActOptions
from dreamnet_actions.testing.github.actions.admission import Admission, replaced
from dreamnet_actions.testing.github.actions.concurrency import Effect, Group
from dreamnet_actions.testing.github.actions.lexer import ExpressionMistake
from dreamnet_actions.testing.github.actions.registry import Entry, Registry
from dreamnet_actions.testing.github.actions.repository import Repository
from dreamnet_actions.testing.github.actions.running import AttemptRunner
from dreamnet_actions.testing.github.actions.runs import BAD, Annotation, Attempt, NotNow, Run
from dreamnet_actions.testing.github.actions.sources import Trees
from dreamnet_actions.testing.github.actions.workflow import Workflow
from dreamnet_actions.testing.github.hosting import Event, Host

Say = Callable[[str], None]
MOST_ATTEMPTS = 50
MOST_READ = 500
"""Commits whose workflow files are kept."""
log = logging.getLogger("dreamnet")


class Engine:
    """Runs the workflows of a host's repositories with act.

    ``folder`` is the engine's own; ``default_permissions`` are those of a token where a workflow names none;
    ``say`` is told what starts and ends. Safe for several threads.
    """

    def __init__(
        self,
        host: Host,
        folder: Path,
        *,
        options: ActOptions | None = None,
        default_permissions: Mapping[str, str] = permissions.RESTRICTED,
        say: Say = lambda _text: None,
    ) -> None:
        self.host = host
        self.options = options or ActOptions()
        self.registry = Registry()
        self._default = default_permissions
        self._say = say
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._trees = Trees(host, folder / "trees")
        self._ids = itertools.count(1_000_001)
        self._admission = Admission(lambda: next(self._ids), self._follow)
        self._runs: dict[int, Run] = {}
        self._runners: dict[int, AttemptRunner] = {}
        self._futures: dict[int, Future[None]] = {}
        self._changed = threading.Condition(threading.RLock())
        self._workers = ThreadPoolExecutor(self.options.at_once, thread_name_prefix="sandbox-run")
        self._read: dict[str, list[Workflow]] = {}
        self._closed = False
        self.secret = secrets.token_urlsafe(18)
        self._tracking = f"github_{secrets.token_hex(6)}"
        host.subscribe(self._listen)

    # ── Events ───────────────────────────────────────────────────────────────────────────────────────────

    def _listen(self, event: Event) -> None:
        self.hear(event)

    def hear(self, event: Event) -> list[Run]:
        """Start what an event starts; answer the runs."""
        if self._closed:
            return []
        repository = self._trees.repository(event.repository)
        if repository is None:  # renamed or removed meanwhile
            return []
        head = repository.resolve(f"{triggers.BRANCH}{self.host.default_branch(event.repository)}")
        at = triggers.heard_at(event, head or event.sha)
        if at == triggers.NOTHING or repository.resolve(at) is None:
            return []
        self._learn(event.repository, repository, head)
        message = repository.message(at)
        chosen = triggers.choose(
            self._files(repository, at),
            event,
            disabled=lambda path: self.registry.is_disabled(event.repository, path),
            # What merging a pull request would change is what its commit has beyond its first parent.
            changed=lambda: repository.changed(
                str(event.payload.get("before") or "") if event.name == "push" else "", event.sha
            ),
            message=message,
        )
        return [self._start(one.workflow, event, at, message) for one in chosen]

    def dispatch(
        self,
        repository: str,
        workflow: str | int,
        *,
        ref: str,
        inputs: Mapping[str, Any] | None = None,
        actor: str = "octocat",
        by_workflow: bool = False,
    ) -> Run:
        """Start a workflow by ``workflow_dispatch`` (by id, file name or path).

        Raises LookupError for an unknown workflow, and DispatchRefused for a ref, trigger or input that GitHub
        refuses.
        """
        git = Repository(self.host.git_dir(repository))
        entry = self.entry(repository, workflow)
        full = git.full_ref(ref)
        sha = git.resolve(full) if full else None
        if full is None or sha is None:
            raise dispatching.DispatchRefused(f"No ref found for: {ref}")
        found = next((one for one in self._files(git, sha) if one.path == entry.path), None)
        if found is None:
            raise LookupError(entry.path)
        if self.registry.is_disabled(repository, entry.path):
            raise dispatching.DispatchRefused("Cannot trigger a 'workflow_dispatch' on a disabled workflow")
        if found.mistakes:
            raise dispatching.DispatchRefused(f"failed to parse workflow: {found.mistakes[0]}")
        told = {"inputs": dispatching.settle(found, inputs or {}), "ref": full, "workflow": entry.path}
        event = Event(
            name="workflow_dispatch",
            repository=repository,
            ref=full,
            sha=sha,
            payload=self.host.payload(repository, actor) | told,
            actor=actor,
            by_workflow=by_workflow,
            workflow=entry.path,
        )
        return self._start(found, event, sha, git.message(sha))

    def entry(self, repository: str, workflow: str | int) -> Entry:
        """Answer a workflow's entry by id, file name or path; raises LookupError."""
        self.workflows(repository)
        return self.registry.find(repository, workflow)

    def workflows(self, repository: str) -> list[Entry]:
        """Answer the workflows that a repository has on its default branch, or had."""
        git = Repository(self.host.git_dir(repository))
        head = git.resolve(f"{triggers.BRANCH}{self.host.default_branch(repository)}")
        self._learn(repository, git, head)
        return self.registry.all(repository)

    def _learn(self, name: str, repository: Repository, head: str | None) -> None:
        self.registry.learn(name, self._files(repository, head) if head else [], self.host.clock.now())

    def _files(self, repository: Repository, sha: str) -> list[Workflow]:
        """Answer a commit's workflow files; a commit never changes, so each is read once."""
        if (known := self._read.get(sha)) is None:
            known = repository.workflows(sha)
            if len(self._read) >= MOST_READ:
                self._read.clear()
            self._read[sha] = known
        return known

    # ── Runs ─────────────────────────────────────────────────────────────────────────────────────────────

    def runs(self, repository: str) -> list[Run]:
        """Answer a repository's runs, the newest first."""
        with self._changed:
            return [one for one in reversed(self._runs.values()) if one.repository == repository]

    def all_runs(self) -> list[Run]:
        """Answer the runs of all repositories, the newest first."""
        with self._changed:
            return list(reversed(self._runs.values()))

    def knows(self, secret: str) -> bool:
        """Say whether an address of logs is one that this engine gave out."""
        return secrets.compare_digest(secret.encode(), self.secret.encode())

    def run(self, id_: int) -> Run:
        """Answer a run; raises KeyError."""
        return self._runs[id_]

    def _start(self, workflow: Workflow, event: Event, sha: str, message: str) -> Run:
        entry = self.registry.entry(event.repository, workflow, self.host.clock.now())
        default = f"{triggers.BRANCH}{self.host.default_branch(event.repository)}"
        ref = event.ref if sha == event.sha else default
        id_, number = next(self._ids), self.registry.next_number(event.repository, workflow.path)
        given = event.payload.get("inputs")
        inputs = dispatching.typed(workflow.dispatch_inputs, given) if isinstance(given, Mapping) else {}
        urls = (self.host.api_url, self.host.server_url)
        context = contexts.github(
            event, workflow, sha=sha, ref=ref, run_id=id_, number=number, attempt=1, urls=urls
        )
        known = {"github": context, "inputs": inputs, "vars": dict(self.host.variables(event.repository))}
        wrong = ""
        group: Group | None = None
        name = workflow.name
        try:
            if not workflow.mistakes:
                name = contexts.title(event, workflow, known, message)
                group = concurrency.read(workflow.data.get("concurrency"), known)
        except ExpressionMistake as mistake:
            wrong = f"The workflow is not valid. {workflow.path}: {mistake}"
        run = Run(
            id=id_,
            number=number,
            repository=event.repository,
            workflow_id=entry.id,
            workflow=workflow,
            event=event,
            sha=sha,
            ref=ref,
            title=name,
            group=group,
            inputs=inputs,
        )
        run.attempts.append(Attempt(number=1, created_at=self.host.clock.now(), actor=event.actor))
        with self._changed:
            self._runs[run.id] = run
        if wrong:
            run.annotations.append(Annotation(level="error", message=wrong, file=workflow.path))
            self._end(run, "startup_failure")
        else:
            self._enter(run)
        return run

    def _enter(self, run: Run) -> None:
        with self._changed:
            effect = self._admission.groups(run.repository).enter(run.id, run.group)
            if run.id not in effect.start and run.id not in effect.cancel:
                run.now.status = "pending"
        self._follow(effect, run.group)

    def _follow(self, effect: Effect, group: Group | None) -> None:
        self._admission.tell(effect, group)
        for run in self._those(effect.cancel):
            run.annotations.append(Annotation(level="error", message=replaced(group)))
            self._end(run, "cancelled", leave=False)
        for run in self._those(effect.interrupt):
            with contextlib.suppress(NotNow):
                self.cancel(run)
        for run in self._those(effect.start):
            self._submit(run)

    def _those(self, numbers: list[int]) -> list[Run]:
        return [self._runs[one] for one in numbers if one in self._runs]

    def _submit(self, run: Run) -> None:
        with self._changed:
            if self._closed:
                return
            run.now.status = "queued"
            self._futures[run.id] = self._workers.submit(self._carry_out, run)

    def _carry_out(self, run: Run) -> None:
        runner = AttemptRunner(
            self.host,
            self._trees,
            self.options,
            run,
            folder=self._folder / "runs" / f"{run.id}-{run.now.number}",
            default=self._default,
            new_id=lambda: next(self._ids),
            keeper=self._admission.keeper(run),
            tracking=self._tracking,
        )
        with self._changed:
            if run.status == "completed" or self._closed:
                return
            self._runners[run.id] = runner
            run.now.status, run.now.started_at = "in_progress", self.host.clock.now()
        self._say(telling.began(run))
        conclusion = "failure"
        try:
            conclusion = runner.go()
        except Exception as bug:
            run.now.log.append(f"This is a bug of the sandbox: {type(bug).__name__}: {bug}")
            log.exception("A bug of the sandbox ended %s", run.title)
        finally:
            self._end(run, conclusion)

    def _end(self, run: Run, conclusion: str, *, leave: bool = True) -> None:
        with self._changed:
            attempt = run.now
            if attempt.status == "completed":
                return
            attempt.status, attempt.conclusion = "completed", conclusion
            attempt.completed_at = self.host.clock.now()
            self._runners.pop(run.id, None)
            self._futures.pop(run.id, None)
            effect = self._admission.groups(run.repository).leave(run.id) if leave else Effect()
            run.ended.set()
        for line in telling.ended(run, self.host.server_url):
            self._say(line)
        self._follow(effect, run.group)
        with self._changed:
            self._changed.notify_all()

    def cancel(self, run: Run) -> None:
        """Cancel a run; returns at once. Raises NotNow for one that has ended."""
        with self._changed:
            if run.status == "completed":
                raise NotNow("Cannot cancel a workflow run that is completed.")
            runner = self._runners.get(run.id)
            if runner is None:
                future = self._futures.get(run.id)
                if future is not None:
                    future.cancel()
        if runner is None:
            self._end(run, "cancelled")
        else:
            threading.Thread(target=runner.cancel, name=f"sandbox-cancel-{run.id}", daemon=True).start()

    def rerun(self, run: Run, *, actor: str = "octocat", failed_only: bool = False) -> None:
        """Run it again as a new attempt; ``failed_only`` keeps the jobs that succeeded. Raises NotNow."""
        with self._changed:
            if run.status != "completed":
                raise NotNow("This workflow is already running")
            if len(run.attempts) >= MOST_ATTEMPTS:
                raise NotNow(f"This workflow run cannot be retried: it was run {MOST_ATTEMPTS} times")
            if failed_only and run.conclusion not in BAD:
                raise NotNow("This workflow run cannot be retried: no job of it failed")
            kept = (
                {one.path: dict(one.outputs) for one in run.jobs if one.conclusion == "success"}
                if failed_only
                else {}
            )
            run.attempts.append(
                Attempt(
                    number=len(run.attempts) + 1, created_at=self.host.clock.now(), actor=actor, kept=kept
                )
            )
            run.ended.clear()
        self._enter(run)

    # ── Waiting and ending ───────────────────────────────────────────────────────────────────────────────

    def busy(self) -> list[Run]:
        """Answer the runs that have not ended."""
        with self._changed:
            return [one for one in self._runs.values() if one.status != "completed"]

    def wait_idle(self, seconds: float, say: Say | None = None) -> None:
        """Wait until no run is under way or waits; tells ``say`` every few seconds what is. Raises TimeoutError.

        What a run causes (an issue, a dispatch) is counted too: it starts before the run that caused it ends.
        """
        end = time.monotonic() + seconds
        with self._changed:
            while busy := self.busy():
                left = end - time.monotonic()
                told = ", ".join(map(str, busy))
                if left <= 0:
                    logs = "\n".join(one.log[-2000:] for one in busy)
                    raise TimeoutError(f"After {seconds:g} s still under way: {told}\n{logs}")
                if not self._changed.wait(min(left, 5.0)) and say is not None:
                    say(f"waiting for {told}, at most {left:.0f} s more")

    def close(self) -> None:
        """End every run and every process of theirs. A second call does nothing."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            runners = list(self._runners.values())
            futures = list(self._futures.values())
        for future in futures:
            future.cancel()
        for runner in runners:
            runner.kill()
        self._workers.shutdown(wait=True, cancel_futures=True)
        processes.kill_tracked(self._tracking)
        for run in self.busy():
            self._end(run, "cancelled")
