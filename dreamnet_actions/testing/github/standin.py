"""The stand-in for github.com, as tests and ``dreamnet sandbox`` use it: ``StandIn``.

**All of it is ours.** The first plan was our proxy before emulate (npm). It is not done so, for time, faults,
permissions and git have to be one thing: a token that expires, a list that lags and a push that is refused all hang on
the same clock and state, and emulate keeps its own, takes any token and knows no git. emulate is the independent oracle
instead (``tests/github/test_emulate.py``), and GitHub's OpenAPI description judges every request and answer
(``openapi.py``).

**More routes.** ``StandIn(..., extend=[function])``: each function is given the ``World`` and answers Starlette
routes. Those below ``call.API_ROOT`` need a row in ``permissions.NEEDS`` and pass through the same door as ours
(``gate.py``: token, permission, rate limit, ETag, faults, OpenAPI). ``call.rest(method, path, handler)`` makes one; a
handler is ``(Call) -> Answer``; ``locked=False`` where it waits. Other paths (pages) pass through faults and counts
only.

::

    with StandIn(clock=clock, root=tmp_path) as github:
        github.create_repository("octo/shop", files={"README.md": "hello"})
        token = github.person("alice")
        Github(auth=Auth.Token(token), base_url=github.api_url).get_repo("octo/shop")
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from dreamnet_actions.errors import RequestInvalid
from dreamnet_actions.ports.system import Clock
from dreamnet_actions.testing.github.calls import Calls
from dreamnet_actions.testing.github.faults import Faults
from dreamnet_actions.testing.github.gitstore import ZERO, Person
from dreamnet_actions.testing.github.hosting import Event, Host
from dreamnet_actions.testing.github.limits import Quota
from dreamnet_actions.testing.github.tokens import Tokens
from dreamnet_actions.testing.github.world import World

if TYPE_CHECKING:
    from starlette.routing import Route

    from dreamnet_actions.testing.github.gate import Gate
    from dreamnet_actions.testing.github.server import Serving

Extension = Callable[[World], "list[Route]"]
ROLES = ("none", "read", "write", "admin")


def create_app(world: World, check: Path | None = None, extend: Iterable[Extension] = ()) -> Gate:
    """Make the ASGI application over ``world``. ``check`` is GitHub's OpenAPI description; without it nothing is
    judged."""
    from dreamnet_actions.testing.github import githttp
    from dreamnet_actions.testing.github.gate import Gate
    from dreamnet_actions.testing.github.openapi import described
    from dreamnet_actions.testing.github.rest import all_routes

    more = [route for extension in extend for route in extension(world)]
    description = described(check) if check is not None else None
    return Gate(world, [*more, *all_routes(), *githttp.routes(world)], description)


class StandIn(Host):
    """A GitHub of one's own on this machine, for as long as the ``with`` block lasts.

    ``clock`` is its time (virtual in tests), ``root`` the folder for git repositories, ``check`` the path of GitHub's
    OpenAPI description or None, ``port`` 0 for a free one. ``public_reads``: see ``permissions.authorise``.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        root: Path,
        check: Path | None = None,
        extend: Iterable[Extension] = (),
        port: int = 0,
        public_reads: bool = False,
        quota: Quota | None = None,
    ) -> None:
        self.clock = clock
        self.world = World(clock, root, public_reads=public_reads)
        self.world.limits.quota = quota or Quota()
        self._app = create_app(self.world, check, extend)
        self._port = port
        self._serving: Serving | None = None

    def __enter__(self) -> Self:
        from dreamnet_actions.testing.github.server import Serving, listen

        sock = listen(self._port)
        self.world.server_url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        self._serving = Serving(sock, self._app)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._serving is not None:
            self._serving.close()

    # ── What tests ask ───────────────────────────────────────────────────────────────────────────────────

    @property
    def api_url(self) -> str:  # type: ignore[override]
        """Where REST starts (``GITHUB_API_URL``; PyGithub's ``base_url``)."""
        return self.world.api_url

    @property
    def server_url(self) -> str:  # type: ignore[override]
        """Where git and pages are (``GITHUB_SERVER_URL``)."""
        return self.world.server_url

    @property
    def faults(self) -> Faults:
        """What goes wrong on purpose."""
        return self.world.faults

    @property
    def calls(self) -> Calls:
        """What was asked so far."""
        return self.world.calls

    @property
    def tokens(self) -> Tokens:
        """The tokens, and which permissions of a job were never used (``tokens.unused(job)``)."""
        return self.world.tokens

    @property
    def violations(self) -> list[str]:
        """What the OpenAPI description does not allow, and every bug of the stand-in itself. A test asserts none."""
        return self._app.violations

    # ── What tests set up ────────────────────────────────────────────────────────────────────────────────

    def create_repository(
        self,
        full_name: str,
        *,
        files: Mapping[str, str | bytes] | None = None,
        default_branch: str = "main",
        private: bool = False,
    ) -> None:
        """Make ``owner/name``; with ``files`` a first commit that holds them. No event tells of it: it was there
        before the story starts. Raises ValueError where it is there already."""
        from dreamnet_actions.testing.github.githttp import install_hook

        made = self.world.create_repository(full_name, default_branch, private)
        install_hook(self.world.git(made).path)
        if files:
            self._commit(full_name, files, "Initial commit", default_branch, made.owner.login, tell=False)

    def commit(
        self,
        full_name: str,
        files: Mapping[str, str | bytes | None],
        message: str,
        *,
        branch: str | None = None,
        author: str = "octocat",
    ) -> str:
        """Push one commit that sets ``files`` (None removes) to ``branch``, as the person ``author``, and answer its
        SHA. A branch that is not there starts from the default branch."""
        return self._commit(
            full_name, files, message, branch or self.default_branch(full_name), author, tell=True
        )

    def person(self, login: str, permission: str = "write", *, repository: str | None = None) -> str:
        """Give a person a role (``none``, ``read``, ``write``, ``admin``), everywhere or in one repository, and answer
        a fresh classic token of theirs. Raises RequestInvalid for another role."""
        if permission not in ROLES:
            raise RequestInvalid([f"The role {permission!r} is none of {', '.join(ROLES)}."])
        with self.world.lock:
            user = self.world.user(login)
            if repository is None:
                user.role = permission
            else:
                self.world.repository(repository).collaborators[login.lower()] = permission
            return self.world.tokens.personal(user).value

    def fine_grained(self, login: str, permissions: Mapping[str, str]) -> str:
        """Answer a fine-grained token of a person: these permissions and no others, within the person's role."""
        with self.world.lock:
            return self.world.tokens.personal(self.world.user(login), permissions).value

    def rename(self, full_name: str, new: str) -> None:
        """Give a repository the new name ``new``; the former address redirects from now on."""
        self.world.rename(full_name, new)

    # ── Host ─────────────────────────────────────────────────────────────────────────────────────────────

    def git_dir(self, repository: str) -> Path:
        return self.world.git_dir(repository)

    def default_branch(self, repository: str) -> str:
        return self.world.default_branch(repository)

    def secrets(self, repository: str) -> Mapping[str, str]:
        return self.world.secrets(repository)

    def variables(self, repository: str) -> Mapping[str, str]:
        return self.world.variables(repository)

    def workflow_token(self, repository: str, permissions: Mapping[str, str], *, job: str) -> str:
        return self.world.workflow_token(repository, permissions, job=job)

    def revoke(self, token: str) -> None:
        self.world.revoke(token)

    def payload(self, repository: str, actor: str) -> dict[str, Any]:
        return self.world.payload(repository, actor)

    def subscribe(self, listener: Callable[[Event], None]) -> None:
        self.world.subscribe(listener)

    def emit(self, event: Event) -> None:
        self.world.emit(event)

    def _commit(
        self,
        full_name: str,
        files: Mapping[str, str | bytes | None],
        message: str,
        branch: str,
        author: str,
        *,
        tell: bool,
    ) -> str:
        from dreamnet_actions.testing.github.pushes import moved

        world = self.world
        with world.changing() as events:
            repository = world.repository(full_name)
            git, user = world.git(repository), world.user(author)
            before = git.head(branch)
            parent = before if before != ZERO else git.head(repository.default_branch)
            held = {path: one.encode() if isinstance(one, str) else one for path, one in files.items()}
            base = parent if parent != ZERO else None
            person = Person(author, f"{author}@users.noreply.github.com", world.clock.now())
            sha = git.write_commit(git.write_tree(base, held), [base] if base else [], message, person)
            ref = f"refs/heads/{branch}"
            git.set_ref(ref, sha, before)
            if tell:
                events += moved(world, repository, ref, before, sha, user, by_workflow=False)
        return sha
