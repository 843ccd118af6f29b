"""The error tree walked, with one example of each class, made by the class itself."""

from __future__ import annotations

import importlib
import pkgutil
import re

import dreamnet_actions
from dreamnet_actions import errors
from dreamnet_actions.domain.validation import ValuesInvalid
from dreamnet_actions.errors import DreamNetError, configuration
from dreamnet_actions.errors.words import unknown
from tests.docs.pages import ROOT

EXAMPLES: dict[str, DreamNetError] = {
    "dreamnet.error": DreamNetError(
        "Something that DreamNet refuses to go on with.", hint="What to do about it."
    ),
    "config.invalid": configuration.ConfigInvalid(
        [
            configuration.Mistake(
                "dreamnet.yml",
                6,
                5,
                "services.web.replcas",
                "Unknown key 'replcas'. Did you mean 'replicas'?",
            )
        ]
    ),
    "config.missing": configuration.ConfigMissing([".github/dreamnet.yml", "dreamnet.yml"]),
    "config.lacks": configuration.ConfigLacks(
        "platform 'gke'", ["local"], section="platforms", lines="platforms:\n  gke: {process: {}}"
    ),
    "config.extra": configuration.ExtraMissing("The sandbox", "the program act", "sandbox"),
    "config.too-new": configuration.ConfigTooNew(2, 1),
    "request.invalid": errors.RequestInvalid(
        [unknown("action of deploykeeper", "restrat", ["deploy", "restart", "rollback"])]
    ),
    "env.invalid": ValuesInvalid(
        [
            "app: PORT is no port (4 characters long) (app.env:3).",
            "app: TLS_CERT is a certificate that expires in 5d; it must be valid for 14d.",
        ],
        hint="Nothing was written. Mend the source, then sync again.",
    ),
    "request.not-found": errors.NotFound("dream", "local/wep", ["local/web", "local/shop"]),
    "request.nothing-before": errors.NothingBefore("release", "local/web"),
    "request.too-large": errors.RequestTooLarge(300_000, 262_144),
    "refused.not-allowed": errors.RefusedError(
        "Without a key this listens on this machine only; '0.0.0.0' is beyond it.",
        hint="Set a key, or leave --host out.",
    ),
    "refused.unauthenticated": errors.Unauthenticated(
        "The request has no key, or a wrong one.",
        hint="Send the key that the gateway was started with as 'Authorization: Bearer …'.",
    ),
    "refused.permission": errors.PermissionMissing(
        "The token lacks the permission 'issues: write', so GitHub refuses PATCH /repos/octo/shop/issues/1: "
        "'Resource not accessible by integration'.",
        hint="Add to the job in the workflow:\npermissions:\n  issues: write",
    ),
    "refused.id-reused": errors.IdReused("deploy-42"),
    "refused.too-many-hops": errors.TooManyHops(9, 8),
    "refused.conflict": errors.Conflict("The state 'paused'"),
    "refused.budget": errors.BudgetSpent("local/web is kept between 1 and 4 replicas; 9 was asked for."),
    "temporary.unavailable": errors.TemporaryError("The database is locked by another program."),
    "temporary.paused": errors.Paused("ada", "2026-01-31T12:00:00Z"),
    "temporary.leased": errors.Leased("service/local/web", "another run"),
    "temporary.deadline": errors.DeadlineExceeded("the supervisor of the platform 'local'", 10),
    "permanent.failed": errors.PermanentError(
        "local/web was restarted and is not ready: 0 of 1 replicas ready."
    ),
    "permanent.command-failed": errors.CommandFailed(
        "python3 -m py_compile app.py", 1, "SyntaxError: '(' was never closed"
    ),
    "permanent.platform": errors.PlatformFailed("The port 8400 of local/web is taken by another program."),
    "permanent.state-damaged": errors.StateDamaged(".dreamnet/platform-local/state.json", "it is no JSON"),
}
"""Code → an error as it is raised."""


def tree() -> dict[str, list[type[DreamNetError]]]:
    """Answer every error class of the package by its code, the nearest to the root first."""
    for found in pkgutil.walk_packages(dreamnet_actions.__path__, "dreamnet_actions."):
        if ".adapters." in found.name or ".config." in found.name:
            importlib.import_module(found.name)
    known: dict[str, list[type[DreamNetError]]] = {}
    waiting: list[type[DreamNetError]] = [DreamNetError]
    while waiting:
        one = waiting.pop(0)
        known.setdefault(one.code, []).append(one)
        waiting += one.__subclasses__()
    return known


def literal_codes() -> set[str]:
    """Answer the codes that results carry without a class of their own."""
    found = {"release.rolled-back", "release.rollback-failed", "release.deployed-unverified"}
    for file in sorted((ROOT / "dreamnet_actions").rglob("*.py")):
        found |= set(re.findall(r'\bcode="([a-z.-]+)"', file.read_text("utf-8")))
    return found
