"""Flags on their way to where services read them: after each change, and by ``publish-flags``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dreamnet_actions.domain.request import AgentRequest
from dreamnet_actions.domain.result import Change, ErrorInfo, Report, warning
from dreamnet_actions.errors import (
    ConfigError,
    DreamNetError,
    PermanentError,
    RefusedError,
    TemporaryError,
)
from dreamnet_actions.keepers.context import Context
from dreamnet_actions.keepers.envkeeper.outcomes import with_errors, worse
from dreamnet_actions.ports.flags import FlagStore, FlagTarget


@dataclass(frozen=True, kw_only=True)
class Publishing:
    """The places that one store's flags are published to."""

    context: Context
    store: FlagStore
    targets: Sequence[FlagTarget]

    def after_change(self, request: AgentRequest, *, at_once: bool) -> list[dict[str, Any]]:
        """Publish what was just changed; answers a finding for each place that could not be written: the change is
        done all the same, and ``publish-flags`` makes up for it.

        A file with mistakes is not published, but for a kill or a turning back: those may not wait for its mending.
        """
        if not self.targets:
            return []
        try:
            if not at_once:
                self.store.read()
            text = self.store.text()
        except (ConfigError, TemporaryError) as error:
            return [warning(f"The flags are not published. {_said(error)}", error)]
        found = []
        for target in self.targets:
            try:
                self.bring(target, text, request)
            except (PermanentError, RefusedError, TemporaryError) as error:
                found.append(warning(f"The flags are not published to {target.name}. {_said(error)}", error))
        return found

    def all(self, request: AgentRequest) -> Report:
        """Write the flags to every place where they are not as they are in their file; one that fails hides no other.

        Raises ConfigError where the file holds mistakes: they are not published.
        """
        self.store.read()
        text = self.store.text()
        names: list[str] = []
        errors: list[DreamNetError] = []
        for target in self.targets:
            try:
                if target.current() != text if request.dry_run else self.bring(target, text, request):
                    names.append(target.name)
            except (PermanentError, RefusedError, TemporaryError) as error:
                errors.append(error)
        if not names and errors:
            raise errors[0]
        if not names:
            return Report(outcome="unchanged", summary="The flags are published as they are.")
        why = "they were not there as they are"
        verb = "Would publish the flags to" if request.dry_run else "The flags are in"
        return Report(
            outcome=worse("planned" if request.dry_run else "done", errors),
            summary=with_errors(f"{verb} {', '.join(names)}.", errors),
            changes=[
                Change(what=f"flags in {one}", after="as they are in their file", why=why) for one in names
            ],
            error=ErrorInfo.of(errors[0]) if errors else None,
        )

    def bring(self, target: FlagTarget, text: str, request: AgentRequest) -> bool:
        """Write the flags to one place, where they are not there already; says whether they were not."""
        if target.current() == text:
            return False
        target.publish(text)
        self.context.note(
            "flags-published",
            f"the flags are in {target.name}",
            request=request,
            data={"target": target.name},
        )
        return True


def _said(error: DreamNetError) -> str:
    return " ".join(error.message.split())
