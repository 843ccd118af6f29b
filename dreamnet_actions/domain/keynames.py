"""Which names a kind of place can hold: one rule for the configuration's check and for the sink itself. Pure.

An options class of a sink says which is its own in ``key_names``; one that says nothing holds variables' names.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class KeyNames(NamedTuple):
    """The names that a kind of place holds: all of the ``form`` but those that are ``taken``.

    ``rule`` and ``why`` end the sentence "it cannot hold NAME: …". No dataclass: those beside options are models.
    """

    form: re.Pattern[str]
    rule: str
    taken: re.Pattern[str] | None = None
    why: str = ""

    def why_not(self, name: str) -> str:
        """Answer why it holds no such name, for the end of a sentence, or nothing."""
        if not self.form.fullmatch(name):
            return self.rule
        return self.why if self.taken is not None and self.taken.fullmatch(name) else ""


VALUE = re.compile(r"[-._a-zA-Z0-9]{1,253}")
"""Every name that some place can hold."""
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

VARIABLES = KeyNames(
    form=_VARIABLE, rule="it is no variable's name (letters, digits and '_', no digit first)"
)
"""Files of variables, and environments."""
KUBERNETES = KeyNames(
    form=re.compile(r"(?!\.\.)(?!\.$)[-._a-zA-Z0-9]{1,253}"),
    rule="its keys have letters, digits, '-', '_' and '.' only, up to 253, and are not '.' and do not begin with '..'",
)
"""Keys of a Secret or ConfigMap (IsConfigMapKey of kubernetes/apimachinery)."""
ACTIONS = KeyNames(
    form=re.compile(r"[A-Z_][A-Z0-9_]*"),
    rule="a name is made of A-Z, 0-9 and '_', no digit first ('names: upper' of the entry makes such ones of what is "
    "found)",
    taken=re.compile(r"GITHUB_.*"),
    why="names that begin with GITHUB_ are GitHub's own",
)
"""Actions secrets and variables
(https://docs.github.com/en/actions/reference/security/secrets#naming-your-secrets)."""
