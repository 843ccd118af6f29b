"""Memory: where one home keeps dreams, messages, the journal and leases, and how a run's end makes them durable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dreamnet_actions.bootstrap.late import adapter, imported
from dreamnet_actions.domain.message import Message
from dreamnet_actions.errors import RequestInvalid
from dreamnet_actions.errors.words import unknown

if TYPE_CHECKING:
    from dreamnet_actions.bootstrap.system import Options
    from dreamnet_actions.domain.spec.models import NeedsHuman
    from dreamnet_actions.errors import StateDamaged
    from dreamnet_actions.ports.conversation import Conversation
    from dreamnet_actions.ports.delivery import ReleaseReporter, Source
    from dreamnet_actions.ports.flags import Document
    from dreamnet_actions.ports.hosting import Hosting
    from dreamnet_actions.ports.keeping import Keeping
    from dreamnet_actions.ports.notices import Notices
    from dreamnet_actions.ports.stores import DreamStore, Journal, Lock, MessageBus
    from dreamnet_actions.ports.system import Clock, Ids, Reporter

HOMES = ("embedded", "github")


def _nothing() -> None:
    pass


def _no_alarm(error: StateDamaged) -> None:
    """Nobody is told but who asked: this home has no other place."""


def _no_page(_number: int) -> str:
    return ""


def _no_message(message: Message) -> None:
    raise RequestInvalid([f"The message {message.id!r} came by an event, which this home has none of."])


@dataclass(frozen=True, kw_only=True)
class Memory:
    """One home's stores. ``barrier`` makes durable what must be known before the outside is touched, ``finish`` the
    rest; ``keeping`` looks through the journal, ``alarm`` tells people that it is damaged; ``releases``, ``source`` and
    ``conversation`` are the home's own way to tell of releases, to read its repository and to talk with its people, if
    any; ``hosting`` and ``watched`` are the host and the same repository once more, for a look at this system itself:
    what that asks is counted apart. ``document`` makes one of its repository's files; ``notices`` is where people
    announce maintenance; ``page`` answers the address of a dream by its number, or nothing."""

    dreams: DreamStore
    journal: Journal
    bus: MessageBus
    lock: Lock
    keeping: Keeping
    close: Callable[[], None]
    barrier: Callable[[], None] = _nothing
    finish: Callable[[], None] = _nothing
    receive_only: Callable[[Message], None] = _no_message
    alarm: Callable[[StateDamaged], None] = _no_alarm
    releases: ReleaseReporter | None = None
    source: Source | None = None
    hosting: Hosting | None = None
    watched: Source | None = None
    conversation: Conversation | None = None
    notices: Notices | None = None
    page: Callable[[int], str] = _no_page
    document: Callable[..., Document] | None = None


def memory_of(
    options: Options, state: Path, clock: Clock, ids: Ids, reporter: Reporter, called: NeedsHuman
) -> Memory:
    """Make the memory of the home that was chosen; ``called`` is who is called when a dream waits for a person.

    Raises RequestInvalid for a home that there is not.
    """
    if options.home == "github":
        from dreamnet_actions.bootstrap.github import github

        return github(options, clock, ids, reporter, called)
    if options.home != "embedded":
        raise RequestInvalid([unknown("home", options.home, HOMES)])
    return embedded(state, clock)


def embedded(state: Path, clock: Clock) -> Memory:
    """Make the memory in SQLite, below the state directory."""
    database = imported("dreamnet_actions.adapters.sqlite.database:open_database")(state / "dreamnet.db")
    return Memory(
        dreams=adapter("DreamStore", "sqlite")(database),
        journal=adapter("Journal", "sqlite")(database),
        bus=adapter("MessageBus", "sqlite")(database, clock),
        lock=adapter("Lock", "sqlite")(database, clock),
        keeping=adapter("Keeping", "sqlite")(database),
        close=database.close,
    )
