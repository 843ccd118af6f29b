"""The token for Prometheus under the real act: a secret that callers hand over, to RelayBot's later jobs too."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dreamnet_actions.entrances.setup.workflows import Wanted
from tests.actions.bed import bed, told

pytestmark = pytest.mark.slow
TOKEN = "s3cret-of-prometheus"
ANSWER = {
    "status": "success",
    "data": {"resultType": "vector", "result": [{"metric": {}, "value": [0, "1"]}]},
}


@contextmanager
def guarded(asked: list[str]) -> Iterator[str]:
    """Answer one number to whoever has the token; note what each had."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            given = self.headers.get("Authorization", "")
            asked.append(given)
            body = json.dumps(ANSWER).encode() if given == f"Bearer {TOKEN}" else b"no"
            self.send_response(200 if given == f"Bearer {TOKEN}" else 401)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_token_is_a_secret_that_callers_hand_over(tmp_path: Path) -> None:
    asked: list[str] = []
    with bed(tmp_path) as story, guarded(asked) as url:
        config = story.config()
        (home,) = [one for one in config.splitlines() if one.strip().startswith("home:")]
        config = config.replace(home, '      load: {prometheus: "vector(1)", max: 5}')
        config += f"metrics: {{prometheus: {{url: {url}, token-variable: DREAMNET_PROMETHEUS_TOKEN}}}}\n"
        wanted = Wanted(branch="main", services=("web",), ref="main", prometheus=True)
        story.shop(files={".github/dreamnet.yml": config}, wanted=wanted)
        story.secret("PROMETHEUS_TOKEN", TOKEN)
        story.tick()
        story.settle()
        story.dispatch(
            "dreamnet.request.v1", {"dreamnet": {"agent": "dreamkeeper", "input": {"action": "check"}}}
        )
        story.settle()
        runs = story.runs()
        shown = "\n".join(map(told, runs))
        assert [(one.workflow.file.rpartition("/")[2], one.conclusion) for one in runs] == [
            ("dreamnet-dream.yml", "success"),
            ("dreamnet-relay.yml", "success"),
        ], shown
        assert len(asked) >= 2, shown
        assert set(asked) == {f"Bearer {TOKEN}"}
        assert TOKEN not in shown
