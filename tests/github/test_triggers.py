"""Which workflows an event starts; filter patterns are GitHub's documented examples."""

from __future__ import annotations

from typing import Any

import pytest

from dreamnet_actions.testing.github.actions import dispatching, expressions, globs, triggers, workflow
from dreamnet_actions.testing.github.actions.lexer import ExpressionMistake
from dreamnet_actions.testing.github.hosting import Event

JOBS = "jobs: {a: {runs-on: ubuntu-latest, steps: [{run: 'true'}]}}\n"

# https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#filter-pattern-cheat-sheet
REFS = {
    "feature/*": "feature/my-branch feature/your-branch",
    "feature/**": "feature/beta-a/my-branch feature/your-branch feature/mona/the/octocat",
    "main": "main",
    "releases/mona-the-octocat": "releases/mona-the-octocat",
    "*": "main releases",
    "**": "all/the/branches every/tag",
    "*feature": "mona-feature feature ver-10-feature",
    "v2*": "v2 v2.0 v2.9",
    "v[12].[0-9]+.[0-9]+": "v1.10.1 v2.0.0",
    "Octo*": "Octocat",
    "[CB]at": "Cat Bat",
    "[1-2]00": "100 200",
}
PATHS = {
    "*": "README.md server.rb",
    "*.jsx?": "page.js page.jsx",
    "**": "all/the/files.md",
    "*.js": "app.js index.js",
    "**.js": "index.js js/index.js src/js/app.js",
    "docs/*": "docs/README.md docs/file.txt",
    "docs/**": "docs/README.md docs/mona/octocat.txt",
    "docs/**/*.md": "docs/README.md docs/mona/hello-world.md docs/a/markdown/file.md",
    "**/docs/**": "docs/hello.md dir/docs/my-file.txt space/docs/plan/space.doc",
    "**/README.md": "README.md js/README.md",
    "**/*src/**": "a/src/app.js my-src/code/js/app.js",
    "**/*-post.md": "my-post.md path/their-post.md",
    "**/migrate-*.sql": "migrate-10909.sql db/migrate-v1.0.sql db/sept/migrate-v1.sql",
}
OUTSIDE = {
    "feature/*": "feature/a/b features/x",
    "*": "a/b",
    "v[12].[0-9]+.[0-9]+": "v3.1.1 v1.1 v1.10.1-rc",
    "*.js": "js/index.js app.jsx",
    "docs/*": "docs/mona/octocat.txt README.md",
    "docs/**/*.md": "doc/README.md docs/a.txt",
    "*.jsx?": "page.jsxx page.j",
    "[CB]at": "Rat at",
}


@pytest.mark.parametrize(("pattern", "names"), [*REFS.items(), *PATHS.items()])
def test_documented_examples_match(pattern: str, names: str) -> None:
    assert [name for name in names.split() if not globs.matches([pattern], name)] == []


@pytest.mark.parametrize(("pattern", "names"), OUTSIDE.items())
def test_what_the_pages_exclude_does_not_match(pattern: str, names: str) -> None:
    assert [name for name in names.split() if globs.matches([pattern], name)] == []


def test_later_patterns_win() -> None:
    assert [
        one
        for one in ("hello.md", "README.md", "docs/hello.md")
        if globs.matches(["*.md", "!README.md"], one)
    ] == ["hello.md"]
    again = ["*.md", "!README.md", "README*"]
    assert all(globs.matches(again, one) for one in ("hello.md", "README.md", "README.doc"))


def test_any_pattern_compiles() -> None:
    for pattern in ("[z-a]", "a**+?", "??", "+", "[", "[]", "\\", "a\\*b", "(x|y)", "**/**/", "[^/]"):
        globs.matches([pattern], "some/name")
    assert globs.matches(["a\\*b"], "a*b")
    assert not globs.matches(["a\\*b"], "axb")


def starts(on: str, **event: Any) -> bool:
    read = workflow.read(".github/workflows/one.yml", f"{on}\n{JOBS}".encode())
    assert not read.mistakes, read.mistakes
    facts = {"changed": event.pop("changed", lambda: None), "message": event.pop("message", "")}
    settings = {"repository": "octo/demo", "ref": "refs/heads/main", "sha": "1" * 40, **event}
    return bool(triggers.choose([read], Event(**settings), **facts))


@pytest.mark.parametrize(
    ("on", "ref", "expected"),
    [
        ("on: push", "refs/heads/x", True),
        ("on: [push, issues]", "refs/tags/v1", True),
        ("on: {push: {branches: [main, 'mona/octocat', 'releases/**']}}", "refs/heads/releases/10", True),
        ("on: {push: {branches: [main]}}", "refs/heads/releases/10", False),
        ("on: {push: {branches: [main]}}", "refs/tags/main", False),
        ("on: {push: {tags: ['v1.*']}}", "refs/tags/v1.9.1", True),
        ("on: {push: {tags: ['v1.*']}}", "refs/heads/v1.9.1", False),
        (
            "on: {push: {branches-ignore: ['mona/octocat', 'releases/**-alpha']}}",
            "refs/heads/releases/10-alpha",
            False,
        ),
        ("on: {push: {branches-ignore: ['releases/**-alpha']}}", "refs/heads/releases/10", True),
        ("on: {push: {tags-ignore: [v2]}}", "refs/tags/v1", True),
        ("on: {push: {tags-ignore: [v2]}}", "refs/heads/main", False),
        (
            "on: {push: {branches: ['releases/**', '!releases/**-alpha']}}",
            "refs/heads/releases/beta/3-alpha",
            False,
        ),
        ("on: {push: {branches: ['releases/**', '!releases/**-alpha']}}", "refs/heads/releases/10", True),
        ("on: workflow_dispatch", "refs/heads/main", False),
    ],
)
def test_push_by_branch_and_tag(on: str, ref: str, expected: bool) -> None:
    assert starts(on, name="push", ref=ref) is expected


@pytest.mark.parametrize(
    ("on", "paths", "expected"),
    [
        ("on: {push: {paths: ['**.js']}}", ["a.md", "src/x.js"], True),
        ("on: {push: {paths: ['**.js']}}", ["a.md"], False),
        ("on: {push: {paths-ignore: ['docs/**']}}", ["docs/a.md"], False),
        ("on: {push: {paths-ignore: ['docs/**']}}", ["docs/a.md", "b"], True),
        (
            "on: {push: {paths: ['sub-project/**', '!sub-project/docs/**']}}",
            ["sub-project/docs/readme.md"],
            False,
        ),
        ("on: {push: {paths: ['sub-project/**', '!sub-project/docs/**']}}", ["sub-project/index.js"], True),
        ("on: {push: {paths: [x], branches: [main]}}", ["x"], True),
        ("on: {push: {paths: [x], branches: [other]}}", ["x"], False),
        ("on: {push: {paths: [x]}}", None, True),
    ],
)
def test_push_by_paths(on: str, paths: list[str] | None, expected: bool) -> None:
    assert starts(on, name="push", changed=lambda: paths) is expected


def test_paths_do_not_count_for_tags() -> None:
    assert starts("on: {push: {paths: [never], tags: ['*']}}", name="push", ref="refs/tags/v1", changed=list)


@pytest.mark.parametrize(
    ("on", "name", "action", "expected"),
    [
        ("on: issues", "issues", "labeled", True),
        ("on: {issues: {types: [opened]}}", "issues", "labeled", False),
        ("on: {issues: {types: opened}}", "issues", "opened", True),
        ("on: issue_comment", "issue_comment", "deleted", True),
        ("on: pull_request", "pull_request", "labeled", False),
        ("on: pull_request", "pull_request", "synchronize", True),
        ("on: {pull_request: {types: [labeled]}}", "pull_request", "labeled", True),
        ("on: release", "release", "edited", True),
        ("on: repository_dispatch", "repository_dispatch", "anything", True),
        (
            "on: {repository_dispatch: {types: [dreamnet.message.v1]}}",
            "repository_dispatch",
            "dreamnet.message.v1",
            True,
        ),
        (
            "on: {repository_dispatch: {types: [dreamnet.message.v1]}}",
            "repository_dispatch",
            "dreamnet.message.v2",
            False,
        ),
        ("on: {schedule: [{cron: '5 4 * * *'}]}", "schedule", "5 4 * * *", True),
        ("on: {schedule: [{cron: '5 4 * * *'}]}", "schedule", "6 4 * * *", False),
    ],
)
def test_activity_types(on: str, name: str, action: str, expected: bool) -> None:
    assert starts(on, name=name, action=action) is expected


@pytest.mark.parametrize(
    "message",
    [
        "x [skip ci]",
        "[CI SKIP] y",
        "[no ci]",
        "a\n\n[skip actions]",
        "[actions skip]",
        "title\n\n\nskip-checks: true",
        "title\n\n\nskip-checks:true\n",
    ],
)
def test_skipped_by_its_message(message: str) -> None:
    assert not starts("on: push", name="push", message=message)
    assert starts("on: issues", name="issues", action="opened", message=message)


@pytest.mark.parametrize("message", ["skip ci", "[skip-ci]", "we said skip-checks: true once"])
def test_not_skipped_by_words(message: str) -> None:
    assert starts("on: push", name="push", message=message)


def test_a_workflow_token_starts_only_the_two_dispatches() -> None:
    for name in ("push", "issues", "issue_comment", "release", "create"):
        assert not starts(f"on: {name}", name=name, action="opened", by_workflow=True)
    assert starts("on: repository_dispatch", name="repository_dispatch", action="x", by_workflow=True)
    assert starts("on: workflow_dispatch", name="workflow_dispatch", by_workflow=True)


def test_deleting_a_branch_starts_nothing() -> None:
    assert not starts("on: push", name="push", sha="0" * 40)


def test_a_disabled_workflow_and_another_ones_file_are_left_out() -> None:
    read = workflow.read(".github/workflows/a.yml", f"on: schedule\n{JOBS}".encode())
    event = Event(name="push", repository="o/d", ref="refs/heads/main", sha="1" * 40)
    one = workflow.read(".github/workflows/a.yml", f"on: push\n{JOBS}".encode())
    assert triggers.choose([one], event, disabled=lambda path: path.endswith("a.yml")) == []
    other = Event(
        name="workflow_dispatch", repository="o/d", ref="refs/heads/main", sha="1" * 40, workflow="b.yml"
    )
    assert triggers.choose([one, read], other) == []


def test_where_an_event_is_heard() -> None:
    event = Event(name="issues", repository="o/d", ref="refs/heads/x", sha="1" * 40)
    assert triggers.heard_at(event, "2" * 40) == "2" * 40
    push = Event(name="push", repository="o/d", ref="refs/heads/x", sha="1" * 40)
    assert triggers.heard_at(push, "2" * 40) == "1" * 40


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "on: push\njobs: {a: {runs-on: x, steps: [{run: a}]}",
            "You have an error in your yaml syntax on line 2",
        ),
        ("on: psh\n" + JOBS, "(Line: 1, Col: 1): Unexpected value 'psh'"),
        ("on: push\non: issues\n" + JOBS, "yaml syntax on line 2"),
        ("name: x\n" + JOBS, "Required property is missing: on"),
        ("on: push\njobs: {a: {steps: [{run: a}]}}", "Required property is missing: runs-on"),
        (
            "on: push\njobs: {a: {runs-on: x, needs: b, steps: [{run: a}]}}",
            "Job 'a' depends on unknown job 'b'.",
        ),
        ("on: push\njobs: {a: {runs-on: x, needs: a, steps: [{run: a}]}}", "creates a cycle"),
        ("on: push\npermissions: {content: read}\n" + JOBS, "Unexpected value 'content'"),
        ("on: push\npermissions: {id-token: read}\n" + JOBS, "Unexpected value 'read'"),
        ("on: push\nconcurrency: {group: a, queue: all}\n" + JOBS, "Unexpected value 'all'"),
        (
            "on: push\nconcurrency: {group: a, queue: max, cancel-in-progress: true}\n" + JOBS,
            "cannot be combined",
        ),
        ("on: {push: {branches: [a], branches-ignore: [b]}}\n" + JOBS, "you may only define one of"),
        ("on: {schedule: [{cron: '* * * * *'}]}\n" + JOBS, "shortest interval is once every 5 minutes"),
        ("on: {schedule: [{cron: 'nonsense'}]}\n" + JOBS, "Invalid cron 'nonsense'"),
        ("on: {issues: {types: [open]}}\n" + JOBS, "Unexpected value 'open'"),
        ("on: push\nrun-name: ${{ github.actor\n" + JOBS, "The expression is not closed"),
        ("on: push\njobs: {a: {runs-on: x, steps: [{run: a, uses: b}]}}", "Unexpected value 'run'"),
        ("on: push\njobs: {'a b': {runs-on: x, steps: [{run: a}]}}", "The identifier 'a b' is invalid"),
    ],
)
def test_mistakes_make_a_failed_run_with_githubs_words(text: str, told: str) -> None:
    read = workflow.read(".github/workflows/x.yml", text.encode())
    assert told in "; ".join(read.mistakes)
    event = Event(name="push", repository="o/d", ref="refs/heads/main", sha="1" * 40)
    assert [one.broken for one in triggers.choose([read], event)] == [True]


DISPATCH = """
on:
  workflow_dispatch:
    inputs:
      service: {type: choice, options: [web, api], required: true, default: web}
      size: {type: choice, options: [s, m]}
      note: {required: true}
      loud: {type: boolean, default: false}
      many: {type: number, default: 3}
"""


def test_dispatch_inputs_are_settled_and_typed() -> None:
    read = workflow.read("x.yml", (DISPATCH + JOBS).encode())
    settled = dispatching.settle(read, {"note": "hi", "loud": True})
    assert settled == {"service": "web", "size": "", "note": "hi", "loud": "true", "many": "3"}
    assert dispatching.typed(read.dispatch_inputs, settled) == {
        "service": "web",
        "size": "",
        "note": "hi",
        "loud": True,
        "many": 3,
    }


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ({}, "Required input 'note' not provided"),
        ({"note": "x", "servce": "web"}, 'Unexpected inputs provided: ["servce"]'),
        ({"note": "x", "service": "db"}, "not in the list of allowed values"),
        ({"note": "x", "loud": "maybe"}, "is not a boolean"),
        ({"note": "x", "many": "lots"}, "is not a number"),
    ],
)
def test_dispatch_inputs_that_are_refused(inputs: dict[str, Any], told: str) -> None:
    read = workflow.read("x.yml", (DISPATCH + JOBS).encode())
    with pytest.raises(dispatching.DispatchRefused) as refused:
        dispatching.settle(read, inputs)
    assert told in str(refused.value)


CONTEXT = {
    "github": {
        "actor": "mona",
        "event": {"issue": {"number": 7, "labels": [{"name": "a"}, {"name": "b"}]}, "x": None},
    },
    "inputs": {"loud": True, "who": ""},
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Deploy by @${{ github.actor }}", "Deploy by @mona"),
        ("${{ inputs.who || github.actor }}", "mona"),
        ("${{ inputs.loud && 'LOUD' || 'quiet' }}", "LOUD"),
        ("${{ github.event.issue.number == '7' }}", True),
        ("${{ github.event.issue.labels.*.name }}", ["a", "b"]),
        ("${{ join(github.event.issue.labels.*.name, '+') }}", "a+b"),
        ("${{ contains(github.event.issue.labels.*.name, 'B') }}", True),
        ("${{ format('{0}-{1} {{x}}', github.actor, 1.0) }}", "mona-1 {x}"),
        ("${{ github.event['issue']['number'] }}", 7),
        ("${{ github.event.nothing.at.all }}", None),
        ("${{ 'it''s }} fine' }}", "it's }} fine"),
        ("${{ !github.event.x && 1 < 2 && 'a' != 'B' }}", True),
        ("${{ null == 0 }} ${{ 'A' == 'a' }} ${{ '' == 0 }} ${{ true == 1 }}", "true true true true"),
        ("${{ fromJSON('[1,2]')[1] }}", 2),
        ("${{ startsWith('Hello', 'he') }}${{ endsWith('Hello', 'LO') }}", "truetrue"),
        ("${{ 0x10 }}-${{ -2.50 }}-${{ 1e3 }}", "16--2.5-1000"),
        ("${{ case(false, 'a', inputs.loud, 'b', 'c') }}", "b"),
        ("no expression", "no expression"),
    ],
)
def test_expressions(text: str, value: Any) -> None:
    assert expressions.interpolate(text, CONTEXT) == value


@pytest.mark.parametrize(
    "text",
    [
        "${{ }}",
        "${{ secret.x }}",
        "${{ a b }}",
        "${{ nope() }}",
        "${{ github. }}",
        "${{ (1 }}",
        "${{ github.actor",
        "${{ format('{9}', 1) }}",
        "${{ " + "(" * 60 + "1" + ")" * 60 + " }}",
    ],
)
def test_expressions_that_are_mistakes(text: str) -> None:
    with pytest.raises(ExpressionMistake):
        expressions.interpolate(text, CONTEXT)
