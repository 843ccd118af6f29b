"""What the Platform port promises about ``hold``: one deployer a service, and who comes next. Part of the suite."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dreamnet_actions.domain.release import Release
from dreamnet_actions.domain.spec.models import Service
from dreamnet_actions.errors import Leased
from dreamnet_actions.ports.platform import Platform


class HoldContract:
    """Override ``another`` where a second run would have an adapter of its own."""

    @pytest.fixture
    def another(self, platform: Platform) -> Platform:
        """The same platform, as another run of DreamNet has it."""
        return platform

    def test_a_service_is_held_by_one_for_the_block(
        self,
        platform: Platform,
        another: Platform,
        spec: Callable[[int], Service],
        release: Callable[[str], Release],
    ) -> None:
        platform.apply("web", spec(0), release("one"))
        for one, other in ((platform, another), (another, platform)):
            with one.hold("web"):
                for refused in (other, one):
                    with pytest.raises(Leased, match=r"web.*since") as told, refused.hold("web"):
                        pytest.fail("it was held twice")
                    assert told.value.exit_status == 75
                other.scale("web", 0)  # a hold stops nobody who does not ask
        with pytest.raises(RuntimeError, match="boom"), platform.hold("web"):
            raise RuntimeError("boom")
        with another.hold("web") as waits:
            assert waits == "", "nobody waited to bring anything out"

    def test_who_is_refused_is_named_to_who_comes_next(self, platform: Platform, another: Platform) -> None:
        with platform.hold("web"), pytest.raises(Leased), another.hold("web", wants="git:two"):
            pytest.fail("it was held twice")
        with platform.hold("web", wants="git:one") as waits:
            assert waits == "git:two"
        with platform.hold("web") as waits:
            assert waits == "", "once"
        with platform.hold("web"), pytest.raises(Leased), another.hold("web", wants="git:two"):
            pytest.fail("it was held twice")
        with another.hold("web", wants="git:two") as waits:
            assert waits == "", "it waits no longer for itself"
