"""The pages hold everything that there is, name nothing that there is not, and what they show can be read."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

import pytest
from click.testing import CliRunner

from dreamnet_actions import bootstrap
from dreamnet_actions.adapters.table import ROWS
from dreamnet_actions.bootstrap import late
from dreamnet_actions.domain.actions import ACTIONS
from dreamnet_actions.domain.journal import KINDS
from dreamnet_actions.domain.request import parse_request
from dreamnet_actions.domain.result import Outcome, Verdict
from dreamnet_actions.entrances.cli.root import dreamnet
from dreamnet_actions.entrances.cli.table import COMMANDS
from dreamnet_actions.entrances.setup.called import CALLED, VARIABLES
from tests.docs import blocks, errors, generate, options, workflows
from tests.docs.pages import ROOT, anchors, fences, headings, links, pages, shown

DOCS = ROOT / "docs"


def read(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


@pytest.mark.parametrize("agent", ACTIONS)
def test_every_action_has_its_heading_request_and_result(agent: str) -> None:
    text = read(f"{agent}.md")
    found = headings(text)
    for action in ACTIONS[agent]:  # type: ignore[index]
        assert action in found, f"docs/{agent}.md lacks '## {action}'"
        part = text[text.index(f"\n## {action}\n") :].split("\n## ")[1]
        assert f"generated: action {agent} {action} -->" in part
        kinds = [one.lang for one in fences(part)]
        assert kinds[0] == "json", f"{agent} {action} shows no request"
        assert {"sh", "text"} <= set(kinds), f"{agent} {action} shows no result"
        asked = [json.loads(one.body) for one in fences(part) if one.lang == "json"]
        assert any(parse_request(one, fresh_id="x").action == action for one in asked)


def test_each_usage_is_the_one_that_the_command_prints() -> None:
    text = read("commands.md")
    shown = re.findall(r"^Usage: dreamnet (?!demo)(.*?) ?\[OPTIONS\]", text, re.M)
    assert len(shown) > len(COMMANDS)
    for path in shown:
        said = CliRunner().invoke(dreamnet, [*path.split(), "--help"], prog_name="dreamnet")
        assert said.exit_code == 0, path
        assert said.output.splitlines()[0] in text.splitlines(), path


def test_every_option_is_in_the_configuration_page() -> None:
    text = read("configuration.md")
    for section in options.sections():
        assert f"### {options.heading(section)}\n" in text
        assert options.table(section.model, section.keys) in text


def test_every_variable_that_is_read_is_in_the_configuration_page() -> None:
    """But for those between parts of ours: the action's inputs, and marks of processes that we start."""
    ours = {"DREAMNET_PLATFORM", "DREAMNET_REPLICA", "DREAMNET_SANDBOX_JOB", "DREAMNET_WORKFLOWS"}
    read_by_us = {
        name
        for file in (ROOT / "dreamnet_actions").rglob("*.py")
        for name in re.findall(r"[\"'](DREAMNET_[A-Z_]+)[\"']", file.read_text("utf-8"))
        if not name.startswith("DREAMNET_INPUT_")
    }
    told = set(re.findall(r"^\| `(DREAMNET_[A-Z_]+)` \|", read("configuration.md"), re.M))
    assert told - {"DREAMNET_PYTHON"} == read_by_us - ours


def test_the_workflows_hand_the_repositorys_variables_on() -> None:
    for keeper in workflows.KEEPERS:
        steps = [job for job in workflows.workflow(keeper)["jobs"].values() if "steps" in job]
        names = ("DREAMNET_PAUSED", "DREAMNET_STATE", "DREAMNET_LOGIN")
        wanted = {one: f"${{{{ vars.{one} }}}}" for one in names}
        if keeper == "dreamkeeper":  # the one that calls for people
            secrets = ("slack-url", "webhook-url", "webhook-secret")
            wanted |= {
                f"DREAMNET_{one.upper().replace('-', '_')}": f"${{{{ secrets.{one} }}}}" for one in secrets
            }
        if keeper != "relaybot":  # it hands on what it is given
            takes = CALLED[keeper].takes
            wanted |= {VARIABLES[name]: f"${{{{ secrets.{name} }}}}" for name in takes}
        assert [job["env"] for job in steps] == [wanted], keeper


def test_no_option_lacks_its_meaning() -> None:
    for section in options.sections():
        for line in options.table(section.model, section.keys).split("\n")[2:]:
            assert re.fullmatch(r"\| `[a-z-]+` \| .+ \| .+ \| .*\S.* \|", line), f"{section.path}: {line}"


def test_every_error_has_its_page() -> None:
    codes = {*errors.tree(), *errors.literal_codes()}
    had = {page.stem for page in (DOCS / "errors").glob("*.md")} - {"README"}
    assert codes == had
    for code in codes:
        text = read(f"errors/{code}.md")
        assert text.startswith(f"# {code}\n")
        assert {"What it means", "What to do"} <= set(headings(text))
        assert any(one.lang == "text" for one in fences(text)), f"{code} shows no example"


@pytest.mark.parametrize("code", errors.EXAMPLES)
def test_examples_of_errors_are_of_their_class(code: str) -> None:
    example = errors.EXAMPLES[code]
    assert example.code == code
    assert type(example) in errors.tree()[code]
    assert example.docs == f"docs/errors/{code}.md"


def test_every_adapter_is_on_its_page() -> None:
    for row in ROWS:
        page = f"adapters/{blocks.page(row.adapter)}.md"
        assert (DOCS / page).exists(), f"{row.port} {row.kind} has no page docs/{page}"
        assert f"generated: adapter {row.port} {row.kind} -->" in read(page)
        assert f"{row.port} {row.kind}" in headings(read(page))


def test_every_adapter_can_be_imported() -> None:
    for row in ROWS:
        assert late.imported(row.adapter)


def test_every_command_fact_outcome_and_verdict_is_told() -> None:
    commands = headings(read("commands.md"))
    assert set(COMMANDS) <= set(commands)
    assert all(f"| `{kind}` |" in read("journal.md") for kind in KINDS)
    assert all(f"`{word}`" in read("requests.md") for word in (*get_args(Outcome), *get_args(Verdict)))


@pytest.mark.parametrize("name", generate.MEASURED)
def test_every_proof_and_benchmark_has_its_place(name: str) -> None:
    folder, script = generate.MEASURED[name]
    for one in generate.measured(folder):
        assert one in headings(read(name)), "run scripts/generate docs"
        assert f"scripts/{script} {one}\n" in read(name)


@pytest.mark.parametrize("page", pages(), ids=shown)
def test_links_resolve(page: Path) -> None:
    text = page.read_text("utf-8")
    for link in links(text):
        if re.match(r"https?://|mailto:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if path.endswith("images/demo.svg"):
            continue  # drawn by scripts/demo itself
        assert target.exists(), f"{shown(page)} links to {link}, which is not there"
        assert ROOT in (target, *target.parents), f"{link} leaves the repository"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target.read_text("utf-8")), (
                f"{shown(page)} links to {link}: no such heading"
            )


@pytest.mark.parametrize("page", pages(), ids=shown)
def test_what_is_shown_can_be_read(page: Path, tmp_path: Path) -> None:
    text = page.read_text("utf-8")
    for one in fences(text):
        assert one.lang in ("", "sh", "text", "yaml", "json", "python"), f"a fence of language {one.lang!r}"
        if one.lang == "json":
            shows = json.loads(one.body)
            if isinstance(shows, dict) and "input" in shows:
                parse_request(shows, fresh_id="x")
        if one.lang == "yaml" and re.search(r"^version: 1$", one.body, re.M):
            file = tmp_path / "dreamnet.yml"
            file.write_text(one.body, "utf-8")
            bootstrap.check_config(file)
        if one.lang == "sh":
            assert one.note in ("run", "not run"), (
                f"{shown(page)}: mark this as run, or say why not:\n{one.body}"
            )


@pytest.mark.parametrize("page", pages(), ids=shown)
def test_pages_name_no_place_of_ours(page: Path) -> None:
    assert not re.search(r"/(?:work|root|tmp)/\w|index-url", page.read_text("utf-8"))


def test_the_routes_of_the_fence_reader() -> None:
    text = "<!-- run: web status=2 -->\n```sh\nfalse\n```\n\n```text\nno\n```\n"
    first, second = fences(text)
    assert (first.lang, first.note, first.what, first.body) == ("sh", "run", "web status=2", "false\n")
    assert (second.lang, second.note) == ("text", "")
    assert anchors("# A `b` & c\n## A b") == {"a-b--c", "a-b"}
