"""Webhooks: who signed them, and the event that they become. What is not believed leaves no trace but its answer.

A missing signature is answered 401 like a wrong one (probot answers 400): whoever cannot sign learns nothing more
by leaving it out, and a sender's own page shows the same thing to mend, the secret.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dreamnet_actions.domain.spec.models import Config, Webhook
from dreamnet_actions.entrances.wire import read_json
from dreamnet_actions.errors import ConfigError, NotFound, RequestInvalid, Unauthenticated
from dreamnet_actions.errors.configuration import ConfigLacks

MAX_BYTES = 5 * 1024 * 1024
"""A push of 2,048 commits, the most that GitHub lists, is below it."""
GITHUB = "github"


@dataclass(frozen=True, kw_only=True)
class Event:
    """What a believed webhook says: the event's name, its data, and the delivery's id (the same delivery, once)."""

    name: str
    data: Mapping[str, Any]
    id: str
    sender: str

    def request(self) -> dict[str, Any]:
        """Write the request that puts the event on the bus, where routes pick it up."""
        given = {"action": "publish", "event": self.name, "data": dict(self.data), "from": self.sender}
        return {"agent": "relaybot", "input": given, "id": f"{self.sender}/{self.id}"[:200]}


def configured(name: str, config: Config, environ: Mapping[str, str]) -> tuple[Webhook, str]:
    """Answer a webhook's settings and its secret.

    Raises NotFound for a name that the configuration lacks (ConfigLacks with the lines to add for ``github``), and
    ConfigError while its secret's variable is empty: without a secret nobody can be believed.
    """
    webhook = config.webhooks.get(name)
    if webhook is None:
        if name == GITHUB:
            lines = "webhooks:\n  github: {secret-variable: GITHUB_WEBHOOK_SECRET}"
            raise ConfigLacks("webhook 'github'", config.webhooks, section="webhooks", lines=lines)
        raise NotFound("webhook", name[:80], config.webhooks)
    secret = environ.get(webhook.secret_variable or "")
    if not secret:
        raise ConfigError(
            f"The variable {webhook.secret_variable} with the secret of the webhook {name!r} is empty.",
            hint=f"Start the gateway with {webhook.secret_variable} set to the secret that the sender signs with.",
        )
    return webhook, secret


def read(name: str, webhook: Webhook, secret: str, headers: Mapping[str, str], body: bytes) -> Event | None:
    """Check the signature, then read the event; None for GitHub's ping. Raises Unauthenticated, RequestInvalid."""
    if name == GITHUB:
        return _github(webhook, secret, headers, body)
    return _standard(name, webhook, secret, headers, body)


def github_signature(secret: str, body: bytes) -> str:
    """Sign as GitHub does: the header ``X-Hub-Signature-256``."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def _github(webhook: Webhook, secret: str, headers: Mapping[str, str], body: bytes) -> Event | None:
    given = headers.get("x-hub-signature-256", "")
    if not hmac.compare_digest(given.encode(), github_signature(secret, body).encode()):
        raise _not_believed("X-Hub-Signature-256")
    event, delivery = headers.get("x-github-event", ""), headers.get("x-github-delivery", "")
    if not event or not delivery:
        raise RequestInvalid(["A webhook of GitHub's has the headers X-GitHub-Event and X-GitHub-Delivery."])
    if event == "ping":
        return None
    payload = _payload(headers, body)
    default, data = _push(payload) if event == "push" else _other(event, payload)
    return Event(name=webhook.message or default, data=data, id=delivery, sender=f"webhook-{GITHUB}")


def _payload(headers: Mapping[str, str], body: bytes) -> Mapping[str, Any]:
    """Read the payload in either of the two forms that GitHub's settings offer."""
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        from urllib.parse import parse_qs

        body = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10).get("payload", [""])[0].encode()
    return _object(read_json(body, limit=MAX_BYTES))


def _push(payload: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Keep of a push what a deployment needs; a branch that was deleted brings no version."""
    ref = str(payload.get("ref", ""))
    branch = ref.removeprefix("refs/heads/") if ref.startswith("refs/heads/") else None
    revision = payload.get("after")
    if payload.get("deleted") is True or not branch or not isinstance(revision, str):
        return "github-push-without-branch", {**_common(payload), "ref": ref}
    return "push", {
        **_common(payload),
        "ref": ref,
        "branch": branch,
        "revision": revision,
        "version": revision,
        "before": payload.get("before"),
        "forced": bool(payload.get("forced")),
    }


def _other(event: str, payload: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    action = payload.get("action")
    words = [GITHUB, event, *([action] if isinstance(action, str) else [])]
    # A message's name has a form; what else a header holds becomes hyphens.
    name = re.sub(r"[^a-z0-9.]+", "-", "-".join(words).lower()).strip("-.")[:100]
    data = {**_common(payload), "event": event, "action": action}
    numbered: Mapping[str, Any] = next(
        (payload[key] for key in ("issue", "pull_request") if isinstance(payload.get(key), Mapping)), {}
    )
    return name, data | {key: numbered[key] for key in ("number", "html_url") if key in numbered}


def _common(payload: Mapping[str, Any]) -> dict[str, Any]:
    repository, sender = payload.get("repository"), payload.get("sender")
    return {
        "repository": repository.get("full_name") if isinstance(repository, Mapping) else None,
        "actor": sender.get("login") if isinstance(sender, Mapping) else None,
    }


def _standard(name: str, webhook: Webhook, secret: str, headers: Mapping[str, str], body: bytes) -> Event:
    """Check by the Standard Webhooks library (its tolerance of 5 minutes, too), then read our way."""
    from standardwebhooks.webhooks import EmptyWebhookSecretError, WebhookVerificationError
    from standardwebhooks.webhooks import Webhook as Verifier

    try:
        Verifier(secret).verify(body, dict(headers), json_parse=False)
    except EmptyWebhookSecretError:
        raise _bad_secret(name, webhook) from None
    except (
        WebhookVerificationError,
        ValueError,
    ) as error:  # ValueError: what is no base64, no UTF-8, no pair
        if not _usable(secret):
            raise _bad_secret(name, webhook) from None
        why = str(error) if isinstance(error, WebhookVerificationError) else ""
        raise _not_believed("webhook-signature", why) from None
    payload = _object(read_json(body, limit=MAX_BYTES))
    kind = payload.get("type")
    event = re.sub(r"[^A-Za-z0-9._/-]+", "-", kind).strip("-./_")[:100] if isinstance(kind, str) else ""
    return Event(
        name=webhook.message or event or f"webhook-{name}",
        data=payload,
        id=headers["webhook-id"],
        sender=f"webhook-{name}",
    )


def _usable(secret: str) -> bool:
    import base64

    try:
        return bool(base64.b64decode(secret.removeprefix("whsec_") + "=="))
    except ValueError:
        return False


def _bad_secret(name: str, webhook: Webhook) -> ConfigError:
    return ConfigError(
        f"The secret of the webhook {name!r} in {webhook.secret_variable} is not in the Standard Webhooks form.",
        hint="It is 'whsec_' and base64 after it.",
    )


def _not_believed(header: str, why: str = "") -> Unauthenticated:
    return Unauthenticated(
        f"The webhook's signature ({header}) is missing or wrong{f': {why}' if why else ''}.",
        hint="Give the sender and the gateway the same secret.",
    )


def _object(payload: Any) -> Mapping[str, Any]:
    if not isinstance(payload, Mapping):
        raise RequestInvalid(["A webhook's body is a JSON object; this one is not."])
    return payload
