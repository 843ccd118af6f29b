"""Regular expressions of the configuration: what is none is said with its line and column, all at once."""

from __future__ import annotations

import pytest

from dreamnet_actions import bootstrap
from dreamnet_actions.config.reader import read_bytes
from dreamnet_actions.errors.configuration import ConfigInvalid

TEXT = """\
version: 1
services:
  web: {platform: here, command: [x]}
platforms: {here: {process: {}}}
env:
  shop:
    from: {dotenv: shop.env}
    to: [{process: web}]
    find: {name: '^(app-'}
    rename:
      - {match: '^(app)-', to: '\\1_'}
      - {match: '^(app)-', to: '\\2'}
      - {match: '*a', to: '\\2'}
      - {match: 'a', to: '\\g<x>'}
    rules:
      A: {pattern: '[a'}
"""


def test_each_bad_pattern_and_replacement_has_its_place() -> None:
    with pytest.raises(ConfigInvalid) as caught:
        bootstrap.composed().validate(read_bytes(TEXT.encode(), "dreamnet.yml"))
    found = {(one.file, one.line, one.column): str(one) for one in caught.value.mistakes}
    assert found.keys() == {("dreamnet.yml", *at) for at in ((9, 18), (12, 32), (13, 17), (14, 26), (16, 20))}
    assert "no regular expression" in found["dreamnet.yml", 9, 18]
    assert (
        "'\\\\2' cannot stand for what '^(app)-' finds: invalid group reference"
        in found["dreamnet.yml", 12, 32]
    )
