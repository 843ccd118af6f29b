"""The contract of Hosting, in memory."""

from __future__ import annotations

import pytest

from dreamnet_actions.ports.hosting import PERMISSIONS, Hosted, HostedWorkflow, Hosting
from dreamnet_actions.testing.contracts.hosting import Given, HostingContract, Make
from dreamnet_actions.testing.memory.hosting import MemoryHosting


class TestMemoryHosting(HostingContract):
    @pytest.fixture
    def make(self) -> Make:
        def make(place: Given) -> Hosting:
            return MemoryHosting(
                hosted=Hosted(name="octocat/shop", default_branch="trunk", private=place.private),
                valid=place.valid,
                visible=place.visible,
                reach={one: "none" for one in PERMISSIONS if one not in place.may},
                # What is `unknown` to who asks is read-only here, as the contract's token is.
                switches=False,
                known=[
                    HostedWorkflow(path=path, name=path, state="active")
                    for path in place.files
                    if path.startswith(".github/workflows/")
                ],
                names=set(place.labels),
                branches={name: f"{len(name):040x}" for name in ("trunk", *place.branches)},
                files=dict(place.files),
            )

        return make
