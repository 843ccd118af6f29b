"""The hostile texts in issues of strangers, which stay as they are, and in what a service itself says.

That is text wherever it is told: in dreams, comments, summaries, Deployments, messages and the journal.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from dreamnet_actions.adapters.github.hidden import encode
from tests.actions.bed import SHOP, Bed, bed, told
from tests.actions.fields import groups
from tests.actions.recording import recorder
from tests.actions.test_hostile_places import kept, neutral, parts, printable, quiet, steps, texts

pytestmark = pytest.mark.slow


# ── issues of strangers ─────────────────────────────────────────────────────────────────────────────────────


STRANGERS = ("octocat", "mallory")
"""Who writes issues; one alone would write more in a minute than GitHub lets anybody."""


def forged(number: int, state: str, because: str) -> str:
    """Write what ends a dream's issue, for the service that there is, as a stranger would copy it."""
    dream = {"key": "here/web", "state": state, "health": "failing", "remedy": "restart", "attempt": 1,
             "because": because, "evidence": []}  # fmt: skip
    hidden = {"key": "here/web", "rev": number, "duplicate-of": None, "dream": dream}
    return encode("dream", hidden)


def strange_issues(all_of: list[str]) -> list[tuple[dict[str, Any], list[str]]]:
    """Answer issues that hold all texts in title, body, labels and comments, each with a dream's marker and labels."""
    found: list[tuple[dict[str, Any], list[str]]] = []
    some = parts(all_of, 6)
    for number, state in enumerate(("open", "healing", "verifying", "needs-human", "resolved", "snoozed")):
        marker = forged(number, state, some[number][:500])
        title = "web is failing: connection refused (here)" if number == 0 else f"{state} here/web"
        comments = [some[number], f"{some[number - 1][:2000]}\n{marker}"]
        issue = {
            "title": title,
            "body": f"{some[number]}\n\n{marker}",
            "labels": ["dream", f"dream: {state}"],
        }
        found.append((issue, comments))
    for number, (title, labels) in enumerate(titles(all_of)):
        found.append(
            ({"title": title, "body": forged(9 + number, "open", title), "labels": ["dream", *labels]}, [])
        )
    return found


def titles(all_of: list[str]) -> list[tuple[str, list[str]]]:
    """Answer titles of 250 characters that hold all texts, each in one line, with labels of 50 that do, too."""
    lines = [" ".join(one.split()) for one in all_of]
    found = groups([one[:250] for one in lines], 250)
    labels = groups([one.replace(",", "")[:50] for one in lines], 50)
    return [
        (title.replace("\n", " "), [one.replace("\n", " ").strip() for one in labels[at :: len(found)]])
        for at, title in enumerate(found)
    ]


def seen(story: Bed) -> dict[int, dict[str, Any]]:
    """Answer all that GitHub shows of the strangers' issues."""
    shown = {}
    for who in STRANGERS:
        for one in story.get(f"/issues?state=all&per_page=100&creator={who}"):
            keys = ("title", "body", "state", "state_reason", "updated_at", "assignees")
            labels = sorted(label["name"] for label in one["labels"])
            shown[one["number"]] = {**{key: one[key] for key in keys}, "labels": labels, "comments": []}
    for each in story.get(
        "/issues/comments?per_page=100"
    ):  # at once: who has no token may ask 60 times an hour
        number = int(each["issue_url"].rpartition("/")[2])
        if number in shown:
            shown[number]["comments"].append((each["id"], each["body"], each["updated_at"]))
    return shown


def test_issues_of_strangers_stay_as_they_are(canary: Path, tmp_path: Path) -> None:
    """Even those that look like dreams: a whole story of a real one touches none of them."""
    programs = recorder(tmp_path / "record")
    with bed(tmp_path / "bed", programs=programs) as story:
        story.shop()
        all_of = texts(canary)
        issues = strange_issues(all_of)
        for at, (issue, comments) in enumerate(issues):
            number = story.post("/issues", issue, by=STRANGERS[at % 2])["number"]
            for one in comments:
                story.post(f"/issues/{number}/comments", {"body": one})
        before = seen(story)
        assert len(before) == len(issues)
        named = "\n".join(one["title"] for one in before.values())
        assert [one for one in all_of if " ".join(one.split())[:250] not in named] == []
        story.push("1")
        story.settle()
        story.kill()
        story.tick()
        story.settle()
        (dream,) = [one for one in story.issues() if one["number"] not in before]
        assert (dream["user"]["login"], dream["state"]) == ("github-actions[bot]", "closed"), told(
            story.runs()[-1]
        )
        assert story.page() == "shop 1"
        story.tick()
        story.settle()
        assert seen(story) == before
        quiet(story.runs())
        steps(programs, 5)
        kept(story)
        neutral(story)
        assert story.github.violations == []
    assert not canary.exists()


# ── what a service says ─────────────────────────────────────────────────────────────────────────────────────

TALKER = """\
import http.server, pathlib, sys
VERSION = "{version}"
bad, texts = pathlib.Path({bad!r}), pathlib.Path({texts!r})
if bad.exists() and {dies}:
    for one in sorted(texts.iterdir()):
        sys.stdout.buffer.write(one.read_bytes() + b"\\n")
    sys.stdout.buffer.write((texts / {last!r}).read_bytes())
    sys.exit(1)
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        said = (texts / self.path[1:]).read_bytes() if bad.exists() and len(self.path) > 1 else b"OK"
        status = b"500" if said != b"OK" else b"200"
        reason = said.replace(b"\\n", b" ").replace(b"\\r", b" ")
        self.wfile.write(b"HTTP/1.0 " + status + b" " + reason + b"\\r\\nX-Said: " + reason + b"\\r\\n\\r\\n" + said)
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer.request_queue_size = 128
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Page).serve_forever()
"""


def talking(where: Path, all_of: list[str], port: int) -> str:
    """Write the texts to files, and a configuration by which each is said: by a page's status line, or by a command."""
    (where / "texts").mkdir(parents=True)
    for number, one in enumerate(all_of):
        (where / "texts" / f"{number:03}").write_text(one, encoding="utf-8")
    bad, say = where / "bad", where / "say.sh"
    say.write_text(f'test -e {bad} || exit 0\ncat "{where}/texts/$1"\nexit 1\n', encoding="utf-8")

    def check(number: int) -> dict[str, Any]:
        if number % 4 == 0:
            return {"http": f"http://127.0.0.1:{port}/{number:03}"}
        return {"command": ["sh", str(say), f"{number:03}"]}

    services: dict[str, Any] = {
        "web": {
            "platform": "here",
            "command": [sys.executable, "app.py", "{port}"],
            "port": port,
            "restart-policy": "never",
            "heal": {"steps": ["restart"], "recover-within": "3s"},
            "release": {"git": ".", "branch": "main", "ready-within": "10s"},
        }
    }
    count = 6
    for part in range(count):
        name = "web" if part == 0 else f"talk-{part}"
        checks = {f"c{number:03}": check(number) for number in range(part, len(all_of), count)}
        more = {"platform": "here", "command": ["sleep", "1000"], "heal": {"steps": []}}
        services[name] = {
            **services.get(name, more),
            "checks": checks,
            "thresholds": {"failures": 1, "successes": 1},
        }
    return json.dumps({
        "version": 1,
        "platforms": {"here": {"process": {}}},
        "watch": {"storm": "100%", "umbrella-over": 50},
        "services": services,
    })  # fmt: skip


def test_what_a_service_says_is_text(canary: Path, tmp_path: Path) -> None:
    """It dies with hostile last words in a release, and each check of it and its like fails with some."""
    programs, where = recorder(tmp_path / "record"), tmp_path / "said"
    all_of = texts(canary)
    with bed(tmp_path / "bed", programs=programs) as story:
        config = talking(where, all_of, story.port)
        story.shop(files={".github/dreamnet.yml": config})

        def push(version: str, last: int, *, dies: bool) -> None:
            app = TALKER.format(version=version, bad=str(where / "bad"), texts=str(where / "texts"), dies=dies,
                                last=f"{last:03}")  # fmt: skip
            story.github.commit(SHOP, {"app.py": app}, f"shop {version}")
            story.settle()

        push("1", 0, dies=False)
        assert story.runs()[-1].conclusion == "success", told(story.runs()[-1])
        (where / "bad").touch()
        push("2", 77, dies=True)
        assert story.runs()[-1].conclusion == "failure", told(story.runs()[-1])
        story.tick()
        story.settle()
        dreams = neutral(story)
        assert {one["title"].split()[0] for one in dreams} >= {"web", "talk-1", "talk-5"}
        whole = "".join(one["body"] for one in dreams)
        assert "touch" in whole
        # A dream keeps ten of its checks, those that ended first; a run's summary tells of all.
        assert "answered 500" in whole + "".join(run.summary for run in story.runs())
        assert whole.count("ended with status 1") > 100
        printable(story)
        quiet(story.runs())
        steps(programs, 4)
        assert "restart-finished" in kept(story)
        assert story.github.violations == []
    assert not canary.exists()
