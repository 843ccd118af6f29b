"""What a sandbox is made of: the machine that it lends, DreamNet itself in it, its words, its Markdown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dreamnet_actions
from dreamnet_actions.testing.github.actions import telling
from dreamnet_actions.testing.github.actions.runs import Annotation, Attempt, Job, Run
from dreamnet_actions.testing.github.actions.workflow import read
from dreamnet_actions.testing.github.hosting import Event
from dreamnet_actions.testing.github.sandbox import house, leftovers
from dreamnet_actions.testing.github.sandbox.machine import Machine
from dreamnet_actions.testing.github.sandbox.markdown import rendered
from tests.actions.bed import ROOT

PACKAGE = Path(dreamnet_actions.__file__).parent


# ── the machine ─────────────────────────────────────────────────────────────────────────────────────────────


def test_steps_see_where_packages_come_from_and_no_secret(tmp_path: Path) -> None:
    seen = Machine(
        tmp_path,
        {
            "HOME": "/home/me", "SSL_CERT_FILE": "/ca.pem", "UV_DEFAULT_INDEX": "https://mirror.example/simple",
            "https_proxy": "http://proxy:1", "no_proxy": "intern", "GITHUB_TOKEN": "t", "AWS_SECRET_ACCESS_KEY": "s",
            "UV_PUBLISH_TOKEN": "t", "UV_INDEX_X_PASSWORD": "p", "NPM_CONFIG__AUTH": "a",
        },
    ).environment()  # fmt: skip
    assert seen == {
        "SSL_CERT_FILE": "/ca.pem",
        "UV_DEFAULT_INDEX": "https://mirror.example/simple",
        "https_proxy": "http://proxy:1",
        "no_proxy": "intern,127.0.0.1,localhost",
        "NO_PROXY": "127.0.0.1,localhost",
        "HOME": str(tmp_path / "home"),
        "DREAMNET_ACTION_HOME": "/home/me/.cache/dreamnet",
    }
    assert (tmp_path / "home").is_dir()


@pytest.mark.parametrize(
    ("environ", "place"),
    [
        ({"XDG_CACHE_HOME": "/c", "HOME": "/h"}, "/c/dreamnet"),
        ({"DREAMNET_ACTION_HOME": "/d", "XDG_CACHE_HOME": "/c"}, "/d"),
        ({}, "/root-of-it/dreamnet"),
    ],
)
def test_tools_outlive_a_sandbox_where_there_is_a_place(environ: dict[str, str], place: str) -> None:
    assert Machine(Path("/root-of-it"), environ).tools == Path(place)


# ── DreamNet itself ─────────────────────────────────────────────────────────────────────────────────────────


def carried() -> dict[str, str]:
    """Answer what the wheel carries beside the package, by its path in the repository."""
    import tomllib

    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    found: dict[str, str] = build["targets"]["wheel"]["force-include"]
    return found


def test_a_wheel_carries_all_that_a_workflow_needs(tmp_path: Path) -> None:
    prefix = (Path(house.__file__).with_name(house.PUBLISHED)).relative_to(ROOT).as_posix()
    for source, target in carried().items():
        assert target == f"{prefix}/{source}"
        place = tmp_path / source
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes((ROOT / source).read_bytes())
    files = house.installed(PACKAGE, tmp_path)
    workflows = [one for one in files if one.startswith(".github/workflows/")]
    assert sorted(workflows) == sorted(
        f".github/workflows/{one}{kind}.yml"
        for one in ("deploykeeper", "dreamkeeper", "envkeeper", "envkeeper-plan", "relaybot")
        for kind in ("", "-oidc")
    )
    assert b"scripts/action.py" in files["action.yml"]
    for needed in (
        "scripts/action.py",
        "requirements/action.txt",
        "requirements/uv.txt",
        "dreamnet_actions/pipe.py",
    ):
        assert files[needed] == (ROOT / needed).read_bytes()
    assert not [one for one in files if "__pycache__" in one or f"/{house.PUBLISHED}/" in one]


def test_a_build_without_them_has_no_house(tmp_path: Path) -> None:
    assert house.installed(PACKAGE, tmp_path) == {}


# ── leftovers ───────────────────────────────────────────────────────────────────────────────────────────────


def test_only_what_a_dead_sandbox_left_is_swept(tmp_path: Path) -> None:
    living, dead, foreign, other = (
        tmp_path / name for name in ("dreamnet-sandbox-a", "dreamnet-sandbox-b", "dreamnet-sandbox-c", "else")
    )
    for folder in (living, dead, foreign, other):
        folder.mkdir()
    linked = tmp_path / "dreamnet-sandbox-d"
    linked.symlink_to(other)
    leftovers.live(other).close()
    leftovers.live(dead).close()
    ended: list[Path] = []

    def end(state: Path) -> int:
        ended.append(state)
        return 1

    with leftovers.live(living):
        assert leftovers.sweep(tmp_path, end) == 1
        assert ended == [dead / "state"]
        assert living.is_dir()
        assert not dead.exists()
    assert foreign.is_dir()
    assert other.is_dir()
    assert leftovers.sweep(tmp_path, end) == 1
    assert not living.exists()


# ── words ───────────────────────────────────────────────────────────────────────────────────────────────────


def run(conclusion: str, *, said: str = "", notes: list[Annotation] | None = None) -> Run:
    workflow = read(
        ".github/workflows/dream.yml", b"on: push\njobs: {a: {runs-on: x, steps: [{run: 'true'}]}}"
    )
    event = Event(name="push", repository="o/r", ref="refs/heads/main", sha="0" * 40)
    job = Job(id=2, path=("a",), name="a", created_at=0.0, outputs={"summary": said} if said else {})
    attempt = Attempt(
        number=1, created_at=0.0, started_at=1.0, completed_at=3.5, conclusion=conclusion, jobs=[job],
        annotations=notes or [],
    )  # fmt: skip
    return Run(
        id=7, number=3, repository="o/r", workflow_id=1, workflow=workflow, event=event, sha="0" * 40,
        ref="refs/heads/main", title="t", group=None, inputs={}, attempts=[attempt],
    )  # fmt: skip


def test_a_run_tells_what_came_of_it() -> None:
    assert telling.began(run("")) == "dream.yml #3 (push) started: t"
    assert list(telling.ended(run("success", said="web is healthy."), "http://h")) == [
        "dream.yml #3 ended after 2.5 s: success",
        "  web is healthy.",
    ]
    notes = [
        Annotation(level="warning", message="late"),
        Annotation(level="error", message="no\nroom " + "x" * 400),
    ]
    _, why, where = telling.ended(run("failure", said="s", notes=notes), "http://h")
    assert why.startswith("  no room xxx")
    assert len(why) == telling.LONGEST + 2
    assert where == "  http://h/o/r/actions/runs/7"
    assert list(telling.ended(run("cancelled"), "http://h")) == ["dream.yml #3 ended after 2.5 s: cancelled"]


# ── Markdown ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_dream_is_shown_as_on_github() -> None:
    text = "**web** fails\n\n- a\n\n<details><summary>Evidence & more</summary>\n\n- b\n\n</details>\n\n<!-- secret -->"
    html = rendered(text)
    assert "<strong>web</strong>" in html
    assert "<details><summary>Evidence &amp; more</summary>" in html
    assert html.count("</details>") == 1
    assert "secret" not in html
    assert "<td>x</td>" in rendered("| a |\n|---|\n| x |")


_ALLOWED = re.compile(
    r"</?(?:p|ul|ol|li|strong|em|s|code|pre|h[1-6]|blockquote|details|summary|table|thead|tbody|tr|th|td)>"
    r"|<(?:br|hr) />|<code class=\"[^\"<>]*\">|<ol start=\"\d+\">|<t[hd] style=\"text-align:\w+\">"
    r"|<a href=\"[^\"<>]*\"(?: title=\"[^\"<>]*\")?>|</a>"
    r"|<img src=\"[^\"<>]*\" alt=\"[^\"<>]*\"(?: title=\"[^\"<>]*\")? />"
)


@given(
    st.lists(
        st.sampled_from(
            ["<script>", "</details>", "<details><summary>", "</summary>", "<img onerror=x>", "<!--", "-->", "`", "*",
             "[a](javascript:alert(1))", "[b](http://x)", "\n\n", "| a |\n|---|\n", "> ", "&lt;", "\"", "x"]
        ), max_size=12,
    ).map("".join)
)  # fmt: skip
def test_no_text_becomes_html_of_its_own(text: str) -> None:
    html = rendered(text)
    assert "<" not in _ALLOWED.sub("", html), html
    assert 'href="javascript' not in html
    assert html.count("<details>") == html.count("</details>")
