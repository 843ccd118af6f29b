"""What the configuration says of the environment of a job's next steps. Models only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from dreamnet_actions.domain.spec.values import STRICT


@dataclass(frozen=True, kw_only=True)
class JobEnvironmentOptions:
    """A sink of kind ``job-environment``: variables of the job's next steps, masked. Every later step of that job gets
    them, actions of others included."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    job_environment: Literal["next-steps"]
    """``next-steps``: the word by which it is asked for."""
