"""The machine that a sandbox's jobs run on: a runner of one's own. What its steps may see of this one, and where it
keeps what outlives a job. Pure, apart from the folders that it makes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_LENT = frozenset(
    {
        "ALL_PROXY", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "HTTPS_PROXY", "HTTP_PROXY", "LANG", "NODE_EXTRA_CA_CERTS",
        "NO_PROXY", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE", "TZ", "USER",
    }
)  # fmt: skip
_LENT_STARTS = ("NPM_CONFIG_", "PIP_", "UV_")
"""Where packages come from, and by which certificates: without these an installer fails behind a mirror or proxy."""
_SECRET = ("PASSWORD", "TOKEN", "USERNAME", "_AUTH")


@dataclass(frozen=True)
class Machine:
    """A runner of one's own below ``root``, on this machine. ``environ`` is this one's environment."""

    root: Path
    environ: Mapping[str, str]

    @property
    def state(self) -> Path:
        """Where the services and what they need are kept: the repository's variable DREAMNET_STATE names it."""
        return self.root / "state"

    @property
    def tools(self) -> Path:
        """Where DreamNet's own packages are kept. They outlive the sandbox: only the first one waits for them."""
        cache = self.environ.get("XDG_CACHE_HOME")
        home = self.environ.get("HOME")
        if given := self.environ.get("DREAMNET_ACTION_HOME"):
            return Path(given)
        return (
            Path(cache) / "dreamnet" if cache else (Path(home) / ".cache" if home else self.root) / "dreamnet"
        )

    def environment(self) -> dict[str, str]:
        """Answer what every step sees besides PATH. No variable that holds a secret is among it."""
        lent = {name: value for name, value in self.environ.items() if _is_lent(name.upper())}
        home = self.root / "home"
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in ("NO_PROXY", "no_proxy"):
            lent[name] = ",".join(filter(None, (lent.get(name), "127.0.0.1,localhost")))
        return {**lent, "HOME": str(home), "DREAMNET_ACTION_HOME": str(self.tools)}


def _is_lent(name: str) -> bool:
    known = name in _LENT or name.startswith(_LENT_STARTS)
    return known and not any(part in name for part in _SECRET)
