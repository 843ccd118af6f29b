"""Maintenance as the keeper sees it: which services' faults are nobody's news now. One a request."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

from dreamnet_actions.domain.maintenance import Window, configured, noticed
from dreamnet_actions.domain.times import rfc3339
from dreamnet_actions.errors import PermanentError, RefusedError, TemporaryError
from dreamnet_actions.keepers.context import Context
from dreamnet_actions.ports.notices import Notices

USED = "self/notices"
"""The shared state that says that people announce maintenance here: the hourly look finds out, so that where nobody
does a fault is filed without a request for it."""


@dataclass(frozen=True, kw_only=True)
class Windows:
    """The windows of the configuration, and those of notices: people are asked for only once a fault is confirmed."""

    context: Context
    notices: Notices | None = None

    def over(self, service: str) -> str | None:
        """Say why a service's fault is left alone now; None where it is not under maintenance."""
        now = self.context.clock.now()
        found = _first(configured(self.context.config.maintenance, now), service, now)
        found = found or _first(self._noticed, service, now)
        if found is None:
            return None
        return f"it is under maintenance until {rfc3339(found.ends)[:16]}Z ({found.where})"

    def still(self, service: str) -> str | None:
        """Say why a service's replicas stay as they are now; None where scaling goes on."""
        now = self.context.clock.now()
        windows = [*configured(self.context.config.maintenance, now), *self._noticed]
        found = _first([one for one in windows if not one.scaling], service, now)
        if found is None:
            return None
        return f"it is not scaled under maintenance, until {rfc3339(found.ends)[:16]}Z ({found.where})"

    @functools.cached_property
    def _noticed(self) -> list[Window]:
        """Read what was announced. Where that cannot be asked, nothing was: a fault that is told is less harm."""
        if self.notices is None or not self.context.journal.state(USED)[0]:
            return []
        try:
            standing = self.notices.standing()
        except (TemporaryError, RefusedError, PermanentError) as error:
            self.context.reporter.say(f"Whether there is maintenance could not be asked: {error.message}")
            return []
        found = []
        for one in standing:
            try:
                found.append(noticed(one, self.context.config.services))
            except ValueError as error:
                self.context.reporter.say(f"{one.where} is no maintenance window: {error}")
        return found


def _first(windows: Sequence[Window], service: str, now: float) -> Window | None:
    return next((one for one in windows if one.holds(service, now)), None)
