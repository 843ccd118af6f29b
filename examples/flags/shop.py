"""A shop whose new home has a bug that shows once half of the callers see it."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def share():
    """Answer how many of a hundred callers see the new home."""
    try:
        flag = json.loads(Path("published.json").read_text())["flags"]["new-home"]
        return flag["targeting"]["if"][0]["fractional"][0][1]
    except (FileNotFoundError, KeyError):
        return 0


class Handler(BaseHTTPRequestHandler):
    """Answers the home."""

    def do_GET(self):
        """Answer one request."""
        self.send_response(500 if share() >= 50 else 200)
        self.end_headers()

    def log_message(self, *_):
        """Write no log."""


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
