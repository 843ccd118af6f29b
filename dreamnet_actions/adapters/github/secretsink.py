"""GitHubSecretsSink: Actions secrets, sealed for the place that keeps them (the port ``SecretSink``).

GitHub gives no value back. So versions are remembered, a change by somebody else is known by its time
(``updated_at``), and a former set is written again from the source (``EnvKeeper``), not from here.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
from collections.abc import Collection, Mapping
from typing import ClassVar

from dreamnet_actions.adapters.github.options import GitHubSecretsOptions
from dreamnet_actions.adapters.github.remembered import Held, Record
from dreamnet_actions.adapters.github.shelf import Shelf
from dreamnet_actions.domain.secret import SecretValue, SinkState, Versioned
from dreamnet_actions.errors import Conflict, DreamNetError, NotFound
from dreamnet_actions.errors.configuration import ExtraMissing
from dreamnet_actions.ports.secrets import SecretSink
from dreamnet_actions.ports.site import Keep, Site


class GitHubSecretsSink(SecretSink):
    """The secrets of one repository or environment; those that others made are left alone, unless ``adopt``."""

    WRITES: ClassVar[frozenset[str]] = SecretSink.WRITES
    readable = False
    keeps = False
    outlives = True
    services: Collection[str] = ()

    def __init__(self, shelf: Shelf, keep: Keep, *, adopt: bool = False) -> None:
        self._shelf, self._keep, self._adopt = shelf, keep, adopt
        self.name = shelf.name
        self._key = f"sink/{shelf.name}"

    @classmethod
    def at(cls, options: GitHubSecretsOptions, site: Site) -> GitHubSecretsSink:
        """Make the sink of the place that the options name."""
        shelf = Shelf.at("secrets", options.github_secrets, options.of, site)
        return cls(shelf, site.kept(), adopt=options.adopt)

    def state(self) -> SinkState:
        """Answer what is remembered, compared with the times that GitHub tells."""
        record = Record.read(self._keep, self._key)
        if not record.ours and record.revision is None:
            return SinkState()
        return record.state(self._shelf.listed())

    def write(self, values: Mapping[str, Versioned], keep: Mapping[str, str] | None = None) -> str:
        """Seal and put ``values``; names of ``keep`` stay. What a write that fails had added is taken away again; what
        it had written over is told, and counts as drift until the next one."""
        keep = keep or {}
        record, there = Record.read(self._keep, self._key), self._shelf.listed()
        if keep.keys() - (record.names.keys() & there.keys()):
            raise Conflict(f"What {self.name} holds")
        gone = sorted((record.ours & there.keys()) - values.keys() - keep.keys())
        foreign = set() if self._adopt else (values.keys() & there.keys()) - record.ours
        self._shelf.refuse(values, foreign, len((there.keys() | values.keys()) - set(gone)))
        sealed = self._sealed(values)
        begun = record.about_to(frozenset([*values, *gone]))
        begun.write(self._keep, self._key, first=True)
        put: list[str] = []
        try:
            for name, body in sealed.items():
                put.append(name)  # first: an answer that is lost says nothing of what was done
                self._shelf.call("PUT", f"/{name}", body=body)
            for name in gone:
                self._delete(name)
        except DreamNetError as error:
            self._take_back(error, record, [name for name in put if name not in there], put)
            raise
        versions = {**keep, **{name: one.version for name, one in values.items()}}
        times = self._times(put, there)
        revision = _revision(versions)
        held = {name: Held(version=version, at=times[name]) for name, version in versions.items()}
        record.became(revision, held).write(self._keep, self._key)
        return revision

    def read_back(self) -> Mapping[str, SecretValue]:
        """Answer nothing: GitHub gives no secret back."""
        return {}

    def restore(self, revision: str) -> None:
        """Raise NotFound for any set but the one that it holds: no value of a former one is kept."""
        state = self.state()
        if revision != state.revision or state.drifted:
            raise NotFound(
                f"set of values in {self.name}", revision, [state.revision] if state.revision else []
            )

    # ── inside ──────────────────────────────────────────────────────────────────────────────────────────

    def _sealed(self, values: Mapping[str, Versioned]) -> dict[str, dict[str, str]]:
        """Seal every value, in the order of names, for the key that the place has now."""
        if not values:
            return {}
        try:
            from nacl.public import PublicKey, SealedBox  # late: only who writes secrets needs it
        except ModuleNotFoundError:
            raise ExtraMissing("The sink github-secrets", "PyNaCl", "github") from None
        key = self._shelf.call("GET", "/public-key")
        box = SealedBox(PublicKey(base64.b64decode(key["key"])))
        return {
            name: {
                "encrypted_value": base64.b64encode(box.encrypt(values[name].value.raw())).decode("ascii"),
                "key_id": str(key["key_id"]),
            }
            for name in sorted(values)
        }

    def _times(self, put: Collection[str], before: Mapping[str, Mapping[str, object]]) -> dict[str, str]:
        """Answer when each was last changed. A list may lag behind: what it shows as before is asked for by name."""
        times = {name: str(one["updated_at"]) for name, one in self._shelf.listed().items()}
        for name in put:
            if name not in times or (name in before and times[name] == before[name]["updated_at"]):
                times[name] = str(self._shelf.call("GET", f"/{name}")["updated_at"])
        return times

    def _delete(self, name: str) -> None:
        with contextlib.suppress(NotFound):  # somebody was faster
            self._shelf.call("DELETE", f"/{name}")

    def _take_back(
        self, error: DreamNetError, record: Record, added: Collection[str], put: Collection[str]
    ) -> None:
        """Delete what a failed write had added; remember what stays touched, and say so."""
        left = set(put) - set(added)
        for name in added:
            try:
                self._delete(name)
            except DreamNetError:
                left.add(name)
        record.about_to(frozenset(left)).write(self._keep, self._key)
        if left:
            names = ", ".join(sorted(left))
            error.message = f"{error.message} {self.name} may hold the new value of {names} already."
            error.args = (error.message,)


def _revision(versions: Mapping[str, str]) -> str:
    """Name a set by its names and versions, for its values are not known here a second time."""
    text = json.dumps(sorted(versions.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:12]
