"""What every FlagStore and every FlagTarget must do."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from dreamnet_actions.domain.flag import Flag
from dreamnet_actions.domain.flagedit import Edit, Share, share_of
from dreamnet_actions.errors import NotFound, RefusedError
from dreamnet_actions.ports.flags import FlagStore, FlagTarget, Note

NOTE = Note(subject="Change a flag", why="a test", by="somebody")


class FlagStoreContract:
    """Override ``store``: it holds exactly ``FLAGS``."""

    FLAGS = (
        Flag(name="home", state="ENABLED", variants={"on": True, "off": False}, default_variant="off"),
        Flag(name="limit", state="DISABLED", variants={"low": 1, "high": 2.5}, default_variant="low"),
        Flag(
            name="theme",
            state="ENABLED",
            variants={"a": {"x": 1}, "b": {}},
            default_variant=None,
            targeting={"if": [True, "a"]},
        ),
    )

    @pytest.fixture
    def store(self) -> FlagStore:
        """Answer a store with these flags."""
        raise NotImplementedError

    def test_answers_every_flag(self, store: FlagStore) -> None:
        assert dict(store.read()) == {flag.name: flag for flag in self.FLAGS}

    def test_one_flag_is_found_alone(self, store: FlagStore) -> None:
        assert store.get("home") == self.FLAGS[0]
        with pytest.raises(NotFound, match="home"):
            store.get("hme")
        assert json.loads(store.text())["flags"].keys() == {flag.name for flag in self.FLAGS}

    def test_changes_only_what_is_told(self, store: FlagStore) -> None:
        done = store.change("home", Edit(variant="on"), NOTE)
        assert (done.before, done.after) == (self.FLAGS[0], replace(self.FLAGS[0], default_variant="on"))
        store.change("home", Edit(state="DISABLED"), NOTE)
        assert store.get("home") == replace(self.FLAGS[0], default_variant="on", state="DISABLED")
        assert {name: flag for name, flag in store.read().items() if name != "home"} == {
            flag.name: flag for flag in self.FLAGS[1:]
        }

    def test_the_same_twice_is_one_change(self, store: FlagStore) -> None:
        assert store.change("home", Edit(variant="on"), NOTE).written is not None
        assert store.change("home", Edit(variant="on"), NOTE).written is None
        assert store.change("home", Edit(variant="on", state="ENABLED"), NOTE).written is None

    def test_what_it_answers_undoes_it(self, store: FlagStore) -> None:
        before = store.change("limit", Edit(variant="high", state="ENABLED"), NOTE).before
        store.change("limit", Edit(variant=before.default_variant, state=before.state), NOTE)
        assert store.get("limit") == self.FLAGS[1]

    def test_a_share_stands_before_what_else_is_said(self, store: FlagStore) -> None:
        for name, other in (("home", {}), ("theme", self.FLAGS[2].targeting)):
            variant = next(iter(store.get(name).variants))
            for part in (0.05, 0.125, 1.0):
                share = Share.of(variant, part)
                store.change(name, Edit(share=share), NOTE)
                assert share_of(store.get(name).targeting) == (share, other or None)
            store.change(name, Edit(share=Share.of(variant, 0.0)), NOTE)
            assert store.get(name).targeting == other

    def test_only_one_variant_is_rolled_out(self, store: FlagStore) -> None:
        store.change("home", Edit(share=Share.of("on", 0.1)), NOTE)
        with pytest.raises(RefusedError, match="on for 10%"):
            store.change("home", Edit(share=Share.of("off", 0.1)), NOTE)

    def test_unknown_names_are_not_found(self, store: FlagStore) -> None:
        for name, edit in (
            ("hme", Edit(variant="on")),
            ("home", Edit(variant="onn")),
            ("home", Edit(share=Share.of("onn", 0.5))),
        ):
            with pytest.raises(NotFound):
                store.change(name, edit, NOTE)
        assert store.get("home") == self.FLAGS[0]


class FlagTargetContract:
    """Override ``target``: nothing is published there yet; and ``tamper``: somebody's hand puts a text there."""

    TEXTS = ('{"flags": {}}', '{\n "flags": {},\r\n\t"$comment": "Grüße 🌙"\n}\n', "{}", "")

    @pytest.fixture
    def target(self) -> FlagTarget:
        """Answer a place where nothing is."""
        raise NotImplementedError

    @pytest.fixture
    def tamper(self) -> Callable[[str], None]:
        """Answer what changes the text there by another way."""
        raise NotImplementedError

    def test_what_is_published_is_there_byte_for_byte(self, target: FlagTarget) -> None:
        assert target.current() is None
        for text in self.TEXTS:
            target.publish(text)
            assert target.current() == text

    def test_publishing_twice_is_once(self, target: FlagTarget) -> None:
        for _ in range(2):
            target.publish(self.TEXTS[1])
            assert target.current() == self.TEXTS[1]

    def test_what_a_hand_changed_is_seen_and_mended(
        self, target: FlagTarget, tamper: Callable[[str], None]
    ) -> None:
        target.publish(self.TEXTS[0])
        tamper(self.TEXTS[2])
        assert target.current() == self.TEXTS[2]
        target.publish(self.TEXTS[0])
        assert target.current() == self.TEXTS[0]

    def test_messages_can_call_it(self, target: FlagTarget) -> None:
        assert target.name
