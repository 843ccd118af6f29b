"""A server that refuses everything because it has just started, and one that refuses for good."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from kubernetes.client import Configuration

from dreamnet_actions.adapters.kubernetes import api as api_module
from dreamnet_actions.adapters.kubernetes.api import Api
from dreamnet_actions.errors import PermissionMissing, TemporaryError

PODS = "/api/v1/namespaces/shop/pods"
REFUSED = {"message": 'pods is forbidden: User "bot" cannot list resource "pods"', "reason": "Forbidden"}


@contextmanager
def server(allows: Callable[[str, int], bool]) -> Iterator[tuple[Api, list[str]]]:
    """Answer what ``allows`` (path, how many requests there were) lets be done; yields the paths that were asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked.append(self.path)
            good = allows(self.path, len(asked))
            body = json.dumps({"items": []} if good else REFUSED).encode()
            self.send_response(200 if good else 403)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    api = Api(Configuration(host=f"http://127.0.0.1:{listening.server_address[1]}"), "shop")
    try:
        yield api, asked
    finally:
        api.close()
        listening.shutdown()
        thread.join()
        listening.server_close()


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_module, "AGAIN", 0.01)


def test_a_server_that_has_not_read_its_roles_yet_is_asked_again() -> None:
    with server(lambda path, times: times > 3) as (api, asked):
        assert api.request("GET", PODS) == {"items": []}
    assert asked == [PODS] * 4


def test_what_stays_refused_is_told_as_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_module, "STARTING", 0.2)
    with server(lambda path, times: False) as (api, asked):
        with pytest.raises(PermissionMissing, match="cannot list resource"):
            api.request("GET", PODS)
        assert len(asked) > 1
        so_far = len(asked)
        with pytest.raises(PermissionMissing):  # its time is over, for whatever is asked
            api.request("GET", "/version")
        assert len(asked) == so_far + 1


def test_a_server_that_has_let_us_do_something_knows_its_roles() -> None:
    """Then what it refuses lacks in ours, and is told at once; what it allowed before is its own trouble."""
    with server(lambda path, times: "secrets" not in path) as (api, asked):
        assert api.request("GET", "/version") == {"items": []}  # anybody may
        assert api.request("GET", PODS) == {"items": []}
        with pytest.raises(PermissionMissing):
            api.request("GET", "/api/v1/namespaces/shop/secrets")
        assert len(asked) == 3
    with server(lambda path, times: times == 1) as (api, asked):
        api.request("GET", PODS)
        with pytest.raises(TemporaryError, match="no longer allows"):
            api.request("GET", PODS)
        assert len(asked) == 2
