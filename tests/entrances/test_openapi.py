"""The description of the gateway is true: schemathesis sends what it allows and what it forbids."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dreamnet_actions.bootstrap import Options, System, assemble
from dreamnet_actions.domain.request import parse_request
from dreamnet_actions.entrances import openapi
from dreamnet_actions.entrances.http import create_app
from dreamnet_actions.errors import DreamNetError
from tests.entrances.conftest import SEEDS, seed

# No service: whatever is asked for, no process is started and every answer is a verdict or a refusal.
LOCAL = {"host": "localhost"}
NOTHING_TO_GET_WRONG = ("/api/dreams/{number}", "/api/flags", "/api/status", "/healthz", "/readyz")
BARE = "version: 1\nplatforms: {gke: {process: {cluster: autopilot-cluster-1}}}\n"


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[System]:
    (tmp_path / "dreamnet.yml").write_text(BARE)
    system = assemble(Options(root=tmp_path))
    yield system
    system.close()


@pytest.mark.slow
@pytest.mark.parametrize("sent", ["positive", "negative"])
def test_what_is_described_is_what_happens(bare: System, sent: str) -> None:
    # Here, not above: schemathesis takes more than a second to import, and every worker reads this file.
    import schemathesis
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        negative_data_rejection,
        response_schema_conformance,
        status_code_conformance,
    )

    checks = [
        not_a_server_error,
        content_type_conformance,
        negative_data_rejection,
        response_schema_conformance,
        status_code_conformance,
    ]
    mode = schemathesis.GenerationMode(sent)
    # Schemathesis' own pytest plugin does not know pytest 9.2's nodes; its strategies are all that is needed here.
    schema = schemathesis.openapi.from_asgi("/openapi.json", create_app(bare, key=None), headers=LOCAL)
    for found in schema.get_all_operations():
        operation = found.ok()
        if mode is schemathesis.GenerationMode.NEGATIVE and operation.path in NOTHING_TO_GET_WRONG:
            continue

        @settings(max_examples=25, suppress_health_check=list(HealthCheck))
        @given(operation.as_strategy(generation_mode=mode))
        def hold(case: schemathesis.Case) -> None:
            case.call_and_validate(checks=checks, headers={**(case.headers or {}), **LOCAL})

        hold()


SCHEMA = openapi.agent_request()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


@pytest.mark.parametrize("agent", SEEDS)
def test_the_seed_is_allowed(agent: str) -> None:
    VALIDATOR.validate(seed(agent))


def allowed(request: object) -> bool:
    return bool(VALIDATOR.is_valid(request))


def taken(request: object) -> bool:
    try:
        parse_request(request, fresh_id="fresh")
    except DreamNetError:
        return False
    return True


words = st.sampled_from(
    [
        "check",
        "verify",
        "heal",
        "relay",
        "web",
        "dream",
        "restart",
        "deploy",
        "scale",
        "for",
        "4h",
        "message",
        "from",
        "to",
        "remedy",
        "service",
        "target",
        "replicas",
        "set-flag",
        "flag",
        "state",
        "ENABLED",
        "",
    ]
)
values = words | st.integers(-1, 3) | st.booleans() | st.none() | st.just({})
inputs = st.dictionaries(words | st.just("action"), values, max_size=4)
requests = st.fixed_dictionaries(
    {"agent": st.sampled_from([*SEEDS, "nobody"]), "input": inputs},
    optional={"id": st.text(max_size=3), "hops": st.integers(-1, 9), "dry_run": values, "other": values},
)


@pytest.mark.slow
@given(requests)
def test_the_schema_allows_what_the_reader_takes(request_: dict[str, Any]) -> None:
    assert allowed(request_) == taken(request_), json.dumps(request_)


def test_a_result_fits_its_schema(bare: System) -> None:
    schema = openapi.agent_result()
    for raw in [seed("dreamkeeper"), seed("relaybot"), seed("envkeeper"), {"agent": "nobody"}, 7]:
        jsonschema.validate(bare.pipe.submit(raw).to_json(), schema)
