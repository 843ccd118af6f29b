"""The demo's shop: a small web service that is released from git, reads its prices' currency, and asks the stock."""

import argparse
import os
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

VERSION = "1"
SIGNS = {"EUR": "€", "USD": "$", "GBP": "£"}


def page() -> str:
    """Show the price of the one thing that the shop sells."""
    sign = SIGNS[os.environ.get("CURRENCY", "EUR")]
    return f"<h1>Shop {VERSION}</h1><p>A good night's sleep: {sign} 12.50</p>"


class Handler(BaseHTTPRequestHandler):
    """Answers /ready (it runs), /healthz (it works, and so does what it needs) and / (the page)."""

    def do_GET(self) -> None:
        """Answer one request; an error of the page is a 500, as in any web framework."""
        try:
            if self.path == "/healthz":
                page()
                urllib.request.urlopen(os.environ["STOCK"] + "/healthz", timeout=0.8).read()
            status, body = 200, "ready" if self.path == "/ready" else page()
        except Exception as error:
            status, body = 500, f"{type(error).__name__}: {error}"
            print(f"{self.path}: {body}", flush=True)
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the log for what goes wrong."""


class Server(ThreadingHTTPServer):
    """Takes bursts of connections."""

    request_queue_size = 256
    daemon_threads = True


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    Server(("127.0.0.1", parser.parse_args().port), Handler).serve_forever()
