"""``python -m dreamnet_actions`` is the ``dreamnet`` command."""

from __future__ import annotations

import sys

from dreamnet_actions.entrances.cli import main

if __name__ == "__main__":
    sys.exit(main())
