"""Certificates are made once a session; a probe trusts them and nothing else."""

from __future__ import annotations

import pytest

from tests.probes.servers import Certificates


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))
