"""A deployer of the proof ``deploy-kills``: one request in a process of its own, which can end itself by SIGKILL.

``python -m tests.proofs._deploy_victim ROOT KUBECONFIG ACTION ID TRACE [before|after NTH]``: each request of its own
thread to the API server is a step, told in TRACE by a line.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
from pathlib import Path
from typing import Any
from unittest import mock

from dreamnet_actions.adapters.kubernetes.api import Api
from dreamnet_actions.bootstrap import Options, assemble


def main() -> None:
    """Do the request, up to the step that it is to die at."""
    root, kubeconfig, action, name, trace, *death = sys.argv[1:]
    when, nth = (death[0], int(death[1])) if death else ("", 0)
    told = os.open(trace, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    main_thread, count, request = threading.current_thread(), [0], Api.request

    def counted(self: Api, method: str, path: str, **more: Any) -> Any:
        if (
            threading.current_thread() is not main_thread
        ):  # watches and the Lease's renewal have their own time
            return request(self, method, path, **more)
        count[0] += 1
        what = "dry " if (more.get("query") or {}).get("dryRun") else ""
        short = re.sub(r"^/apis?/.*/namespaces/[^/]+/|-[0-9a-f]{16}$|-[0-9a-z]+-[0-9a-z]{5}(?=/)", "", path)
        os.write(told, f"{method} {what}{short}\n".encode())
        if when == "before" and count[0] == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        answer = request(self, method, path, **more)
        if when == "after" and count[0] == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    environ = {"KUBECONFIG": kubeconfig, "PATH": "/usr/local/bin:/usr/bin:/bin", "USER": "victim"}
    with mock.patch.object(Api, "request", counted):
        system = assemble(Options(root=Path(root), environ=environ, state=Path(root) / "state"))
        raw = {"agent": "deploykeeper", "input": {"action": action, "service": "web"}}
        print(system.pipe.submit(raw, id=name).to_json())
        system.close()


if __name__ == "__main__":
    main()
