"""A shop that cannot open with a currency that it does not know."""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SIGN = {"EUR": "€", "USD": "$"}[os.environ.get("CURRENCY", "EUR")]
MAX_ITEMS = int(os.environ.get("MAX_ITEMS", "10"))


class Handler(BaseHTTPRequestHandler):
    """Answers what one may buy."""

    def do_GET(self):
        """Answer one request."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"at most {MAX_ITEMS} things, 3 {SIGN} each\n".encode())

    def log_message(self, *_):
        """Write no log."""


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
