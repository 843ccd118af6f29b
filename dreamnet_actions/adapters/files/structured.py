"""YamlSource, JsonSource and EnvironmentSource: values that are read anew at each call (the port ``SecretSource``)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import ClassVar, Self

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


class _InFile(ReadWhole):
    """A source that is a file, or a part of one; the options have the file under the name of its kind."""

    parse: ClassVar[staticmethod[[bytes, str, tuple[str, ...]], Mapping[str, str]]]

    @classmethod
    def at(cls, options: YamlSourceOptions | JsonSourceOptions, site: Site) -> Self:
        """Make the source of the file that the options name."""
        file: str = getattr(options, cls.kind)
        steps = tuple(options.at.split(".")) if options.at else ()
        hint = f"Create it, or mend '{cls.kind}' in the entry's 'from'."

        def read() -> Mapping[str, str]:
            data = read_some(site.root / file, MAX_BYTES + 1, "The file of values", hint=hint)
            return cls.parse(data, file, steps)

        return cls(read, hash_key=site.hash_key(), lasts=site.hash_key_lasts, shown=file)


class YamlSource(_InFile):
    """The values of a YAML file."""

    kind = "yaml"
    parse = staticmethod(yaml_values)


class JsonSource(_InFile):
    """The values of a JSON file."""

    kind = "json"
    parse = staticmethod(json_values)


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
