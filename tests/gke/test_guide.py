"""docs/gke.md: what its commands set up lets the jobs in that it says, and no others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dreamnet_actions.testing.google.federation import mapped
from dreamnet_actions.testing.google.standin import ISSUER, MAPPING, job_claims
from dreamnet_actions.testing.google.world import Provider, Refused

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/gke.md").read_text("utf-8")
MAIN = "refs/heads/main"


@pytest.fixture
def provider() -> Provider:
    """The provider that the page's command makes."""
    found = re.search(r'--attribute-mapping "([^"]+)"[^"]+--attribute-condition "([^"]+)"', PAGE)
    assert found is not None
    assert f"--issuer-uri {ISSUER}" in PAGE
    mapping = dict(one.split("=", 1) for one in found[1].split(","))
    assert mapping == MAPPING
    return Provider(issuer=ISSUER, mapping=mapping, condition=found[2])


@pytest.mark.parametrize("immutable", [False, True])
def test_both_forms_of_the_subject_are_the_ones_that_the_page_names(
    provider: Provider, immutable: bool
) -> None:
    names = mapped(provider, job_claims("octocat/shop", MAIN, immutable=immutable))
    assert f"`{names['google.subject']}`" in PAGE
    assert names["attribute.repository_id"] == "456789"
    assert "/attribute.repository_id/456789" in PAGE


@pytest.mark.parametrize(
    "claims",
    [
        job_claims("octocat/shop", "refs/heads/feature"),
        job_claims("octocat/shop", "refs/pull/1/merge"),
        job_claims("octocat/shop", MAIN, owner_id="666"),
    ],
)
def test_the_condition_keeps_others_out(provider: Provider, claims: dict[str, str]) -> None:
    with pytest.raises(Refused, match="attribute condition"):
        mapped(provider, claims)


def test_the_page_shows_the_examples_workflow() -> None:
    workflow = (ROOT / "examples/gke/.github/workflows/dreamnet-deploy.yml").read_text("utf-8")
    assert f"```yaml\n{workflow}```" in PAGE
