"""Building the peers, once for everybody on this machine; only the benchmark does that, no test.

python -m benchmarks.peers.builds       builds what is not there, one after the other
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.cluster.builds import Module, Say, built, go, say
from tests.cluster.errors import BedError

SOURCES = Path(__file__).resolve().parent
HELM = Module(
    "helm",
    {"helm": "helm.sh/helm/v4/cmd/helm"},
    sources=SOURCES,
    seconds={"helm": 60},
)
ARGO = Module(
    "argo-rollouts",
    {"rollouts-controller": "github.com/argoproj/argo-rollouts/cmd/rollouts-controller"},
    sources=SOURCES,
    seconds={"rollouts-controller": 120},
)
FLAGGER = Module(
    "flagger",
    {"flagger": "github.com/fluxcd/flagger/cmd/flagger"},
    sources=SOURCES,
    seconds={"flagger": 60},
)
ALL = {module.name: module for module in (HELM, FLAGGER, ARGO)}


def program(module: Module, tell: Say = say) -> Path:
    """Answer the path of a peer's only program; builds it where it is not there, which takes minutes.

    Raises:
        BedError: It could not be built.
    """
    (name,) = module.programs
    return built(module, tell) / name


def version(module: Module) -> str:
    """Answer which version of the peer its Go module asks for."""
    (package,) = module.programs.values()
    lines = (SOURCES / module.name / "go.mod").read_text(encoding="utf-8").splitlines()
    for line in lines:
        words = line.removeprefix("require").split()
        if len(words) >= 2 and package.startswith(f"{words[0]}/"):
            return words[1]
    raise BedError(f"{module.name}/go.mod does not say which version of {package} it wants")


def files(module: Module, pattern: str) -> list[Path]:
    """Answer files of the peer's own source, such as its CRDs; fetches the source where Go does not have it."""
    (package,) = module.programs.values()
    name = package.partition("/cmd/")[0]
    done = subprocess.run(
        [go(), "mod", "download", "-json", name],
        cwd=SOURCES / module.name,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if done.returncode:
        raise BedError(f"the source of {name} cannot be had: {done.stderr.strip()}{done.stdout.strip()}")
    return sorted(Path(json.loads(done.stdout)["Dir"]).glob(pattern))


if __name__ == "__main__":
    for one in ALL.values():
        print(f"{one.name:<14} {version(one):<10} {program(one)}")
