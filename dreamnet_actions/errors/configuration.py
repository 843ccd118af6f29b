"""What can be wrong with a configuration: each a ConfigError, so exit status 2 and HTTP 400."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dreamnet_actions.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in a file: where it stands (``line`` and ``column`` count from 1) and what is wrong."""

    file: str
    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        where = f" ({self.path})" if self.path else ""
        return f"{self.file}:{self.line}:{self.column}: {self.message}{where}"


class ConfigInvalid(ConfigError):
    """A configuration file holds mistakes; all of them are listed, in the order of their lines."""

    code = "config.invalid"

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(sorted(mistakes, key=lambda one: (one.file, one.line, one.column)))
        count = len(self.mistakes)
        listed = "\n".join(str(one) for one in self.mistakes)
        super().__init__(
            f"{count} mistake{'s' if count != 1 else ''} in the configuration:\n{listed}",
            hint="Mend the lines above, then run 'dreamnet validate'.",
        )


class ConfigMissing(ConfigError):
    """No configuration file was found where one was looked for."""

    code = "config.missing"

    def __init__(self, looked: Sequence[str]) -> None:
        self.looked = tuple(looked)
        super().__init__(
            f"No configuration found. Looked for: {', '.join(self.looked)}.",
            hint="Run 'dreamnet init', or write dreamnet.yml with 'version: 1' and your services "
            "(docs/configuration.md), or name a file with --config.",
        )


class ConfigLacks(ConfigError):
    """The configuration is valid but lacks what a request names; ``lines`` shows what to add."""

    code = "config.lacks"

    def __init__(self, what: str, known: Iterable[str], *, lines: str, section: str) -> None:
        self.lines = lines
        super().__init__(
            f"The configuration has no {what}. It has in {section!r}: {', '.join(sorted(known)) or 'none'}.",
            hint=f"Add to the configuration:\n{lines}",
        )


class ExtraMissing(ConfigError):
    """A package or program that only an extra of DreamNet's brings is not installed."""

    code = "config.extra"

    def __init__(self, what: str, needs: str, extra: str) -> None:
        super().__init__(
            f"{what} needs {needs}, which is not installed.",
            hint=f"Run: pip install 'dreamnet[{extra}]'\nIn a checkout of DreamNet: bash scripts/setup.sh extras",
        )


class ConfigTooNew(ConfigError):
    """The file's ``version`` is newer than this DreamNet understands."""

    code = "config.too-new"

    def __init__(self, version: object, newest: int) -> None:
        super().__init__(
            f"The configuration has version {version!r}; this DreamNet understands up to {newest}.",
            hint="Update DreamNet, or use the version of the file that it understands.",
        )
