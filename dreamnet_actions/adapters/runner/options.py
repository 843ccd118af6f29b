"""What the configuration says of the environment of a job's next steps. Models only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from dreamnet_actions.domain.keynames import VARIABLES, KeyNames
from dreamnet_actions.domain.spec.values import STRICT

STEPS = KeyNames(
    form=VARIABLES.form,
    rule=VARIABLES.rule,
    taken=re.compile(
        r"""(?i: (GITHUB|RUNNER|ACTIONS|INPUT|DREAMNET|STATE)_.* | CI
        | (LD|DYLD|GIT|BASH|PERL5|RUBY|PYTHON)_?.*      # what programs load or run at their start
        | NODE_OPTIONS | NODE_EXTRA_CA_CERTS | (JAVA_TOOL|JDK_JAVA|_JAVA)_OPTIONS | DOTNET_STARTUP_HOOKS
        | [A-Z0-9]*PATH | NODE_PATH | ENV | IFS | PS4 | SHELL | SHELLOPTS | HOME | USER | PROMPT_COMMAND | PAGER
        | EDITOR | VISUAL | BROWSER | (SSH|SUDO)_ASKPASS )""",
        re.X,
    ),
    why="it is a name of the runner's own, or one by which programs load or run something else",
)
"""What a later step of a job may get."""


@dataclass(frozen=True, kw_only=True)
class JobEnvironmentOptions:
    """A sink of kind ``job-environment``: variables of the job's next steps, masked. Every later step of that job gets
    them, actions of others included."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    key_names: ClassVar[KeyNames] = STEPS

    job_environment: Literal["next-steps"]
    """``next-steps``: the word by which it is asked for."""
