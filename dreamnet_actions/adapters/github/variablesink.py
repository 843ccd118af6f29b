"""GitHubVariablesSink: Actions variables, which GitHub gives back (the port ``SecretSink``).

A former set's values lie in files of DreamNet's own directory, readable by the owner only. A runner of GitHub's has no
such directory from one job to the next: there ``restore`` knows no former set, and EnvKeeper reads it at its source.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import ClassVar

from dreamnet_actions.adapters.github.options import GitHubVariablesOptions
from dreamnet_actions.adapters.github.remembered import Held, Record
from dreamnet_actions.adapters.github.shelf import Shelf
from dreamnet_actions.domain.secret import SecretValue, SinkState, Versioned, with_kept
from dreamnet_actions.errors import DreamNetError, NotFound, StateDamaged
from dreamnet_actions.ports.secrets import SecretSink
from dreamnet_actions.ports.site import Keep, Site

SETS_KEPT = 10
"""How many sets of values are kept in files."""


class GitHubVariablesSink(SecretSink):
    """The variables of one repository or environment; those that others made are left alone, unless ``adopt``."""

    public = True

    WRITES: ClassVar[frozenset[str]] = SecretSink.WRITES
    keeps = False
    outlives = True
    services: Collection[str] = ()

    def __init__(
        self, shelf: Shelf, keep: Keep, sets: Path, *, hash_key: Callable[[], bytes], adopt: bool = False
    ) -> None:
        self._shelf, self._keep, self._adopt, self._hash_key = shelf, keep, adopt, hash_key
        self.name = shelf.name
        self._key = f"sink/{shelf.name}"
        self._sets = sets / f"variables-{hashlib.sha256(shelf.name.encode()).hexdigest()[:12]}"

    @classmethod
    def at(cls, options: GitHubVariablesOptions, site: Site) -> GitHubVariablesSink:
        """Make the sink of the place that the options name."""
        shelf = Shelf.at("variables", options.github_variables, options.of, site)
        return cls(shelf, site.kept(), site.state / "sinks", hash_key=site.hash_key, adopt=options.adopt)

    def state(self) -> SinkState:
        """Answer what is remembered, compared with the times that GitHub tells."""
        record = Record.read(self._keep, self._key)
        if not record.ours and record.revision is None:
            return SinkState()
        return record.state(self._shelf.listed())

    def write(self, values: Mapping[str, Versioned], keep: Mapping[str, str] | None = None) -> str:
        """Write what differs; a write that fails puts back everything that it had changed."""
        record, there = Record.read(self._keep, self._key), self._shelf.listed()
        before = {name: str(one["value"]) for name, one in there.items()}
        held = {name: SecretValue(before[name]) for name in record.names if name in before}
        whole = with_kept(values, keep, lambda: held, self.name)
        gone = sorted((record.ours & there.keys()) - whole.keys())
        foreign = set() if self._adopt else (whole.keys() & there.keys()) - record.ours
        self._shelf.refuse(whole, foreign, len((there.keys() | whole.keys()) - set(gone)))
        texts = {name: one.value.reveal() for name, one in sorted(whole.items())}
        versions = {name: one.version for name, one in whole.items()}
        revision = self._revision_of(texts)
        changed = [name for name, text in texts.items() if before.get(name) != text]
        record.about_to(frozenset([*changed, *gone])).write(self._keep, self._key, first=True)
        self._remember(revision, texts, versions)
        done: list[str] = []
        try:
            for name in [*changed, *gone]:
                done.append(name)  # first: an answer that is lost says nothing of what was done
                self._put(name, texts.get(name), name in before)
        except DreamNetError as error:
            self._take_back(error, record, {name: before.get(name) for name in reversed(done)})
            raise
        times = {name: str(one["updated_at"]) for name, one in self._shelf.listed().items()}
        names = {
            name: Held(version=version, at=times.get(name, "")) for name, version in sorted(versions.items())
        }
        record.became(revision, names).write(self._keep, self._key)
        return revision

    def read_back(self) -> Mapping[str, SecretValue]:
        """Answer what is there of ours now."""
        record = Record.read(self._keep, self._key)
        if not record.names:
            return {}
        there = self._shelf.listed()
        return {name: SecretValue(str(there[name]["value"])) for name in record.names if name in there}

    def restore(self, revision: str) -> None:
        """Make a former set current again. Raises NotFound where its values are in no file here."""
        self.write(self.former_set(revision))

    def former_set(self, revision: str) -> Mapping[str, Versioned]:
        """Answer what a set held whose values are in a file here."""
        file = self._sets / f"{revision}.json"
        if not re.fullmatch(r"[0-9a-f]{12}", revision) or not file.exists():
            raise NotFound(
                f"set of values in {self.name}", revision, [one.stem for one in self._sets.glob("*.json")]
            )
        try:
            data = json.loads(file.read_bytes())
            return {
                str(name): Versioned(value=SecretValue(text), version=version)
                for name, (text, version) in data.items()
            }
        except (ValueError, TypeError, AttributeError) as error:
            raise StateDamaged(str(file), type(error).__name__) from error

    # ── inside ──────────────────────────────────────────────────────────────────────────────────────────

    def _put(self, name: str, text: str | None, there: bool) -> None:
        """Make one variable what it is to be; None: it is not to be."""
        if text is None:
            self._shelf.call("DELETE", f"/{name}")
        elif there:
            self._shelf.call("PATCH", f"/{name}", body={"value": text})
        else:
            self._shelf.call("POST", body={"name": name, "value": text})

    def _take_back(self, error: DreamNetError, record: Record, former: Mapping[str, str | None]) -> None:
        """Put back what a failed write had changed; remember what could not be, and say so."""
        left = set()
        for name, text in former.items():
            try:
                self._back(name, text)
            except DreamNetError:
                left.add(name)
        record.about_to(frozenset(left)).write(self._keep, self._key)
        said = f"{self.name} may hold the new value of {', '.join(sorted(left))} already."
        error.message = f"{error.message} {said if left else 'What was written is put back.'}"
        error.args = (error.message,)

    def _back(self, name: str, text: str | None) -> None:
        try:
            self._put(name, text, there=True)
        except NotFound:  # it never came to be, or it was deleted
            if text is not None:
                self._put(name, text, there=False)

    def _remember(self, revision: str, texts: Mapping[str, str], versions: Mapping[str, str]) -> None:
        """Keep the set's values in a file of its own, and the newest of them all."""
        self._sets.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = self._sets / f"{revision}.json"
        new = file.with_suffix(".new")
        data = json.dumps({name: [text, versions[name]] for name, text in texts.items()})
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
            stream.write(data)
        new.replace(file)
        kept = sorted(self._sets.glob("*.json"), key=lambda one: one.stat().st_mtime_ns, reverse=True)
        for old in kept[SETS_KEPT:]:
            old.unlink(missing_ok=True)

    def _revision_of(self, texts: Mapping[str, str]) -> str:
        text = json.dumps(sorted(texts.items())).encode("ascii")
        return hmac.new(self._hash_key(), text, hashlib.sha256).hexdigest()[:12]
