"""Anybody's webhook (the port ``Notifier``): JSON by POST, signed as GitHub signs its own.

https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from dreamnet_actions.adapters.webhooks.options import WebhookOptions
from dreamnet_actions.adapters.webhooks.post import address, encoded, post, secret
from dreamnet_actions.domain.alert import TYPE, Alert
from dreamnet_actions.ports.notifier import Notifier
from dreamnet_actions.ports.site import Site

SIGNATURE = "X-Hub-Signature-256"
"""The header with ``sha256=`` and the HMAC-SHA256 of the body, in hexadecimal."""
ID = "Idempotency-Key"
"""The header with the alert's id: one that comes twice has the same."""


class WebhookNotifier(Notifier):
    """Calls one address. The variables are read when it is called: one that is missing stops nothing else."""

    def __init__(self, options: WebhookOptions, environ: Mapping[str, str]) -> None:
        self._options, self._environ = options, environ

    @classmethod
    def at(cls, options: WebhookOptions, site: Site) -> WebhookNotifier:
        """Make it from the configuration."""
        return cls(options, site.environ)

    def notify(self, alert: Alert) -> None:
        where = address(self._environ, self._options.url_variable)
        data = encoded(alert.to_json())
        headers = {ID: alert.id, "X-DreamNet-Event": TYPE}
        if self._options.secret_variable is not None:
            key = (
                secret(self._environ, self._options.secret_variable)
                .reveal()
                .encode("utf-8", "surrogateescape")
            )
            headers[SIGNATURE] = f"sha256={hmac.new(key, data, hashlib.sha256).hexdigest()}"
        post(where, data, headers, name=f"The webhook of {self._options.url_variable}")
