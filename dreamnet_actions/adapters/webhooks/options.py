"""What the configuration says of the places where people are told that a dream waits for them. Models only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from dreamnet_actions.domain.spec.forms import Variable
from dreamnet_actions.domain.spec.values import STRICT


@dataclass(frozen=True, kw_only=True)
class SlackOptions:
    """Slack's incoming webhook: one message a call."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    url_variable: Variable = "DREAMNET_SLACK_URL"
    """The environment variable that holds the webhook's address, which is a secret."""


@dataclass(frozen=True, kw_only=True)
class WebhookOptions:
    """Any address that takes JSON by POST."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    url_variable: Variable = "DREAMNET_WEBHOOK_URL"
    """The environment variable that holds the address, which is a secret."""
    secret_variable: Variable | None = None
    """The environment variable that holds the secret to sign with; left out, requests are not signed."""
