"""A service with a version and a status: enough to see a canary pass, and another one taken back."""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

VERSION = 1
STATUS = 200


class Handler(BaseHTTPRequestHandler):
    """Answers ``/ready`` with 200 always, everything else with STATUS."""

    def do_GET(self):
        """Answer one request."""
        self.send_response(200 if self.path == "/ready" else STATUS)
        self.end_headers()
        self.wfile.write(f"version {VERSION}\n".encode())

    def log_message(self, *_):
        """Write no log."""


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
