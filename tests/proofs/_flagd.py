"""flagd's own evaluator as an oracle: the daemon's module, built from source, asked line by line.

The daemon itself (``github.com/open-feature/flagd/flagd``) adds only its servers and sources to the module ``core``,
whose ``evaluator`` answers here just as in it.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dreamnet_actions.domain.flag import Evaluation
from tests.cluster.builds import Module, built

HERE = Path(__file__).parent
MODULE = Module("flagd", {"flagd": "."}, sources=HERE, seconds={"flagd": 70})
CORE = next(
    line.split()[-1]
    for line in (HERE / "flagd" / "go.mod").read_text("utf-8").splitlines()
    if "flagd/core " in line
)
"""The version of flagd's core that is built."""


class Flagd:
    """The evaluator in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def load(self, data: Mapping[str, Any]) -> None:
        """Have it take a file of flags. Raises ValueError with its words where it does not."""
        if said := self._ask(data)["code"]:
            raise ValueError(said)

    def evaluate(self, flag: str, wanted: str, context: Mapping[str, Any]) -> dict[str, Any]:
        """Answer value, variant, reason and code, as the daemon has them."""
        found = self._ask({"flag": flag, "wanted": wanted, "context": context})
        if found["code"] or found["reason"] in ("DISABLED", "FALLBACK"):
            found |= {"value": None, "variant": ""}  # it may name the variant that has the wrong type
        return found

    def _ask(self, line: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(line) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


@contextlib.contextmanager
def flagd() -> Iterator[Flagd]:
    """Have it for the block; builds it the first time."""
    program = built(MODULE) / "flagd"
    with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Flagd(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(timeout=30)


def as_flagd(found: Evaluation) -> dict[str, Any]:
    """Write an evaluation of ours as the daemon answers it: where there is no value, it has none either; a flag without
    a variant for the caller is a ``FALLBACK`` to it."""
    if found.variant is None:
        reason = "FALLBACK" if found.reason == "DEFAULT" else found.reason
        return {"value": None, "variant": "", "reason": reason, "code": found.code or ""}
    return {"value": found.value, "variant": found.variant, "reason": found.reason, "code": ""}
