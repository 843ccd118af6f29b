"""What the configuration says of feature flags. A model only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from dreamnet_actions.domain.spec.env import Chosen
from dreamnet_actions.domain.spec.forms import FileInside
from dreamnet_actions.domain.spec.values import STRICT

Change = Literal["commit", "pull-request"]


@dataclass(frozen=True, kw_only=True)
class Flags:
    """The feature flags of this system."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    file: FileInside
    """The flags' file, in flagd's JSON format, as a path from the configuration's root."""
    change: Change = "commit"
    """How a change gets into the repository in the home `github`: as a commit on its default branch, or as a pull
    request. `kill-flag` and a roll-out that is turned back wait for no review."""
    publish: tuple[Chosen, ...] = ()
    """Where the flags are written to after each change, whole: for a flagd or a provider that reads them there."""
    bucketing: Literal["v3", "v2"] = "v3"
    """How `fractional` places a caller when DreamNet evaluates: `v3` as flagd's Python provider from 0.6, `v2` as those
    before it and flagd itself until it follows. The same caller is elsewhere by each."""
