"""What is said about canaries that wait for a person, and to them: names that several keepers know. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from dreamnet_actions.domain.dream import Dream

CANARY = "canary-"
"""How the check of this system begins that tells of a waiting canary; the service follows."""
TOLD = "self/canaries"
"""Where the services are kept whose waiting canary was told of."""
CHANGED = "canary-changed"
"""The message by which DeployKeeper says that a canary waits for a person, or no longer does."""
WORDS: Mapping[str, str] = {
    "approve": "canary-needs-approval",
    "promote": "canary-needs-promotion",
    "abort": "canary-needs-abort",
}
"""The message of each word that a person says to a canary."""


def canary_of(dream: Dream) -> str | None:
    """Answer the service whose waiting canary a dream tells of; None where it tells of something else."""
    if dream.platform != "self" or not dream.service.startswith(CANARY):
        return None
    return dream.service.removeprefix(CANARY)


def meant(name: str, dream: Dream) -> str | None:
    """Answer the service whose canary a word said on a dream is for: the one that waits, else (``promote``, ``abort``)
    that of the service that the dream is about. None where there is none."""
    if name not in WORDS:
        return None
    if (service := canary_of(dream)) is not None:
        return service
    return dream.service if name != "approve" and dream.platform != "self" else None
