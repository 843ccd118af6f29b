"""The journal on the branch: the port's suite."""

from __future__ import annotations

import pytest

from dreamnet_actions.adapters.github.journal import GitHubJournal
from dreamnet_actions.testing.contracts.journal import JournalContract
from tests.github.homes import Make


@pytest.mark.slow
class TestGitHubJournal(JournalContract):
    THREADS = 2
    EACH = 4

    @pytest.fixture
    def journal(self, make: Make) -> GitHubJournal:
        return make("eager").journal

    @pytest.fixture
    def another(self, journal: GitHubJournal, make: Make) -> GitHubJournal:
        return make("eager").journal
