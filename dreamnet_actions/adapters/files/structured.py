"""YamlSource, JsonSource and EnvironmentSource: values that are read anew at each call (the port ``SecretSource``)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Self

from dreamnet_actions.adapters.files import environment
from dreamnet_actions.adapters.files.atomic import read_some
from dreamnet_actions.adapters.files.options import (
    EnvironmentSourceOptions,
    JsonSourceOptions,
    YamlSourceOptions,
)
from dreamnet_actions.adapters.files.source import ReadWhole
from dreamnet_actions.adapters.files.values import json_values, yaml_values
from dreamnet_actions.config.source import MAX_BYTES
from dreamnet_actions.errors import ConfigError
from dreamnet_actions.ports.site import Site


class YamlSource(ReadWhole):
    """The values of a YAML file."""

    kind = "yaml"

    @classmethod
    def at(cls, options: YamlSourceOptions, site: Site) -> Self:
        """Make the source of the file that the options name."""
        return cls(
            lambda: yaml_values(_bytes(site.root, options.yaml, "yaml"), options.yaml, _steps(options.at)),
            hash_key=site.hash_key(),
            lasts=site.hash_key_lasts,
            shown=options.yaml,
        )


class JsonSource(ReadWhole):
    """The values of a JSON file."""

    kind = "json"

    @classmethod
    def at(cls, options: JsonSourceOptions, site: Site) -> Self:
        """Make the source of the file that the options name."""
        return cls(
            lambda: json_values(_bytes(site.root, options.json, "json"), options.json, _steps(options.at)),
            hash_key=site.hash_key(),
            lasts=site.hash_key_lasts,
            shown=options.json,
        )


class EnvironmentSource(ReadWhole):
    """Variables of the environment that DreamNet runs in: in a workflow, what the job's ``env`` hands on."""

    kind = "environment"

    @classmethod
    def at(cls, options: EnvironmentSourceOptions, site: Site) -> Self:
        """Make the source of the variables that the options name."""
        return cls(
            lambda: _variables(site.environ, options.environment),
            hash_key=site.hash_key(),
            lasts=site.hash_key_lasts,
            shown="the environment",
        )


def _steps(at: str | None) -> tuple[str, ...]:
    return tuple(at.split(".")) if at else ()


def _bytes(root: Path, file: str, key: str) -> bytes:
    hint = f"Create it, or mend '{key}' in the entry's 'from'."
    return read_some(root / file, MAX_BYTES + 1, "The file of values", hint=hint)


def _variables(environ: Mapping[str, str], wanted: Collection[str]) -> Mapping[str, str]:
    found, missing = environment.meant(environ, wanted)
    if missing:
        one = missing[0]
        raise ConfigError(
            f"Not set in the environment: {', '.join(missing)}.",
            hint=f"In a workflow hand it on to the step that runs DreamNet: env: {{{one}: ${{{{ secrets.{one} }}}}}}. "
            "A secret that the repository has not is empty there. On a machine, export it.",
        )
    return found
