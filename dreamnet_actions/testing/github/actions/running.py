"""One attempt of one run, from its files to its end: copy for act, tokens, act itself, what it says, what
remains."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dreamnet_actions.errors import DreamNetError
from dreamnet_actions.testing.github.actions import contexts, restricted
from dreamnet_actions.testing.github.actions.act import ActOptions, ActRun
from dreamnet_actions.testing.github.actions.listening import Listener
from dreamnet_actions.testing.github.actions.plan import JobPlan, Origin, Plan, WorkflowRefused
from dreamnet_actions.testing.github.actions.rewrite import Rewriter
from dreamnet_actions.testing.github.actions.runs import Annotation, Attempt, Run
from dreamnet_actions.testing.github.actions.sources import RunSources, Trees
from dreamnet_actions.testing.github.actions.turns import FOLDER_VARIABLE, Gatekeeper, Turns
from dreamnet_actions.testing.github.hosting import Host


class AttemptRunner:
    """Runs one attempt. ``cancel`` may come from another thread at any time."""

    def __init__(
        self,
        host: Host,
        trees: Trees,
        options: ActOptions,
        run: Run,
        *,
        folder: Path,
        default: Mapping[str, str],
        new_id: Callable[[], int],
        keeper: Gatekeeper,
        tracking: str,
    ) -> None:
        self._host = host
        self._trees = trees
        self._options = options
        self._run = run
        self._attempt: Attempt = run.now
        self._folder = folder
        self._default = default
        self._new_id = new_id
        self._keeper = keeper
        # With a mark at its end, so that no run's id is the beginning of another's.
        self._tracking = f"{tracking}_{run.id}_{self._attempt.number}_"
        self._killed = threading.Event()
        self._act: ActRun | None = None
        self._turns: Turns | None = None
        self._listener: Listener | None = None
        self._cancelled = threading.Event()
        self._tokens: dict[str, str] = {}

    def go(self) -> str:
        """Run it to its end and answer its conclusion."""
        self._folder.mkdir(parents=True, mode=0o700)
        self._attempt.folder = self._folder
        try:
            return self._go()
        except WorkflowRefused as refused:
            self._note(str(refused))
            return refused.conclusion
        except DreamNetError as error:
            self._note(error.message)
            return "failure"
        finally:
            for token in self._tokens.values():
                self._host.revoke(token)
            self._clear()

    def cancel(self) -> None:
        """Cancel as the runner does; returns within about 10 s."""
        self._cancelled.set()
        if self._listener is not None:
            self._listener.cancelled = True
        if self._act is not None:
            self._act.cancel()

    def kill(self) -> None:
        """End it now."""
        self._killed.set()
        self._cancelled.set()
        if self._listener is not None:
            self._listener.cancelled = True
        if self._act is not None:
            self._act.kill()

    def _go(self) -> str:
        run = self._run
        if run.workflow.mistakes:
            for text in run.workflow.mistakes:
                self._note(f"Invalid workflow file: {run.workflow.path}. {text}")
            return "failure"
        context = contexts.github(
            run.event,
            run.workflow,
            sha=run.sha,
            ref=run.ref,
            run_id=run.id,
            number=run.number,
            attempt=self._attempt.number,
            urls=(self._host.api_url, self._host.server_url),
        )
        context["triggering_actor"] = self._attempt.actor
        plan = self._plan(context)
        variables = self._host.variables(run.repository)
        listener = self._listener = Listener(
            plan,
            self._attempt,
            contexts={"github": context, "inputs": run.inputs, "vars": dict(variables)},
            new_id=self._new_id,
            now=self._host.clock.now,
            began=self._began,
            ended=self._ended,
        )
        act = ActRun(
            plan,
            self._folder,
            self._options,
            server_url=self._host.server_url,
            tracking=self._tracking,
            actor=run.event.actor,
        )
        self._attempt.log += plan.notes
        (self._folder / "turns").mkdir()
        turns = self._turns = Turns(plan, self._folder / "turns", self._keeper, cancel=self._replaced)
        if self._cancelled.is_set():
            listener.finish("cancelled")
            return "cancelled"
        act.start(
            payload=run.event.payload,
            environment={**contexts.environment(context), FOLDER_VARIABLE: str(self._folder / "turns")},
            secrets=self._host.secrets(run.repository) if restricted.has_secrets(run.event) else {},
            variables=variables,
        )
        self._act = act
        if self._cancelled.is_set():  # it came in between
            listener.cancelled = True
            act.cancel()
        if self._killed.is_set():
            act.kill()
        try:
            status = act.wait(listener.hear)
        finally:
            turns.close()
        listener.finish("cancelled" if self._cancelled.is_set() else "failure")
        return self._conclude(plan, status)

    def _plan(self, context: Mapping[str, Any]) -> Plan:
        rewriter = Rewriter(
            RunSources(self._trees, self._mint),
            self._folder,
            Origin(self._run.repository, self._run.sha, self._run.sha),
            default=self._default,
            kept=self._attempt.kept,
            facts=contexts.facts(context),
            contexts={
                "github": context,
                "inputs": self._run.inputs,
                "vars": dict(self._host.variables(self._run.repository)),
            },
            identity={} if restricted.is_stranger(self._run.event) else self._options.identity,
        )
        return rewriter.run(self._run.workflow, self._run.event.name)

    def _mint(self, job: JobPlan) -> str:
        permissions = restricted.granted(self._run.event, job.permissions)
        token = self._host.workflow_token(
            self._run.repository, permissions, job=f"{self._run.workflow.file}/{'/'.join(job.path)}"
        )
        self._tokens[job.key] = token
        return token

    def _began(self, job: JobPlan) -> None:
        if self._turns is not None:
            self._turns.begin(job, lambda: self._goes_on(job))

    def _goes_on(self, job: JobPlan) -> None:
        if self._listener is not None:
            self._listener.go_on(job)
        if self._act is not None:
            self._act.watch(job, lambda: self._overdue(job))

    def _replaced(self, job: JobPlan, reason: str) -> None:
        """Another has taken this job's place in its group."""
        self._note(reason, job=job.title)
        if self._listener is not None:
            self._listener.overdue.add(job.key)
        if self._act is not None:
            self._act.end_job(job)

    def _ended(self, job: JobPlan) -> None:
        if self._turns is not None:
            self._turns.end(job)
        if self._act is not None:
            self._act.forget(job)
        # The legs of a matrix share one token, which ends with the run.
        if not job.data.get("strategy") and (token := self._tokens.pop(job.key, None)):
            self._host.revoke(token)

    def _overdue(self, job: JobPlan) -> None:
        if self._listener is not None:
            self._listener.overdue.add(job.key)
        self._note(
            f"The job running on runner sandbox has exceeded the maximum execution time of {job.minutes:g} minutes.",
            job=job.title,
        )

    def _conclude(self, plan: Plan, status: int) -> str:
        if self._cancelled.is_set():
            return "cancelled"
        forgiven = {one.path for one in plan.jobs if one.data.get("continue-on-error") is True}
        found = {one.conclusion for one in self._attempt.jobs if one.path not in forgiven}
        for one in ("failure", "cancelled"):
            if one in found:
                return one
        if status != 0 and not forgiven:
            self._note("\n".join(self._attempt.log[-20:]) or f"act ended with status {status}.")
            return "failure"
        return "skipped" if found == {"skipped"} else "success"

    def _note(self, text: str, job: str = "") -> None:
        self._attempt.annotations.append(
            Annotation(level="error", message=text, job=job, file=self._run.workflow.path)
        )

    def _clear(self) -> None:
        """Leave only the artifacts: the rest holds tokens, or is of no more use."""
        for one in self._folder.iterdir():
            if one.name == "artifacts":
                continue
            if one.is_dir() and not one.is_symlink():
                shutil.rmtree(one, ignore_errors=True)
            else:
                one.unlink(missing_ok=True)
