"""``scripts/cluster``: a real Kubernetes cluster on this machine, for tests and for a look.

    scripts/cluster up                 start it; the first time builds it from source, which takes minutes
    scripts/cluster status             what runs, and how to use it
    scripts/cluster shell [COMMAND…]   a shell (or one command) in its network, with kubectl
    scripts/cluster image TAG [NAME=VALUE…]   push the sample service with a behaviour; prints it by digest
    scripts/cluster kill PART          end one part as a crash would; `start PART` starts it again
    scripts/cluster down               end it, and leave nothing
    scripts/cluster build              only build it

``--name NAME`` speaks of another cluster than `dev`: several can be up at once.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from typing import NoReturn

from tests.cluster import beds, images, parts, processes
from tests.cluster.builds import programs, say
from tests.cluster.errors import BedError
from tests.cluster.places import Bed, cache

DEFAULT = "dev"


def main(words: list[str]) -> int:
    """Do what the words say; answer the exit status: 0, 1 where it is not up, 3 a wrong word, 5 it failed."""
    known = ("build", "up", "status", "shell", "image", "kill", "start", "down")
    if not words or words[0] not in (*known, "-h", "--help"):
        say(f"error: no word '{' '.join(words[:1])}'; there are {', '.join(known)}")
        return 3
    chosen = _parser().parse_args(words)
    try:
        return int(chosen.do(chosen))
    except BedError as problem:
        say(f"error: {problem}")
        return 5


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        say(f"error: {message}; `scripts/cluster --help` tells more")
        raise SystemExit(3)


def _parser() -> argparse.ArgumentParser:
    shown = argparse.RawDescriptionHelpFormatter
    top = _Parser(prog="scripts/cluster", description=__doc__, formatter_class=shown, usage="%(prog)s WORD …")
    named = _Parser(add_help=False)
    named.add_argument("--name", default=DEFAULT, help="which cluster (default: %(default)s)")
    words = top.add_subparsers(required=True, metavar="WORD", title="words")

    one = words.add_parser("up", parents=[named], help="start it")
    one.add_argument(
        "--owner", type=int, metavar="PID", help="process after whose end a later `up` may take it away"
    )
    one.set_defaults(do=_up)
    words.add_parser("down", parents=[named], help="end it").set_defaults(do=_down)
    one = words.add_parser("status", parents=[named], help="what runs")
    one.add_argument("--json", action="store_true", help="for machines")
    one.set_defaults(do=_status)
    one = words.add_parser("shell", parents=[named], help="a shell, or one command, in its network")
    one.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND")
    one.set_defaults(do=_shell)
    one = words.add_parser("image", parents=[named], help="push the sample service")
    one.add_argument("tag")
    one.add_argument("behaviour", nargs="*", metavar="NAME=VALUE", help="a variable, such as CRASH_AFTER=3s")
    one.set_defaults(do=_image)
    for word, help_, do in (("kill", "end a part", _kill), ("start", "start a part again", _start)):
        one = words.add_parser(word, parents=[named], help=help_)
        one.add_argument("part", choices=parts.ALL)
        one.set_defaults(do=do)
    words.add_parser("build", help="only build it").set_defaults(do=_build)
    return top


def _build(_: argparse.Namespace) -> int:
    for name, path in programs().items():
        print(f"{name:<26}{path}")
    return 0


def _up(chosen: argparse.Namespace) -> int:
    if os.geteuid():
        programs()  # by who asks: the cache is theirs
    _as_root()
    bed = beds.up(chosen.name, owner=chosen.owner)
    print(_how(bed))
    return 0


def _down(chosen: argparse.Namespace) -> int:
    _as_root()
    beds.down(chosen.name)
    return 0


def _status(chosen: argparse.Namespace) -> int:
    _as_root()
    bed = beds.find(chosen.name)
    found = {part: processes.running(bed, part) for part in parts.ALL} if bed else {}
    well = bool(found) and all(found.values())
    if chosen.json:
        told = {part: process and process.pid for part, process in found.items()}
        print(json.dumps({"name": chosen.name, "up": well, "parts": told, **(_facts(bed) if bed else {})}))
        return 0 if well else 1
    if bed is None:
        others = ", ".join(one.name for one in beds.all_beds())
        print(f"no cluster named {chosen.name} is up{f' (there are: {others})' if others else ''}")
        return 1
    for part, process in found.items():
        memory = f"{process.memory_info().rss / 2**20:6.0f} MiB" if process else ""
        print(f"{part:<26}{f'pid {process.pid}' if process else 'not running':<14}{memory}")
    print(_how(bed))
    return 0 if well else 1


def _facts(bed: Bed) -> dict[str, str]:
    return {
        "kubeconfig": str(bed.kubeconfig),
        "server": bed.server,
        "registry": bed.registry,
        "node": bed.node,
        "pods": str(bed.pods),
        "services": str(bed.services),
        "logs": str(bed.logs),
    }


def _how(bed: Bed) -> str:
    name = "" if bed.name == DEFAULT else f" --name {bed.name}"
    return f"""\
logs       {bed.logs}
registry   {bed.registry} (http)
pods       {bed.pods}, Services {bed.services}: reached from this machine too
shell      scripts/cluster shell{name}
export KUBECONFIG={bed.kubeconfig}"""


def _shell(chosen: argparse.Namespace) -> int:
    _as_root()
    bed = _found(chosen.name)
    built = programs()
    environment = {
        **os.environ,
        "KUBECONFIG": str(bed.kubeconfig),
        "CONTAINERD_ADDRESS": str(bed.home / "containerd" / "containerd.sock"),
        "CONTAINERD_NAMESPACE": "k8s.io",
        "PATH": f"{built['kubectl'].parent}:{built['ctr'].parent}:{os.environ['PATH']}",
    }
    command = chosen.command or [os.environ.get("SHELL") or shutil.which("bash") or "sh"]
    return beds.run_inside(bed, command, environment)


def _image(chosen: argparse.Namespace) -> int:
    behaviour = dict(pair.split("=", 1) if "=" in pair else (pair, "true") for pair in chosen.behaviour)
    _as_root()
    print(images.sample(_found(chosen.name), programs(), chosen.tag, behaviour))
    return 0


def _kill(chosen: argparse.Namespace) -> int:
    _as_root()
    processes.kill(_found(chosen.name), chosen.part)
    return 0


def _start(chosen: argparse.Namespace) -> int:
    _as_root()
    beds.restart(_found(chosen.name), chosen.part, programs())
    return 0


def _found(name: str) -> Bed:
    bed = beds.find(name)
    if bed is None or not bed.namespace_file.exists():
        raise BedError(f"no cluster named {name} is up; `scripts/cluster up` starts one")
    return bed


def _as_root() -> None:
    """Go on as root: namespaces and mounts are root's. By sudo, where that asks nothing."""
    if os.geteuid() == 0:
        return
    if shutil.which("sudo") is None:
        raise BedError("a cluster needs root (namespaces, mounts), and there is no sudo here")
    kept = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "XDG_CACHE_HOME": str(cache().parents[1]),
    }
    kept |= {name: value for name, value in os.environ.items() if name in ("SHELL", "CLUSTER_PATIENCE")}
    again = [sys.executable, "-m", "tests.cluster", *sys.argv[1:]]
    os.execvp("sudo", ["sudo", "-n", "env", *(f"{name}={value}" for name, value in kept.items()), *again])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
