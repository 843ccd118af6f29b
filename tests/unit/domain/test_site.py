"""What the user's own commands see of a run's environment."""

from __future__ import annotations

from dreamnet_actions.ports.site import for_commands

RUN = {
    "PATH": "/bin",
    "GITHUB_ACTIONS": "true",
    "GITHUB_SHA": "a",
    "GITHUB_TOKEN": "ghs_x",
    "GH_TOKEN": "x",
    "ACTIONS_RUNTIME_TOKEN": "x",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "x",
    "DREAMNET_INPUT_REQUEST": "x",
    "DREAMNET_HASH_KEY": "x",
    "GITHUB_ENV": "/x",
    "GITHUB_OUTPUT": "/x",
}


def test_in_a_run_neither_tokens_nor_the_runners_files() -> None:
    assert for_commands(RUN) == {"PATH": "/bin", "GITHUB_ACTIONS": "true", "GITHUB_SHA": "a"}


def test_elsewhere_everything_but_the_key_of_hashes() -> None:
    here = {name: value for name, value in RUN.items() if name != "GITHUB_ACTIONS"}
    assert for_commands(here) == {name: value for name, value in here.items() if name != "DREAMNET_HASH_KEY"}
