"""How soon a bad release is noticed and taken back, beside kubectl, Helm, Argo Rollouts and Flagger, on one cluster.

    python -m benchmarks.deploy [--json FILE] [--quick] [--cases NAME,…] [--subjects NAME,…] [--services N,…]

A case is one release of the same workload (four replicas behind a Service) with one fault. Every subject releases it
at the same moment, in a namespace of its own on the same real cluster; a client asks each one 20 times a second.

``seconds_to_verdict``                 from apply until the subject says what the case is: failed, or well
``seconds_to_former_serving``          until the former release's four replicas are ready, and no other is left
``seconds_from_evidence_to_verdict``   from the moment at which a pod's status first showed the fault
``client_errors``                      percent of the client's requests, from apply to the end

What takes longer than 120 s is cut there and marked ``censored``; so is a wrong verdict, which the row's ``note``
tells. Subjects are at their defaults, and as ``NAME-tuned`` as their documentation advises (benchmarks/deploying).
The case ``services-N`` is the first deployment of N services by one ``dreamnet deploy``. The peers are built from
source first, each once; that takes minutes and is not part of any figure.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.deploying.argo import Argo
from benchmarks.deploying.cases import CASES, CUT
from benchmarks.deploying.clients import Clients
from benchmarks.deploying.dreamnet import DreamNet
from benchmarks.deploying.flagger import Flagger
from benchmarks.deploying.many import SIZES, Cost, deploy_many
from benchmarks.deploying.metrics import Prometheus
from benchmarks.deploying.running import Result, World
from benchmarks.deploying.subjects import Helm, Kubectl, Subject
from benchmarks.deploying.table import aims, heading, line, services_line
from benchmarks.deploying.watch import Observer
from tests.cluster.client import SCRIPT, Cluster, script

QUICK_CUT = 45.0
"""Where it is to be quick, seconds after which a subject is cut."""
LIMIT = 30 * 60
"""Seconds for the whole of it, builds apart; no case begins after it."""


def subjects() -> list[Subject]:
    """Answer all subjects; a tuned one comes after its own, whose controller it shares."""
    return [
        DreamNet("dreamnet"),
        DreamNet("dreamnet", tuned=True),
        Kubectl("kubectl"),
        Kubectl("kubectl", tuned=True),
        Helm("helm"),
        Helm("helm", tuned=True),
        Argo("argo-rollouts"),
        Argo("argo-rollouts", tuned=True),
        Flagger("flagger"),
        Flagger("flagger", tuned=True),
    ]


def chosen(names: Sequence[str], *, quick: bool) -> list[Subject]:
    """Answer the subjects of these names, or all; ``quick`` leaves the tuned ones out."""
    found = [one for one in subjects() if not names or one.name in names]
    return [one for one in found if names or not (quick and one.tuned)]


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Answer a cluster of our own, or the one that ``KUBECONFIG`` names."""
    if given := os.environ.get("KUBECONFIG"):
        yield Cluster(given, os.environ.get("CLUSTER_REGISTRY", ""))
        return
    name = f"bench-{os.getpid()}"
    up = ["bash", str(SCRIPT), "up", "--name", name, "--owner", str(os.getpid())]
    try:
        subprocess.run(up, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        facts = json.loads(script("status", "--name", name, "--json"))
        yield Cluster(facts["kubeconfig"], facts["registry"], name)
    finally:
        script("down", "--name", name)


def compare(
    stack: ExitStack,
    one: Cluster,
    clients: Clients,
    folder: Path,
    who: Sequence[Subject],
    given: argparse.Namespace,
    began: float,
) -> Iterator[list[Result]]:
    """Run each case; answers its results as they come."""
    prometheus, targets = "", None
    if any(isinstance(subject, Argo | Flagger) for subject in who):
        server = Prometheus(folder / "prometheus")
        stack.callback(server.close)
        prometheus, targets = server.address, server.targets
    for subject in {
        type(subject): subject for subject in who
    }.values():  # one controller serves a tuned one, too
        subject.start(one, prometheus)
        stack.callback(subject.close)
    observer = Observer(one.kubeconfig, targets)
    stack.callback(observer.close)
    world = World(
        cluster=one,
        observer=observer,
        clients=clients,
        folder=folder,
        prometheus=prometheus,
        cut=QUICK_CUT if given.quick else CUT,
        say=lambda text: print(text, file=sys.stderr, flush=True),
    )
    for case in given.cases or CASES:
        if time.monotonic() - began > LIMIT:
            print(f"{case}: left out, {LIMIT // 60} minutes are over", flush=True)
            continue
        yield world.run(CASES[case], who)


def main() -> None:
    """Measure, print, write."""
    given = _arguments()
    found: list[dict[str, Any]] = []
    results: list[Result] = []
    costs: list[Cost] = []
    clients = Clients()  # before any thread is started: it is a fork of this process
    with ExitStack() as stack:
        stack.callback(clients.close)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dreamnet-bench-")))
        who = chosen(given.subjects, quick=given.quick)
        for subject in who:
            subject.build()
        one = stack.enter_context(cluster())
        began = time.monotonic()
        print(heading(), flush=True)
        for done in compare(stack, one, clients, folder, who, given, began):
            results += done
            for result in done:
                print(line(result), flush=True)
                found += result.rows()
        for size in given.services:
            cost = deploy_many(one, folder / f"services-{size}", size)
            costs.append(cost)
            print(services_line(cost), flush=True)
            found += cost.rows()
        took = time.monotonic() - began
        print(*aims(results, costs), f"{took / 60:.1f} minutes in all (aim: 30)", sep="\n")
        if given.json:
            given.json.write_text(json.dumps({"rows": found}, indent=2) + "\n", encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="write the rows here")
    parser.add_argument("--cases", type=_names(CASES), default=[], help="only these, with commas between")
    parser.add_argument(
        "--subjects",
        type=_names([one.name for one in subjects()]),
        default=[],
        help="only these, with commas between",
    )
    parser.add_argument(
        "--services", type=_sizes, help="numbers of services that are deployed at once; 0: none"
    )
    parser.add_argument(
        "--quick", action="store_true", help=f"defaults only, cut at {QUICK_CUT:g} s, at most 10 services"
    )
    given = parser.parse_args()
    if given.services is None:
        # Who asks for some cases or subjects only does not ask for these.
        given.services = [] if given.cases or given.subjects else list(SIZES[:2] if given.quick else SIZES)
    return given


def _names(known: Any) -> Any:
    def names(text: str) -> list[str]:
        wanted = [one for one in text.split(",") if one]
        if unknown := [one for one in wanted if one not in known]:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: not among {', '.join(known)}")
        return wanted

    return names


def _sizes(text: str) -> list[int]:
    return [int(one) for one in text.split(",") if int(one)]


if __name__ == "__main__":
    main()
