"""What was read of a repository: the names of its files, the text of a few, and what git says. Plain values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

READ = frozenset(
    {
        "Procfile",
        "Dockerfile",
        "package.json",
        "pyproject.toml",
        "requirements.txt",
        "go.mod",
        "docker-compose.yml",
        "docker-compose.yaml",
        "compose.yml",
        "compose.yaml",
        "Chart.yaml",
        "Kustomization",
        "manage.py",
    }
)
"""Files whose text is read, by name."""
CODE = frozenset({".py", ".go", ".js", ".mjs", ".cjs", ".ts"})
"""Ends of files that may hold the entry of a program; those near the root are read."""
LANGUAGES = {
    ".py": "Python",
    ".go": "Go",
    ".js": "JavaScript",
    ".mjs": "JavaScript",
    ".cjs": "JavaScript",
    ".ts": "TypeScript",
    ".tsx": "TypeScript",
    ".rs": "Rust",
    ".rb": "Ruby",
    ".java": "Java",
    ".kt": "Kotlin",
    ".php": "PHP",
    ".cs": "C#",
    ".ex": "Elixir",
    ".html": "HTML",
}
MOST_BYTES = 65_536
"""The largest file that is read; what says how a service starts is smaller."""
MOST_TEXTS = 200
MOST_FILES = 20_000


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A repository as it was read. Paths are from its root, with ``/``. ``name`` is the repository's or folder's;
    ``repository`` is ``owner/name`` where the remote tells it. ``branch`` is the default one; None outside git."""

    name: str
    files: tuple[str, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    branch: str | None = None
    repository: str | None = None

    def named(self, *names: str) -> list[str]:
        """Answer the files with one of these names, those nearest to the root first."""
        found = [one for one in self.files if PurePosixPath(one).name in names]
        return sorted(found, key=_depth)

    def code(self, *suffixes: str) -> list[tuple[str, str]]:
        """Answer the programs that were read, with their text, those nearest to the root first."""
        found = [one for one in self.texts if PurePosixPath(one).suffix in suffixes]
        return [(one, self.texts[one]) for one in sorted(found, key=_depth)]

    def languages(self) -> list[str]:
        """Answer the languages by how many files each has, at most four."""
        counts: dict[str, int] = {}
        for one in self.files:
            if language := LANGUAGES.get(PurePosixPath(one).suffix):
                counts[language] = counts.get(language, 0) + 1
        return sorted(counts, key=lambda one: (-counts[one], one))[:4]

    def workflows(self) -> list[str]:
        """Answer the workflows that are there already."""
        return [
            one
            for one in self.files
            if one.startswith(".github/workflows/") and one.endswith((".yml", ".yaml"))
        ]


def worth_reading(files: Iterable[str]) -> list[str]:
    """Choose the files whose text tells how services start; at most so many, those nearest to the root first."""
    chosen = []
    for one in sorted(files, key=_depth):
        path = PurePosixPath(one)
        deep = len(path.parts)
        manifest = path.suffix in (".yml", ".yaml") and not one.startswith(".github/") and deep <= 4
        program = path.suffix in CODE and deep <= 3 and "test" not in path.name
        if path.name in READ or path.name.startswith("Dockerfile") or manifest or program:
            chosen.append(one)
    return chosen[:MOST_TEXTS]


def folder(path: str) -> str:
    """Answer the folder that a file is in; ``.`` is the root."""
    return PurePosixPath(path).parent.as_posix()


def _depth(path: str) -> tuple[int, str]:
    return path.count("/"), path
