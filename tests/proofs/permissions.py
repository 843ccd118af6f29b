"""``scripts/prove permissions``: every permission of every keeper's job taken away, and given back, under act.

    scripts/prove permissions [KEEPER…]

A row a keeper: the story of its permissions, one after the other (``tests/actions/permissionwalk.py``). Without one the
run's page names it, with all the lines of its job; the shop stays as it was; with it back the same succeeds, once.
The last row takes ``contents`` away in a private repository, which then cannot even be checked out. Exits with 1 if
something does not hold.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import traceback
from pathlib import Path
from time import monotonic

from tests.actions.permissionwalk import WALKS


def main() -> int:
    """Walk, and print a row each."""
    names = {walk.__name__: walk for walk in WALKS}
    parser = argparse.ArgumentParser(prog="scripts/prove permissions")
    parser.add_argument("walks", nargs="*", metavar="KEEPER", help=f"some of {', '.join(names)}; else all")
    asked = parser.parse_args().walks or list(names)
    if unknown := [name for name in asked if name not in names]:
        parser.error(f"no walk named {', '.join(unknown)}; there are {', '.join(names)}")
    right = 0
    for name in asked:
        began = monotonic()
        with tempfile.TemporaryDirectory(prefix="dreamnet-permissions-") as folder:
            try:
                names[name](Path(folder))
            except AssertionError:
                traceback.print_exc()
                held = False
            else:
                held = True
        right += held
        print(f"{name:<16}{monotonic() - began:>6.0f} s  {'held' if held else 'NOT HELD'}", flush=True)
    print(f"{right} of {len(asked)} held")
    return 0 if right == len(asked) else 1


if __name__ == "__main__":
    sys.exit(main())
