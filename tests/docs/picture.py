"""``python -m tests.docs.picture``: make docs/images/sandbox.png again, with chromium.

A new user's shop in a sandbox hangs and is healed; the picture is the page of its dream.
"""

from __future__ import annotations

import signal
import subprocess
import tempfile
from pathlib import Path

from tests.actions.bed import free_port
from tests.actions.newcomer import Sandbox, replicas, shop
from tests.docs.pages import ROOT

PICTURE = ROOT / "docs/images/sandbox.png"
SIZE = "960,620"


def main() -> None:
    """Live through one dream, and take its picture."""
    with tempfile.TemporaryDirectory(prefix="dreamnet-picture-") as folder:
        repository = shop(Path(folder), free_port())
        sandbox = Sandbox(repository)
        try:
            sandbox.until(r"dreamnet-deploy\.yml #1 ended after .* success")
            for one in replicas(repository):
                one.send_signal(signal.SIGSTOP)
            sandbox.until("issue #1 closed")
            options = [
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                f"--window-size={SIZE}",
            ]
            page = f"{sandbox.lines[0]}octo/shop/issues/1"
            subprocess.run(
                ["chromium", *options, f"--screenshot={PICTURE}", page],
                check=True,
                capture_output=True,
                timeout=60,
            )
        finally:
            sandbox.close()


if __name__ == "__main__":
    main()
