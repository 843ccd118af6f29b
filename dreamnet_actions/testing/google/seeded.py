"""SeededGoogle: a Google Cloud of one's own with secrets in it, as the sandbox has one beside its GitHub."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dreamnet_actions.testing.google.secretmanager.store import Secret
from dreamnet_actions.testing.google.standin import GoogleStandIn

ACCOUNT = "sandbox"
"""The account that every step is, by the metadata server."""
_NOT_FOR_STEPS = ("SSL_CERT_FILE", "NO_PROXY")
"""Variables that a step has already, for what it fetches from the world outside."""


@dataclass(frozen=True, kw_only=True)
class SeededSecret:
    """A secret that is there from the start. ``location`` is a region, or empty for a global one."""

    project: str
    name: str
    value: str = field(repr=False)
    location: str = ""


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What a cloud begins with. ``projects`` exist; ``accounts`` are service accounts, by their address, that a step
    may act as. Each of them, and the steps' own account, may see and read every secret."""

    projects: Sequence[str]
    secrets: Sequence[SeededSecret] = ()
    accounts: Collection[str] = ()


class SeededGoogle:
    """Google's tokens and Secret Manager on loopback, with what ``wishes`` say. ``close`` ends it. Raises ImportError
    without Google's packages."""

    def __init__(self, folder: Path, now: Callable[[], float], wishes: Wishes) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._google = GoogleStandIn(folder, now)
        world = self._google.world
        world.project = wishes.projects[0]
        server = self.server = self._google.secrets
        for number, project in enumerate(wishes.projects):
            server.store.numbers[project] = str(int(world.number) + number)
        world.machine = f"{ACCOUNT}@{world.project}.iam.gserviceaccount.com"
        for email in (world.machine, *wishes.accounts):
            world.accounts.setdefault(email, None)
            member = f"serviceAccount:{email}"
            world.bind(
                f"serviceAccounts/{email}",
                "roles/iam.serviceAccountTokenCreator",
                f"serviceAccount:{world.machine}",
            )
            for project in wishes.projects:
                for role in ("viewer", "secretAccessor"):
                    server.grant(member, role, project=project)
        for one in wishes.secrets:
            server.put(one.name, one.value, project=one.project, location=one.location)
        self.projects = tuple(wishes.projects)

    @property
    def address(self) -> str:
        """Where Secret Manager is."""
        return self.server.address

    def environment(self) -> dict[str, str]:
        """Answer what a step has to have in its environment to be led here, and nowhere else at Google."""
        found = self._google.environment()
        return {name: value for name, value in found.items() if name not in _NOT_FOR_STEPS and value}

    def secrets(self) -> list[tuple[str, Secret]]:
        """Answer every secret with the name by which people know it (``project/name``)."""
        names = {number: project for project, number in self.server.store.numbers.items()}
        found = []
        for project in self.projects:
            for one in self.server.store.everything(project):
                _, number, *rest = one.name.split("/")
                place = f" ({rest[1]})" if rest[0] == "locations" else ""
                found.append((f"{names[number]}/{one.id}{place}", one))
        return found

    def add(self, name: str, value: str) -> str:
        """Give the secret with a resource's name another version; answers its number. Raises Refusal."""
        return str(self.server.store.add(name, value.encode(), None)[1].number)

    def turn(self, name: str, state: str) -> None:
        """Enable, disable or destroy the newest version of a secret. Raises Refusal."""
        self.server.store.turn(f"{name}/versions/latest", state, "")

    def close(self) -> None:
        """Stop everything."""
        self._google.close()
