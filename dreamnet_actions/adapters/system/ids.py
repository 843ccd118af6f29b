"""Fresh ids."""

from __future__ import annotations

from dreamnet_actions.ports.system import Ids


class UuidIds(Ids):
    """Ids of UUID version 7 (RFC 9562): nobody else's, and in the order of time."""

    def fresh(self) -> str:
        import uuid_utils  # late: a compiled client

        return str(uuid_utils.uuid7())
