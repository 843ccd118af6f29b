"""The composition root: configuration → adapters → keepers → pipe. The only place that knows all of them.

Adapters are imported when they are chosen, never before: what a request does not use costs it nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dreamnet_actions.errors.configuration import ConfigMissing

if TYPE_CHECKING:
    from dreamnet_actions.bootstrap.system import Options, System
    from dreamnet_actions.config.compose import Composed
    from dreamnet_actions.config.load import Loaded

__all__ = ["Options", "System", "assemble", "check_config", "composed", "schema"]


def composed() -> Composed:
    """Join the configuration's models with those of every adapter family in the table."""
    from dreamnet_actions.adapters.table import ROWS
    from dreamnet_actions.config.compose import Slots, compose
    from dreamnet_actions.domain.spec.models import MetricCheck, WorkloadCheck

    checks: dict[str, type] = {row.kind: row.options for row in ROWS if row.port == "Probe" and row.options}
    return compose(
        Slots(
            platforms=_options("Platform"),
            workloads={row.kind: row.workload for row in ROWS if row.workload},
            checks=checks | {"workload": WorkloadCheck, "metric": MetricCheck},
            sources=_options("SecretSource"),
            sinks=_options("SecretSink"),
            notifiers=_options("Notifier"),
            flag_targets=_options("FlagTarget"),
            metrics=_options("MetricSource"),
        )
    )


def schema() -> dict[str, Any]:
    """Answer the JSON Schema of the configuration."""
    return composed().json_schema()


def check_config(where: Path) -> Loaded:
    """Read and validate a configuration file, or the one of a root; raises ConfigError. Starts nothing."""
    from dreamnet_actions.config.load import find, load

    return load(find(where) if where.is_dir() else where, composed())


def assemble(options: Options) -> System:
    """Join a configuration with its adapters. Raises ConfigError before anything is opened."""
    from dreamnet_actions.bootstrap.assembly import Assembly
    from dreamnet_actions.config.load import find, load

    file = options.config or find(options.root)
    if not file.exists():
        raise ConfigMissing([str(file)])
    state = _state_directory(options, file)
    loaded = load(file, composed(), cache_in=state / "cache")
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    _keep_out_of_git(state)
    return Assembly(options, loaded, state).system()


def __getattr__(name: str) -> Any:
    """Import ``Options`` and ``System`` when they are asked for."""
    if name in ("Options", "System"):
        from dreamnet_actions.bootstrap import system

        return getattr(system, name)
    raise AttributeError(name)


def _options(port: str) -> dict[str, type]:
    from dreamnet_actions.adapters.table import ROWS

    return {row.kind: row.options for row in ROWS if row.port == port and row.options is not None}


def _keep_out_of_git(state: Path) -> None:
    """Have git pass over our own folder in a repository of the user's: nobody wants to commit a journal by mistake."""
    from dreamnet_actions.bootstrap.system import STATE_DIRECTORY

    rules = state / ".gitignore"
    if state.name == STATE_DIRECTORY and not rules.exists():
        rules.write_text("# made by DreamNet: nothing in here is for git\n*\n", encoding="utf-8")


def _state_directory(options: Options, file: Path) -> Path:
    if options.state is not None:
        return options.state.resolve()
    if given := options.environ.get("DREAMNET_STATE"):
        return Path(given).resolve()
    from dreamnet_actions.bootstrap.system import STATE_DIRECTORY

    if options.home == "github" and (temporary := options.environ.get("RUNNER_TEMP")):
        return Path(temporary).resolve() / "dreamnet"  # nothing of it has to outlive the job
    folder = file.resolve().parent
    return (folder.parent if folder.name == ".github" else folder) / STATE_DIRECTORY
