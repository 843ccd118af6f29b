"""What the configuration says of a subscription of Google's Pub/Sub that pushes to the gateway."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from dreamnet_actions.domain.spec.forms import matching
from dreamnet_actions.domain.spec.values import STRICT, Written

_ACCOUNT = r"[a-z0-9][a-z0-9-]{4,62}@[a-z0-9.:-]+\.gserviceaccount\.com"
_AUDIENCE = r"[!-~]{1,2000}"
_SUBSCRIPTION = r"projects/[a-z0-9.:-]{1,100}/subscriptions/[A-Za-z][A-Za-z0-9._~+%-]{2,254}"

ServiceAccount = Annotated[
    str,
    Written(
        matching(_ACCOUNT, "is no service account; write NAME@PROJECT.iam.gserviceaccount.com"),
        f"^{_ACCOUNT}$",
        "deployer@shop-4711.iam.gserviceaccount.com",
    ),
]
"""A service account's address."""
Audience = Annotated[
    str,
    Written(
        matching(_AUDIENCE, "is no audience; write the one that the subscription's tokens are made for"),
        f"^{_AUDIENCE}$",
        "https://dreamnet.example.com/webhooks/secrets",
    ),
]
"""Whom a token is made for, as its maker was told."""
Subscription = Annotated[
    str,
    Written(
        matching(_SUBSCRIPTION, "is no subscription; write projects/PROJECT/subscriptions/NAME"),
        f"^{_SUBSCRIPTION}$",
        "projects/shop-4711/subscriptions/dreamnet",
    ),
]
"""A subscription of Pub/Sub, by its whole name."""


@dataclass(frozen=True, kw_only=True)
class PubSub:
    """Who may push events of Secret Manager: a subscription of Google's Pub/Sub that signs what it sends (OIDC)."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    service_account: ServiceAccount
    """The account that the subscription's tokens are of (``--push-auth-service-account``)."""
    audience: Audience
    """Whom the tokens are made for (``--push-auth-token-audience``; where none was given, the push endpoint)."""
    subscription: Subscription | None = None
    """The only subscription that is listened to; left out, any that has such a token."""
