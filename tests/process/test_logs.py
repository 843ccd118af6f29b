"""What a service prints of its synced values is kept from the log, whatever pieces it comes in."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamnet_actions.adapters.process.logs import LINE_LIMIT, ServiceLog, read_lines
from dreamnet_actions.domain.secret import SecretValue

SECRET = "s3cr3t-value/with+signs"


@given(
    st.lists(st.integers(1, 12), min_size=1, max_size=40),
    st.sampled_from(sorted(SecretValue(SECRET).forms())),
)
def test_no_form_of_a_value_reaches_the_file_or_the_last_line(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], form: str
) -> None:
    service = ServiceLog(tmp_path_factory.mktemp("logs"))
    log = service.replica("one")
    log.mask([SECRET])
    data = f"starting\nKeyError: '{form}' is wrong\nlast {form}".encode()
    for size in [*sizes, len(data)]:
        log.write(data[:size])
        data = data[size:]
    log.flush()
    log.close()
    kept = "\n".join([*service.lines, log.last_line, *read_lines(service.directory, 10)])
    assert form not in kept
    assert log.last_line == "last ***"
    assert "KeyError: '***' is wrong" in kept


@pytest.mark.parametrize("secret", [SECRET, "Grüße-🌙-" * 40, "x" * 10_000 + "end"])
@pytest.mark.parametrize("size", [1000, 4097])
def test_a_value_across_the_place_where_a_long_line_is_cut_is_hidden_whole(
    tmp_path: Path, secret: str, size: int
) -> None:
    service = ServiceLog(tmp_path)
    log = service.replica("one")
    log.mask([secret, SECRET])  # the shorter one begins like the longer
    for before in range(LINE_LIMIT - 30, LINE_LIMIT + 30, 6):
        data = b"y" * before + secret.encode() + b"z" * 5000 + secret.encode()
        for at in range(0, len(data), size):
            log.write(data[at : at + size])
        log.flush()
        log.write(b"\n")
    log.close()
    kept = "".join(service.lines)
    assert kept.count("y***z") == 10
    assert kept.count("z***") == 10
    assert set(kept) == {"y", "z", "*"}, "no part of a value"
    assert set("".join(read_lines(tmp_path, 1000))) <= {"y", "z", "*"}


def test_without_values_every_byte_is_kept(tmp_path: Path) -> None:
    service = ServiceLog(tmp_path)
    log = service.replica("one")
    log.mask([])
    log.write(b"half a li")
    log.write(b"ne\r\nand more")
    log.flush()
    log.close()
    assert read_lines(tmp_path, 10) == ["half a line", "and more"]
    assert list(service.lines) == ["half a line", "and more"]
