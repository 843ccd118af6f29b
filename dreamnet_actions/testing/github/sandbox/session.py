"""One sandbox from start to end: stand-in, engine, schedules and page around a user's repository."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import dreamnet_actions
from dreamnet_actions.errors import DeadlineExceeded, RequestInvalid
from dreamnet_actions.ports.system import Clock
from dreamnet_actions.testing.github.actions.act import ActOptions, find_act
from dreamnet_actions.testing.github.actions.dispatching import DispatchRefused
from dreamnet_actions.testing.github.actions.repository import Repository
from dreamnet_actions.testing.github.actions.runs import Run
from dreamnet_actions.testing.github.actions.telling import happened
from dreamnet_actions.testing.github.actions.together import GitHubWithActions
from dreamnet_actions.testing.github.gitstore import ZERO
from dreamnet_actions.testing.github.hosting import Event
from dreamnet_actions.testing.github.pushes import moved
from dreamnet_actions.testing.github.records import Named
from dreamnet_actions.testing.github.sandbox import house, leftovers
from dreamnet_actions.testing.github.sandbox.importing import UserRepository
from dreamnet_actions.testing.github.sandbox.machine import Machine
from dreamnet_actions.testing.github.sandbox.pages import Pages
from dreamnet_actions.testing.google.seeded import SeededGoogle, Wishes

EVENTS = ("push", "schedule", "workflow_dispatch", "repository_dispatch")
"""What ``once`` may start."""
_LOOK = 0.5
"""Seconds between two looks at the schedules."""
_PROGRESS = 15.0
_NAMED = 5
"""Files that are named where some are not committed."""


@dataclass(frozen=True, kw_only=True)
class SandboxOptions:
    """What a sandbox is for. ``folder`` is the user's repository, ``path`` the PATH of every step; ``every``
    replaces the schedules' own times (seconds); ``house`` the checkout behind ``dreamnet/dreamnet@…``, if not
    the one that runs. ``environ`` is this machine's environment: what of it steps see is ``Machine``'s to say.
    ``end_services`` ends what runs by a state folder, and answers how many platforms that were. ``google``: have a
    Google Cloud of one's own beside it, too."""

    folder: Path
    path: str
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    end_services: Callable[[Path], int] = lambda _state: 0
    name: str | None = None
    port: int = 0
    dirty: bool = False
    every: float | None = None
    house: Path | None = None
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    google: Wishes | None = None


class Sandbox:
    """A sandbox, for as long as the ``with`` block lasts. ``say`` is told lines for people. What it makes on
    disk goes with it; the user's repository is only read."""

    def __init__(self, options: SandboxOptions, clock: Clock, say: Callable[[str], None]) -> None:
        self._options = options
        self._clock = clock
        self._say = say
        find_act()  # before anything is made
        self._user = UserRepository(options.folder, dirty=options.dirty)
        self.name = options.name or self._user.name
        self.branch = self._user.branch
        if leftovers.sweep(Path(tempfile.gettempdir()), options.end_services):
            say("Ended what a sandbox that was killed had left.")
        self._root = Path(tempfile.mkdtemp(prefix=leftovers.PREFIX))
        self._alive = leftovers.live(self._root)
        self._machine = Machine(self._root, options.environ)
        self._pages = Pages()
        self.google: SeededGoogle | None = None
        if options.google is not None:
            self.google = SeededGoogle(self._root / "google", clock.now, options.google)
            self._pages.google = self.google
        environment = {**self._machine.environment(), **(self.google.environment() if self.google else {})}
        self.github = GitHubWithActions(
            clock=clock,
            root=self._root,
            extend=[self._pages],
            port=options.port,
            options=ActOptions(path=options.path, environment=environment),
            every=options.every,
            say=say,
        )

    def __enter__(self) -> Self:
        try:
            self.github.__enter__()
        except OSError as error:
            self._clear()
            raise _wrong(
                [f"The port {self._options.port} of 127.0.0.1 cannot be taken: {error.strerror}."]
            ) from None
        try:
            self._fill()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.github.__exit__(kind, error, trace)
            self._options.end_services(self._machine.state)
        finally:
            self._clear()

    def _clear(self) -> None:
        if self.google is not None:
            self.google.close()
        shutil.rmtree(self._root, ignore_errors=True)
        self._alive.close()

    def _fill(self) -> None:
        github = self.github
        github.create_repository(self.name, default_branch=self.branch)
        store = github.world.git(github.world.repository(self.name))
        self.sha = self._user.bring(store, self.branch, dirty=self._options.dirty, now=self._clock.now())
        self._add_house()
        with github.world.lock:
            now = self._clock.now()
            kept = github.world.repository(self.name).secrets
            kept.update({name: Named(name, value, now, now) for name, value in self._options.secrets.items()})
            state = Named("DREAMNET_STATE", str(self._machine.state), now, now)
            github.world.repository(self.name).variables[state.name] = state
        owner = self.name.partition("/")[0]
        token = github.person(owner, "admin")
        self.credentials = self._secret_file(
            "credentials", f"http://{owner}:{token}@{github.server_url[7:]}\n"
        )
        self.token_file = self._secret_file("token", token)
        self.address = f"{github.server_url}/{self.name}"
        self._pages.attach(
            github.engine, self.push_command, unseen="" if self.name.lower() == house.NAME else house.NAME
        )
        github.schedules.watch(self.name)
        github.subscribe(self._hear)
        self._tell_what_lacks()

    def _tell_what_lacks(self) -> None:
        """Say what of the folder is not here, and that nothing would start: both look as if it did nothing."""
        left = [] if self._options.dirty else self._user.uncommitted()
        if left:
            names = ", ".join(left[:_NAMED]) + (
                f" and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
            )
            self._say(f"Not committed, so not in it: {names}. Commit, or start it with --dirty.")
        if not self.github.engine.workflows(self.name):
            self._say(f"There is no workflow on {self.branch}, so nothing starts. Write some: dreamnet init")

    def _hear(self, event: Event) -> None:
        if (line := happened(event)) is not None:
            self._say(line)

    def _add_house(self) -> None:
        """Have ``dreamnet/dreamnet@…`` mean the DreamNet that runs, by every ref that the user's workflows name."""
        if self.name.lower() == house.NAME:
            return
        github, package = self.github, Path(dreamnet_actions.__file__).parent
        place = self._options.house or house.checkout(package)
        if place is not None:
            github.create_repository(house.NAME)
            store = github.world.git(github.world.repository(house.NAME))
            sha = UserRepository(place, dirty=True).bring(store, "main", dirty=True, now=self._clock.now())
        else:
            files = house.installed(package)
            if not files:
                self._say(
                    f"This DreamNet was built without its action: workflows cannot use {house.NAME}@… here."
                )
                self._say("  Name a checkout of it: dreamnet sandbox --action FOLDER")
                return
            github.create_repository(house.NAME, files=files)
            store = github.world.git(github.world.repository(house.NAME))
            sha = store.head("main")
        texts = [path.read_bytes() for path in self._workflow_files() if path.is_file()]
        repository = Repository(store.path)
        for ref in house.refs(texts) | {"v1"}:
            if repository.resolve(ref) is None and store.valid_ref(f"refs/tags/{ref}"):
                store.set_ref(f"refs/tags/{ref}", sha, ZERO)

    def _workflow_files(self) -> list[Path]:
        folder = self._user.root / ".github" / "workflows"
        return sorted([*folder.glob("*.yml"), *folder.glob("*.yaml")])

    def _secret_file(self, name: str, text: str) -> Path:
        file = self._root / name
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(text)
        return file

    @property
    def push_command(self) -> str:
        """The command that pushes to the sandbox; the token is read from a file."""
        return f"git -c credential.helper='store --file={self.credentials}' push {self.address} {self.branch}"

    # ── Events ───────────────────────────────────────────────────────────────────────────────────────────

    def push(self) -> None:
        """Tell of what was brought as of a push."""
        world = self.github.world
        repository = world.repository(self.name)
        ref = f"refs/heads/{self.branch}"
        for event in moved(world, repository, ref, ZERO, self.sha, repository.owner, by_workflow=False):
            world.emit(event)

    def start(self, event: str, workflow: str | None, inputs: Mapping[str, str]) -> list[Run]:
        """Start one event and answer its runs: ``workflow`` is the file that a button is of, or the type of a
        dispatch.

        Raises RequestInvalid for what cannot be started, and says what there is.
        """
        engine = self.github.engine
        if event == "push":
            self.push()
        elif event == "schedule":
            self._schedule(workflow)
        elif event == "workflow_dispatch":
            self._button(workflow, inputs)
        elif event == "repository_dispatch":
            self._dispatch(workflow or "", inputs)
        else:
            raise _wrong([f"The event {event!r} cannot be started here; {', '.join(EVENTS)} can."])
        return engine.runs(self.name)

    def _button(self, workflow: str | None, inputs: Mapping[str, str]) -> None:
        engine = self.github.engine
        entries = engine.workflows(self.name)
        found = [one for one in entries if one.workflow and "workflow_dispatch" in one.workflow.on]
        names = ", ".join(one.workflow.file for one in found if one.workflow) or "none"
        if workflow is None and len(found) != 1:
            raise _wrong([f"Which workflow? Those with a button: {names}. Say it by --workflow FILE."])
        try:
            engine.dispatch(
                self.name, workflow or found[0].path, ref=self.branch, inputs=inputs, actor=self._owner
            )
        except LookupError:
            raise _wrong([f"There is no workflow {workflow!r}. Those with a button: {names}."]) from None
        except DispatchRefused as refused:
            raise _wrong([str(refused)]) from None

    def _schedule(self, workflow: str | None) -> None:
        for entry in self.github.engine.workflows(self.name):
            file = entry.workflow
            if file is None or file.mistakes or workflow not in {None, file.file, file.path}:
                continue
            for line in file.on.get("schedule") or ():
                self._emit("schedule", str(line["cron"]), {"schedule": str(line["cron"])}, file.path)

    def _dispatch(self, kind: str, inputs: Mapping[str, str]) -> None:
        if not kind:
            raise _wrong(["Which type? Say the dispatch's event_type by --workflow TYPE."])
        self._emit(
            "repository_dispatch",
            kind,
            {"action": kind, "branch": self.branch, "client_payload": dict(inputs)},
        )

    def _emit(
        self, name: str, action: str, payload: Mapping[str, object], workflow: str | None = None
    ) -> None:
        github = self.github
        github.emit(
            Event(
                name=name,
                action=action,
                repository=self.name,
                ref=f"refs/heads/{self.branch}",
                sha=self.sha,
                payload={**payload, **github.payload(self.name, self._owner)},
                actor=self._owner,
                workflow=workflow,
            )
        )

    @property
    def _owner(self) -> str:
        return self.name.partition("/")[0]

    # ── Time ─────────────────────────────────────────────────────────────────────────────────────────────

    def live(self, stop: threading.Event, seconds: float | None) -> None:
        """Serve, and bring schedules when they are due, for so long (None: until ``stop`` is set)."""
        end = None if seconds is None else self._clock.monotonic() + seconds
        while not stop.is_set() and (end is None or self._clock.monotonic() < end):
            self.github.schedules.tick()
            stop.wait(_LOOK)

    def finish(self, stop: threading.Event, seconds: float) -> list[Run]:
        """Wait until nothing runs any more (or ``stop`` is set); answer the runs, the oldest first.

        Raises DeadlineExceeded.
        """
        began = told = self._clock.monotonic()
        engine = self.github.engine
        while engine.busy() and not stop.is_set():
            now = self._clock.monotonic()
            if now - began >= seconds:
                raise DeadlineExceeded("the runs of the sandbox", seconds)
            if now - told >= _PROGRESS:
                told = now
                self._say(
                    f"waiting for {len(engine.busy())} run(s), at most {began + seconds - now:.0f} s more"
                )
            stop.wait(_LOOK / 5)
        return engine.all_runs()[::-1]


def _wrong(mistakes: list[str]) -> RequestInvalid:
    return RequestInvalid(mistakes, hint="See: dreamnet sandbox --help")
