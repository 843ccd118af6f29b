"""What every SecretSource and SecretSink must do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

import pytest

from dreamnet_actions.domain.secret import Ref, SecretValue, Versioned, plan_keys
from dreamnet_actions.errors import Conflict, NotFound, PermanentError
from dreamnet_actions.ports.secrets import SecretSink, SecretSource

HARD = {
    "empty": "",
    "blank": " ",
    "blanks_around": "  x  ",
    "spaces": "two words",
    "quotes": 'it\'s "so"',
    "hash": "a # b",
    "only_hash": "#a",
    "dollar": "$HOME ${HOME} $(id) `id`",
    "backslash": "a\\nb\\",
    "backslash_quote": "a\\'b",
    "lines": "-----BEGIN\nabc\r\ndef\n-----END\n",
    "tab": "a\tb",
    "unicode": "Grüße 🌙",
    "equals": "a=b=c",
    "json": '{"a": ["b", 1]}',
}
"""Values that a careless writer or reader changes."""


def versioned(values: Mapping[str, str], version: str = "1") -> dict[str, Versioned]:
    """Answer values as a source gives them, all of one version."""
    return {name: Versioned(value=SecretValue(value), version=version) for name, value in values.items()}


class SecretSourceContract:
    """Override ``make``: it answers a source that holds exactly these values (a second call changes them)."""

    holds_empty: ClassVar[bool] = True
    """Whether it can hold an empty value at all."""

    @pytest.fixture
    def make(self) -> Callable[[Mapping[str, str]], SecretSource]:
        """Answer a function that makes the source hold these values."""
        raise NotImplementedError

    def test_names_every_value(self, make: Callable[[Mapping[str, str]], SecretSource]) -> None:
        assert set(make({"A": "1", "B": "" if self.holds_empty else "2"}).names()) == {"A", "B"}

    def test_empty_is_not_an_error(self, make: Callable[[Mapping[str, str]], SecretSource]) -> None:
        source = make({})
        assert list(source.names()) == []
        assert dict(source.resolve([])) == {}
        assert dict(source.access([])) == {}

    def test_latest_is_the_version_that_it_is_resolved_to(
        self, make: Callable[[Mapping[str, str]], SecretSource]
    ) -> None:
        source = make({"A": "1"})
        found = source.access([Ref("A")])[Ref("A")]
        assert found.value.reveal() == "1"
        assert dict(source.resolve([Ref("A")])) == {Ref("A"): found.version}
        pinned = Ref("A", found.version)
        assert dict(source.resolve([pinned])) == {pinned: found.version}
        assert dict(source.access([pinned])) == {pinned: found}

    def test_another_value_is_another_version(
        self, make: Callable[[Mapping[str, str]], SecretSource]
    ) -> None:
        both = [Ref("A"), Ref("B")]
        before = dict(make({"A": "1", "B": "x"}).resolve(both))
        after = dict(make({"A": "2", "B": "x"}).resolve(both))
        assert before[Ref("A")] != after[Ref("A")]
        assert before[Ref("B")] == after[Ref("B")]

    def test_all_or_an_error(self, make: Callable[[Mapping[str, str]], SecretSource]) -> None:
        source = make({"A": "1"})
        for ask in (source.resolve, source.access):
            with pytest.raises(NotFound, match="MISSING"):
                ask([Ref("A"), Ref("MISSING")])
            with pytest.raises(NotFound):
                ask([Ref("A", "no-such-version")])

    def test_tells_no_value(self, make: Callable[[Mapping[str, str]], SecretSource]) -> None:
        source = make({"A": "correct-horse"})
        for answer in (source.names(), source.resolve([Ref("A")]), source.access([Ref("A")])):
            assert "correct-horse" not in repr(answer)


class SecretSinkContract:
    """Override ``sink`` (a fresh, empty one) and ``tamper`` (somebody's hand changes a stored value).

    ``REFUSED``: those of ``HARD`` that it cannot hold, and says so by name.
    """

    REFUSED: frozenset[str] = frozenset()

    @pytest.fixture
    def sink(self) -> SecretSink:
        """Answer a sink that holds nothing yet."""
        raise NotImplementedError

    @pytest.fixture
    def tamper(self, sink: SecretSink) -> Callable[[str, str], None]:
        """Answer a function that changes a stored value, or adds one, behind the sink's back."""
        raise NotImplementedError

    def test_begins_empty(self, sink: SecretSink) -> None:
        state = sink.state()
        assert (dict(state.versions), state.revision, state.former) == ({}, None, None)
        assert dict(sink.read_back()) == {}

    def test_holds_what_was_written(self, sink: SecretSink) -> None:
        revision = sink.write(versioned({"A": "1", "B": "2"}, "7"))
        state = sink.state()
        assert dict(state.versions) == {"A": "7", "B": "7"}
        assert state.revision == revision
        assert state.drifted == frozenset()
        assert {name: one.reveal() for name, one in sink.read_back().items()} == {"A": "1", "B": "2"}

    @pytest.mark.parametrize("name", sorted(HARD))
    def test_changes_no_character(self, sink: SecretSink, name: str) -> None:
        if name in self.REFUSED:
            with pytest.raises(PermanentError, match="VALUE"):
                sink.write(versioned({"A": "before", "VALUE": HARD[name], "Z": "after"}))
            assert sink.state().revision is None
            return
        sink.write(versioned({"A": "before", "VALUE": HARD[name], "Z": "after"}))
        found = {key: one.reveal() for key, one in sink.read_back().items()}
        assert found == {"A": "before", "VALUE": HARD[name], "Z": "after"}

    def test_keeps_what_it_is_told_to(self, sink: SecretSink) -> None:
        sink.write(versioned({"A": "1", "B": "2", "C": "3"}, "7"))
        revision = sink.write(versioned({"A": "new"}, "8"), keep={"B": "9"})
        assert dict(sink.state().versions) == {"A": "8", "B": "9"}
        assert {name: one.reveal() for name, one in sink.read_back().items()} == {"A": "new", "B": "2"}
        assert sink.write(versioned({"A": "new", "B": "2"}, "8")) == revision

    def test_what_it_no_longer_holds_cannot_be_kept(self, sink: SecretSink) -> None:
        sink.write(versioned({"A": "1"}))
        before = sink.state()
        with pytest.raises(Conflict):
            sink.write(versioned({"A": "2"}), keep={"GONE": "1"})
        assert sink.state() == before

    def test_the_same_set_has_the_same_id(self, sink: SecretSink) -> None:
        first = sink.write(versioned({"A": "1", "B": "2"}))
        before = sink.state()
        assert sink.write(versioned({"B": "2", "A": "1"})) == first
        assert sink.state() == before
        assert sink.write(versioned({"A": "1", "B": "3"})) != first

    def test_a_new_version_of_the_same_value_is_noted(self, sink: SecretSink) -> None:
        first = sink.write(versioned({"A": "1"}, "1"))
        assert sink.write(versioned({"A": "1"}, "2")) == first
        assert dict(sink.state().versions) == {"A": "2"}

    def test_the_whole_set_is_replaced(self, sink: SecretSink) -> None:
        first = sink.write(versioned({"A": "1", "B": "2"}))
        sink.write(versioned({"B": "2"}))
        assert set(sink.read_back()) == {"B"}
        assert sink.state().former == first

    def test_a_former_set_comes_back(self, sink: SecretSink) -> None:
        first = sink.write(versioned({"A": "1"}, "1"))
        state = sink.state()
        second = sink.write(versioned({"A": "2", "B": "x"}, "2"))
        sink.restore(first)
        assert sink.state().revision == first
        assert sink.state().former == second
        assert sink.state().versions == state.versions
        assert {name: one.reveal() for name, one in sink.read_back().items()} == {"A": "1"}
        sink.restore(second)
        assert {name: one.reveal() for name, one in sink.read_back().items()} == {"A": "2", "B": "x"}

    def test_a_set_that_is_kept_can_be_looked_at(self, sink: SecretSink) -> None:
        first = sink.write({**versioned({"A": "1"}, "3"), **versioned({"B": HARD["spaces"]}, "4")})
        second = sink.write(versioned({"A": "2"}, "5"))
        before = sink.state()
        found = sink.former_set(first)
        assert {name: (one.value.reveal(), one.version) for name, one in found.items()} == {
            "A": ("1", "3"),
            "B": (HARD["spaces"], "4"),
        }
        assert dict(sink.former_set(second)) == versioned({"A": "2"}, "5")
        sink.remove()
        assert dict(sink.former_set(second)) == versioned({"A": "2"}, "5")
        sink.restore(second)
        assert sink.state().versions == before.versions

    def test_an_unknown_revision_is_not_found(self, sink: SecretSink) -> None:
        sink.write(versioned({"A": "1"}))
        for unknown in ("000000000000", "", "../../etc/passwd"):
            for ask in (sink.restore, sink.former_set):
                with pytest.raises(NotFound):
                    ask(unknown)
        assert {name: one.reveal() for name, one in sink.read_back().items()} == {"A": "1"}

    def test_what_was_removed_comes_back(self, sink: SecretSink) -> None:
        first = sink.write(versioned({"A": "1", "B": "2"}, "7"))
        sink.remove()
        assert (dict(sink.state().versions), sink.state().former) == ({}, first)
        assert dict(sink.read_back()) == {}
        sink.remove()
        sink.restore(first)
        assert sink.state().revision == first
        assert dict(sink.state().versions) == {"A": "7", "B": "7"}
        assert {name: one.reveal() for name, one in sink.read_back().items()} == {"A": "1", "B": "2"}

    def test_sees_a_strange_hand(self, sink: SecretSink, tamper: Callable[[str, str], None]) -> None:
        values = versioned({"A": "1", "B": "2"})
        revision = sink.write(values)
        tamper("A", "changed")
        state = sink.state()
        assert state.drifted == {"A"}
        wanted = {name: one.version for name, one in values.items()}
        assert [one.name for one in plan_keys(wanted, state) if one.effect != "unchanged"] == ["A"]
        assert sink.write(values) == revision
        assert sink.state().drifted == frozenset()
        assert sink.read_back()["A"].reveal() == "1"

    def test_leaves_the_names_of_others(self, sink: SecretSink, tamper: Callable[[str, str], None]) -> None:
        first = sink.write(versioned({"A": "1"}))
        tamper("THEIRS", "t")
        assert "THEIRS" not in sink.state().versions
        assert "THEIRS" not in sink.read_back()
        sink.write(versioned({"A": "2"}))
        sink.restore(first)
        tamper("A", "x")  # whoever reads the place itself still finds theirs
        assert "THEIRS" not in sink.state().drifted

    def test_tells_no_value(self, sink: SecretSink) -> None:
        sink.write(versioned({"A": "correct-horse"}))
        assert "correct-horse" not in repr((sink.state(), sink.read_back(), sink.name))


class WriteOnlySinkContract:
    """For a sink that gives nothing back and keeps no value (``readable`` and ``keeps`` are False).

    Override ``sink`` (a fresh, empty one), ``tamper`` (somebody's hand changes or adds a value, later than all before)
    and ``held`` (what is really there, as its keeper sees it).
    """

    @pytest.fixture
    def sink(self) -> SecretSink:
        """Answer a sink that holds nothing yet."""
        raise NotImplementedError

    @pytest.fixture
    def tamper(self, sink: SecretSink) -> Callable[[str, str], None]:
        """Answer a function that changes a stored value, or adds one, behind the sink's back."""
        raise NotImplementedError

    @pytest.fixture
    def held(self, sink: SecretSink) -> Callable[[], Mapping[str, str]]:
        """Answer a function that answers what is really there."""
        raise NotImplementedError

    def test_begins_empty_and_says_what_it_is(self, sink: SecretSink) -> None:
        state = sink.state()
        assert (dict(state.versions), state.revision, state.former) == ({}, None, None)
        assert (sink.readable, sink.keeps, dict(sink.read_back())) == (False, False, {})

    @pytest.mark.parametrize("name", sorted(HARD.keys() - {"empty"}))
    def test_changes_no_character(
        self, sink: SecretSink, held: Callable[[], Mapping[str, str]], name: str
    ) -> None:
        sink.write(versioned({"A": "before", "VALUE": HARD[name], "Z": "after"}))
        assert held() == {"A": "before", "VALUE": HARD[name], "Z": "after"}

    def test_remembers_versions_and_never_a_value(
        self, sink: SecretSink, held: Callable[[], Mapping[str, str]]
    ) -> None:
        first = sink.write(versioned({"A": "correct-horse", "B": "2"}, "7"))
        state = sink.state()
        assert (dict(state.versions), state.revision) == ({"A": "7", "B": "7"}, first)
        assert state.drifted == frozenset()
        second = sink.write(versioned({"A": "new"}, "8"), keep={"B": "9"})
        assert dict(sink.state().versions) == {"A": "8", "B": "9"}
        assert (sink.state().revision, sink.state().former) == (second, first)
        assert held() == {"A": "new", "B": "2"}
        assert "correct-horse" not in repr((state, sink.state(), sink.name))

    def test_the_same_versions_have_the_same_id(self, sink: SecretSink) -> None:
        first = sink.write(versioned({"A": "1", "B": "2"}))
        before = sink.state()
        assert sink.write(versioned({"B": "2", "A": "1"})) == first
        assert sink.state() == before
        assert sink.write(versioned({"A": "3", "B": "2"}, "2")) != first

    def test_the_whole_set_is_replaced(self, sink: SecretSink, held: Callable[[], Mapping[str, str]]) -> None:
        sink.write(versioned({"A": "1", "B": "2"}))
        sink.write(versioned({"B": "2"}))
        assert held() == {"B": "2"}
        sink.write({})
        assert (held(), dict(sink.state().versions)) == ({}, {})

    def test_what_it_no_longer_holds_cannot_be_kept(self, sink: SecretSink) -> None:
        sink.write(versioned({"A": "1"}))
        before = sink.state()
        with pytest.raises(Conflict):
            sink.write(versioned({"A": "2"}), keep={"GONE": "1"})
        assert sink.state() == before

    def test_a_former_set_is_not_found_here(
        self, sink: SecretSink, held: Callable[[], Mapping[str, str]]
    ) -> None:
        first = sink.write(versioned({"A": "1"}, "1"))
        sink.restore(first)
        sink.write(versioned({"A": "2"}, "2"))
        for unknown in (first, "", "../../etc/passwd"):
            for ask in (sink.restore, sink.former_set):
                with pytest.raises(NotFound):
                    ask(unknown)
        assert held() == {"A": "2"}

    def test_sees_a_strange_hand(
        self, sink: SecretSink, tamper: Callable[[str, str], None], held: Callable[[], Mapping[str, str]]
    ) -> None:
        values = versioned({"A": "1", "B": "2"})
        revision = sink.write(values)
        tamper("A", "changed")
        assert sink.state().drifted == {"A"}
        assert sink.write(values) == revision
        assert sink.state().drifted == frozenset()
        assert held() == {"A": "1", "B": "2"}

    def test_leaves_the_names_of_others(
        self, sink: SecretSink, tamper: Callable[[str, str], None], held: Callable[[], Mapping[str, str]]
    ) -> None:
        sink.write(versioned({"A": "1"}))
        tamper("THEIRS", "t")
        sink.write(versioned({"A": "2"}))
        with pytest.raises(PermanentError, match="THEIRS"):
            sink.write(versioned({"A": "3", "THEIRS": "ours"}))
        assert held() == {"A": "2", "THEIRS": "t"}
        assert "THEIRS" not in {*sink.state().versions, *sink.state().drifted}
