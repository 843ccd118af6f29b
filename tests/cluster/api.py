"""Asking the API server directly, for the waits of ``up``: as the administrator, by certificate."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from typing import Any

from tests.cluster.places import Bed


class Api:
    """The API server of one bed."""

    def __init__(self, bed: Bed) -> None:
        pki = bed.home / "pki"
        self._server = bed.server
        self._trust = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        self._trust.load_cert_chain(pki / "admin.crt", pki / "admin.key")

    def text(self, path: str) -> str:
        """Answer what a GET brings.

        Raises:
            OSError: It is not there, or not willing.
        """
        with urllib.request.urlopen(f"{self._server}{path}", timeout=5, context=self._trust) as answer:
            return str(answer.read().decode())

    def get(self, path: str) -> dict[str, Any] | None:
        """Answer an object, or nothing where there is none."""
        try:
            found = json.loads(self.text(path))
        except urllib.error.HTTPError as problem:
            if problem.code == 404:
                return None
            raise
        return found if isinstance(found, dict) else None

    def ready(self) -> bool:
        """Tell whether it is ready to serve."""
        return self.text("/readyz") == "ok"

    def node_ready(self, name: str) -> bool:
        """Tell whether the node takes pods."""
        return self.condition(self.get(f"/api/v1/nodes/{name}"), "Ready")

    @staticmethod
    def condition(what: dict[str, Any] | None, kind: str) -> bool:
        """Tell whether an object's condition is true."""
        conditions = ((what or {}).get("status") or {}).get("conditions") or []
        return any(one["type"] == kind and one["status"] == "True" for one in conditions)
