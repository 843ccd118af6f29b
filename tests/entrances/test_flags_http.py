"""Flags over HTTP: OpenFeature's own OFREP provider on a real socket, and the file as flagd takes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext

from dreamnet_actions.bootstrap import Options, System, assemble
from tests.entrances.conftest import gateway

pytestmark = pytest.mark.slow
KEY = "a-key-of-thirty-two-characters-00"
FLAGS: dict[str, Any] = {
    "flags": {
        "home": {
            "state": "ENABLED",
            "variants": {"on": True, "off": False},
            "defaultVariant": "off",
            "targeting": {"if": [{"ends_with": [{"var": "email"}, "@example.com"]}, "on"]},
            "metadata": {"team": "web"},
        },
        "limit": {"state": "DISABLED", "variants": {"low": 1}, "defaultVariant": "low"},
        "theme": {"state": "ENABLED", "variants": {"a": {"x": 1}}, "defaultVariant": None},
        "late": {
            "state": "ENABLED",
            "variants": {"a": 1},
            "defaultVariant": "a",
            "targeting": {"cat": [{"var": "x"}]},
        },
    }
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "dreamnet.yml").write_text("version: 1\nflags: {file: flags.json}\n")
    (tmp_path / "flags.json").write_text(json.dumps(FLAGS, indent=1))
    return tmp_path / "flags.json"


@pytest.fixture
def flagged(file: Path) -> Iterator[System]:
    system = assemble(Options(root=file.parent))
    yield system
    system.close()


@pytest.fixture
def client(flagged: System) -> Iterator[httpx2.Client]:
    with gateway(flagged) as one:
        yield one


def test_openfeatures_own_provider_is_answered(flagged: System) -> None:
    with gateway(flagged, key=KEY) as http:
        headers = {"Authorization": f"Bearer {KEY}"}
        api.set_provider_and_wait(OFREPProvider(str(http.base_url), headers_factory=lambda: headers))
        try:
            ask = api.get_client()
            ours = EvaluationContext("user-1", {"email": "a@example.com"})
            found = ask.get_boolean_details("home", False, ours)
            assert (found.value, found.variant, str(found.reason)) == (True, "on", "TARGETING_MATCH")
            assert found.flag_metadata == {"team": "web"}
            other = ask.get_boolean_details("home", True, EvaluationContext("user-1", {}))
            assert (other.value, other.variant, str(other.reason)) == (False, "off", "DEFAULT")
            assert str(ask.get_integer_details("limit", 7).reason) == "DISABLED"
            assert ask.get_object_value("theme", {"own": 1}) == {"own": 1}
            assert str(ask.get_boolean_details("hme", True).error_code) == "FLAG_NOT_FOUND"
            assert str(ask.get_integer_details("late", 3, ours).error_code) == "GENERAL"
            headers["Authorization"] = "Bearer another"
            assert ask.get_boolean_value("home", False, ours) is False
        finally:
            api.shutdown()


def test_the_file_is_what_flagd_takes(client: httpx2.Client, file: Path) -> None:
    first = client.get("/api/flags")
    assert (first.text, first.headers["content-type"]) == (file.read_text(), "application/json")
    again = client.get("/api/flags", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.text) == (304, "")
    file.write_text(file.read_text().replace('": "off"', '": "on"'))
    assert client.get("/api/flags", headers={"If-None-Match": first.headers["etag"]}).status_code == 200


def test_all_at_once_and_nothing_where_nothing_changed(client: httpx2.Client) -> None:
    asked = {"context": {"targetingKey": "user-1", "email": "a@example.com"}}
    answered = client.post("/ofrep/v1/evaluate/flags", json=asked)
    told = {one["key"]: one for one in answered.json()["flags"]}
    assert told["home"]["value"] is True
    assert told["late"]["errorCode"] == "GENERAL"
    assert "value" not in told["limit"]
    headers = {"If-None-Match": answered.headers["etag"]}
    assert client.post("/ofrep/v1/evaluate/flags", json=asked, headers=headers).status_code == 304
    asked["context"]["email"] = "elsewhere"
    assert client.post("/ofrep/v1/evaluate/flags", json=asked, headers=headers).status_code == 200


def test_a_file_that_broke_is_answered_as_it_was(client: httpx2.Client, file: Path) -> None:
    assert client.post("/ofrep/v1/evaluate/flags/home", json={}).json()["variant"] == "off"
    good = client.get("/api/flags").text
    file.write_text(file.read_text().replace("ends_with", "endswith"))
    assert client.get("/api/flags").text == good
    assert client.post("/ofrep/v1/evaluate/flags/home", json={}).json()["variant"] == "off"


def test_a_wrong_context_is_told(client: httpx2.Client) -> None:
    for body in ("", "[]", '{"context": 1}', '{"context": {"targetingKey": 1}}', "{"):
        for path in ("/ofrep/v1/evaluate/flags/home", "/ofrep/v1/evaluate/flags"):
            answered = client.post(path, content=body)
            assert (answered.status_code, answered.json()["errorCode"]) == (400, "INVALID_CONTEXT")


def test_without_a_file_there_is_no_flag(tmp_path: Path) -> None:
    (tmp_path / "dreamnet.yml").write_text("version: 1\n")
    system = assemble(Options(root=tmp_path))
    with gateway(system) as client:
        assert client.get("/api/flags").status_code == 400
        assert client.post("/ofrep/v1/evaluate/flags/home", json={}).json()["errorCode"] == "FLAG_NOT_FOUND"
        assert client.post("/ofrep/v1/evaluate/flags", json={}).json() == {"flags": []}
        file = tmp_path / "flags.json"
        assert client.get("/api/flags", headers={"Host": "evil.example"}).status_code == 403
        assert not file.exists()
    system.close()
