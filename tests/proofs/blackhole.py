"""Proof: services that take a connection and never answer are confirmed together, within 15 s, however many there are.

    scripts/prove blackhole [--most 900]

The probe is the real one; the services are one listening socket on this machine that accepts nothing, so that each
connection is made by the kernel and stays silent. The checks have the default timeout (10 s) and thresholds (three
failed looks). Exits with 1 where a confirmation took longer than 15 s and what the machine needs beside the waits, or
where one was missed.
"""

from __future__ import annotations

import argparse
import socket
import sys
import time

from dreamnet_actions.adapters.probes.options import HttpCheck
from dreamnet_actions.adapters.probes.outside import OutsideProbe
from dreamnet_actions.adapters.system.clock import SystemClock
from dreamnet_actions.domain.spec.models import Chosen, Config, Service
from dreamnet_actions.keepers.context import Context
from dreamnet_actions.keepers.examination import IN_RUN, Examination
from dreamnet_actions.testing.memory.clock import CountingIds
from dreamnet_actions.testing.memory.delivery import RecordingReporter
from dreamnet_actions.testing.memory.platform import MemoryPlatform
from dreamnet_actions.testing.memory.stores import MemoryJournal, MemoryLock

OVERHEAD = 3.0
"""Seconds that a busy machine may need beside the waits for three looks at all services."""
SIZES = (1, 100, 900)


def confirm(count: int, port: int) -> tuple[float, int]:
    """Confirm that many services; answers the seconds it took and how many were confirmed."""
    clock = SystemClock()
    check = HttpCheck(http=f"http://127.0.0.1:{port}/")
    services = {f"s{number}": Service(platform="local", checks={"home": check}) for number in range(count)}
    context = Context(
        config=Config(version=1, services=services, platforms={"local": Chosen("process", None)}),
        platforms={"local": MemoryPlatform("local", clock=clock)},
        clock=clock,
        ids=CountingIds(),
        journal=MemoryJournal(),
        lock=MemoryLock(clock),
        reporter=RecordingReporter(),
    )
    began = time.monotonic()
    found = Examination(context=context, probe=OutsideProbe(clock=clock)).confirm(services, {})
    took = time.monotonic() - began
    return took, sum(one.failures >= services[name].thresholds.failures for name, one in found.items())


def main() -> None:
    """Prove it for each size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--most", type=int, default=SIZES[-1], help="leave out sizes above this")
    given = parser.parse_args()
    held = True
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as server:
        for count in (one for one in SIZES if one <= given.most):
            took, confirmed = confirm(count, server.getsockname()[1])
            held = held and confirmed == count and took <= IN_RUN + OVERHEAD
            print(
                f"{count:>5} services that do not answer: {confirmed} confirmed in {took:.2f} s", flush=True
            )
    if not held:
        sys.exit(1)


if __name__ == "__main__":
    main()
