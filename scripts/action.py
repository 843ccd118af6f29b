"""The action's one entry: refuses or ignores at once where it can, else goes on in an environment that it makes.

Runs on the runner's own Python, isolated (-I), so that nothing of the checked-out repository is ever imported. The
process stays the same from here on (exec): a cancelled job's SIGINT reaches DreamNet itself.
"""

import sys

if sys.version_info < (3, 11):  # the file must be readable by any Python 3
    sys.exit(
        "::error title=DreamNet::This runner has Python %d.%d; DreamNet needs 3.11 or later. Add before it: "
        "'- uses: actions/setup-python@v7' with 'python-version: 3.12'." % sys.version_info[:2]
    )

import os
import signal
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

# A job may be cancelled while Python still reads its modules: the signal waits until it can be answered.
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})

ROOT = Path(__file__).resolve().parents[1]

# By its path: of DreamNet's modules all others come from the folder that it answers.
spec = spec_from_file_location("kept", ROOT / "dreamnet_actions/entrances/action/kept.py")
module = module_from_spec(spec)
spec.loader.exec_module(module)
sys.path.insert(0, str(module.kept(ROOT, os.environ)))

from dreamnet_actions.entrances.action.main import start  # noqa: E402 - our own folder is found from here on

sys.exit(start(ROOT))
