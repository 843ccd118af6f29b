"""The contract of Notifier, in memory and by HTTP to a real server; what is sent, and what is never shown."""

from __future__ import annotations

import hashlib
import hmac
import http.server
import json
import threading
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from dreamnet_actions.adapters.webhooks.options import SlackOptions, WebhookOptions
from dreamnet_actions.adapters.webhooks.slack import SlackNotifier, message, neutral
from dreamnet_actions.adapters.webhooks.webhook import WebhookNotifier
from dreamnet_actions.errors import ConfigError, DreamNetError, PermanentError, TemporaryError
from dreamnet_actions.ports.notifier import Notifier
from dreamnet_actions.testing.contracts.notifier import ALERT, NotifierContract, Receiver
from dreamnet_actions.testing.memory.notifier import MemoryNotifier
from tests.actions.hostile import corpus

PATH = "/services/T0/B0/verysecretpath"


@dataclass
class Inbox:
    """A real server that keeps what it is sent, and answers as it is told."""

    status: int = 200
    answer: bytes = b"ok"
    headers: dict[str, str] = field(default_factory=dict)
    got: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    made = Inbox()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.got.append((self.path, dict(self.headers), body))
            self.send_response(made.status)
            for name, value in {"Content-Length": str(len(made.answer)), **made.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(made.answer)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_address[1]}{PATH}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


class MemoryReceiver(Receiver):
    def __init__(self) -> None:
        self.notifier: MemoryNotifier = MemoryNotifier()

    def received(self) -> list[str]:
        return [f"{one.id} {one.key}" for one in self.notifier.told]

    def refuse(self, *, for_good: bool) -> None:
        self.notifier.error = PermanentError("no") if for_good else TemporaryError("not now")


class HttpReceiver(Receiver):
    def __init__(self, inbox: Inbox, notifier: Notifier) -> None:
        self.inbox, self.notifier = inbox, notifier

    def received(self) -> list[str]:
        return [f"{headers['Idempotency-Key']} {body.decode()}" for _, headers, body in self.inbox.got]

    def refuse(self, *, for_good: bool) -> None:
        self.inbox.status = 404 if for_good else 503


class TestMemory(NotifierContract):
    @pytest.fixture
    def receiver(self) -> Receiver:
        return MemoryReceiver()


class TestWebhook(NotifierContract):
    @pytest.fixture
    def receiver(self, inbox: Inbox) -> Receiver:
        return HttpReceiver(inbox, webhook(inbox))


class TestSlack(NotifierContract):
    @pytest.fixture
    def receiver(self, inbox: Inbox) -> Receiver:
        return HttpReceiver(inbox, slack(inbox.url))


def webhook(inbox: Inbox, **more: Any) -> WebhookNotifier:
    return WebhookNotifier(
        WebhookOptions(**more), {"DREAMNET_WEBHOOK_URL": inbox.url, "KEY": "It's a Secret to Everybody"}
    )


def slack(url: str) -> SlackNotifier:
    return SlackNotifier(SlackOptions(), {"DREAMNET_SLACK_URL": url})


def test_a_webhook_is_signed_as_github_signs(inbox: Inbox) -> None:
    webhook(inbox, secret_variable="KEY").notify(ALERT)
    ((path, headers, body),) = inbox.got
    mac = hmac.new(b"It's a Secret to Everybody", body, hashlib.sha256).hexdigest()
    assert headers["X-Hub-Signature-256"] == f"sha256={mac}"
    assert (path, headers["Content-Type"]) == (PATH, "application/json")
    assert json.loads(body) == ALERT.to_json()
    webhook(inbox).notify(ALERT)
    assert "X-Hub-Signature-256" not in inbox.got[1][1]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed(inbox: Inbox, status: int) -> None:
    inbox.status, inbox.headers = status, {"Location": inbox.url}
    with pytest.raises(PermanentError):
        webhook(inbox).notify(ALERT)
    assert len(inbox.got) == 1


@pytest.mark.parametrize(
    ("status", "kind"), [(400, PermanentError), (410, PermanentError), (429, TemporaryError)]
)
def test_errors_name_the_variable_and_nothing_of_the_address(
    inbox: Inbox, status: int, kind: type[DreamNetError]
) -> None:
    inbox.status, inbox.answer = status, f"{inbox.url} is unknown".encode()
    with pytest.raises(kind) as caught:
        slack(inbox.url).notify(ALERT)
    _hides(caught.value)
    assert f"DREAMNET_SLACK_URL answered {status}." in caught.value.message


def test_slacks_own_word_for_what_is_wrong_is_told(inbox: Inbox) -> None:
    inbox.status, inbox.answer = 404, b"channel_is_archived"
    with pytest.raises(PermanentError, match="channel_is_archived"):
        slack(inbox.url).notify(ALERT)


def test_a_server_that_is_not_there_is_a_temporary_error(inbox: Inbox) -> None:
    with pytest.raises(TemporaryError) as caught:
        slack(f"http://127.0.0.1:9{PATH}").notify(ALERT)
    _hides(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/verysecretpath",
        "ftp://127.0.0.1/verysecretpath",
        "verysecretpath",
        "https://",
        "https://[verysecretpath",
        "https://example.com/very secretpath\r\nX: y",
        "file:///verysecretpath",
    ],
)
def test_only_tls_and_this_machine_may_be_called(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        slack(url).notify(ALERT)
    _hides(caught.value)
    assert "DREAMNET_SLACK_URL" in caught.value.message


def test_a_variable_that_is_missing_is_named(inbox: Inbox) -> None:
    with pytest.raises(ConfigError, match="DREAMNET_SLACK_URL is not set"):
        SlackNotifier(SlackOptions(), {}).notify(ALERT)
    with pytest.raises(ConfigError, match="NONE is not set"):
        webhook(inbox, secret_variable="NONE").notify(ALERT)
    assert inbox.got == []


def _hides(error: DreamNetError) -> None:
    shown = "".join(traceback.format_exception(error)) + error.hint
    assert "secretpath" not in shown.partition("Traceback")[0] + str(error) + repr(error.args)
    assert error.__cause__ is None
    assert error.__context__ is None


HOSTILE = (
    "<!channel>",
    "<@U123>",
    "<https://evil.example|ok>",
    "@here",
    "#general",
    ":tada:",
    "*bold*",
    "https://evil.example",
)


def test_untrusted_text_means_nothing_in_slack() -> None:
    for text in [*HOSTILE, *(one.text for one in corpus("/nowhere/canary"))]:
        shown = neutral(text)
        assert not {"<", ">", "\n", "\r"} & set(shown), text
        for sign in ("@here", "@channel", "#general", "://", ":tada:", "*bold*"):
            assert sign not in shown, text
        whole = message(replace(ALERT, key=text, because=text, seen=text, health=text, approves=text))
        said = json.dumps(whole, ensure_ascii=False)
        assert whole["text"].count("<") == 0
        assert said.count("<") == 1, text  # our own link to the dream
        assert "<https://example.com/octo/shop/issues/7|Dream 7>" in said


def test_a_page_that_is_no_plain_address_is_no_link() -> None:
    said = json.dumps(message(replace(ALERT, page="https://example.com/|<!channel>")))
    assert "<" not in said
