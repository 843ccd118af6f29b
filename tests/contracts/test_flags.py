"""The contract of FlagStore, in memory, over files and over a repository at GitHub; and what only each can do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamnet_actions.adapters.files.copies import FlagCopy
from dreamnet_actions.adapters.files.documents import LocalDocument
from dreamnet_actions.adapters.files.flags import FlagFile
from dreamnet_actions.domain.flagedit import Edit, Share
from dreamnet_actions.errors import ConfigError, Conflict
from dreamnet_actions.errors.configuration import ConfigInvalid
from dreamnet_actions.ports.flags import FlagStore, FlagTarget
from dreamnet_actions.testing.contracts.flags import NOTE, FlagStoreContract, FlagTargetContract
from dreamnet_actions.testing.memory.flags import MemoryFlagStore, MemoryFlagTarget


class TestMemoryFlags(FlagStoreContract):
    @pytest.fixture
    def store(self) -> FlagStore:
        return MemoryFlagStore(*self.FLAGS)


class TestMemoryTarget(FlagTargetContract):
    @pytest.fixture
    def target(self) -> MemoryFlagTarget:  # type: ignore[override]
        return MemoryFlagTarget()

    @pytest.fixture
    def tamper(self, target: MemoryFlagTarget) -> Callable[[str], None]:  # type: ignore[override]
        return lambda text: setattr(target, "held", text)


class TestFlagCopy(FlagTargetContract):
    @pytest.fixture
    def target(self, tmp_path: Path) -> FlagTarget:
        return FlagCopy(tmp_path / "out" / "flags.json", "out/flags.json")

    @pytest.fixture
    def tamper(self, target: FlagTarget, tmp_path: Path) -> Callable[[str], None]:  # type: ignore[override]
        return lambda text: (tmp_path / "out" / "flags.json").write_text(text, "utf-8") and None


class TestFlagFile(FlagStoreContract):
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        flags = {}
        for flag in self.FLAGS:
            flags[flag.name] = {"state": flag.state, "variants": dict(flag.variants)}
            if flag.default_variant:
                flags[flag.name]["defaultVariant"] = flag.default_variant
            if flag.targeting:
                flags[flag.name]["targeting"] = dict(flag.targeting)
        (tmp_path / "flags.json").write_text(json.dumps({"flags": flags}, indent=3))
        return tmp_path / "flags.json"

    @pytest.fixture
    def document(self, file: Path, tmp_path: Path) -> LocalDocument:
        return LocalDocument(file, what="The file of flags", state_directory=tmp_path / "state")

    @pytest.fixture
    def store(self, document: LocalDocument) -> FlagFile:
        return FlagFile(document)

    def test_changes_nothing_but_the_value(
        self, store: FlagFile, file: Path, document: LocalDocument
    ) -> None:
        before = file.read_text()
        store.change("home", Edit(variant="on"), NOTE)
        assert file.read_text() == before.replace('"defaultVariant": "off"', '"defaultVariant": "on"')
        document.undo()
        assert file.read_text() == before

    def test_other_targeting_keeps_its_letters(self, store: FlagFile, file: Path) -> None:
        file.write_text(file.read_text().replace('"if": [\n', '"if":   [\n'))
        before = file.read_text()
        rule = before[before.index('"targeting": ') + 13 : before.index("}", before.index('"targeting"')) + 1]
        store.change("theme", Edit(share=Share.of("b", 0.25)), NOTE)
        split = '{"if": [{"fractional": [["b", 25], ["", 75]]}, "b", '
        assert file.read_text() == before.replace(rule, f"{split}{rule}]}}")
        store.change("theme", Edit(share=Share.of("b", 0.0)), NOTE)
        assert file.read_text() == before

    def test_a_kill_works_whatever_else_is_wrong(self, store: FlagFile, file: Path) -> None:
        text = file.read_text().replace('"if"', '"iff"').replace('"state": "DISABLED"', '"state": "ON"')
        file.write_text(text)
        with pytest.raises(ConfigInvalid, match="2 mistakes"):
            store.read()
        with pytest.raises(ConfigInvalid, match="1 mistake "):
            store.change("theme", Edit(variant="a"), NOTE)
        with pytest.raises(ConfigInvalid, match="state"):
            store.change("limit", Edit(state="DISABLED"), NOTE)
        store.change("theme", Edit(state="DISABLED"), NOTE)
        store.change("home", Edit(share=Share.of("on", 0.5)), NOTE)
        assert store.get("theme").state == "DISABLED"

    def test_somebody_elses_change_is_kept(
        self, store: FlagFile, document: LocalDocument, file: Path
    ) -> None:
        held = document.read()
        store.change("home", Edit(variant="on"), NOTE)
        with pytest.raises(Conflict):
            document.write(held.text, over=held.revision, note=NOTE)
        assert store.get("home").default_variant == "on"

    def test_every_mistake_at_once_with_its_place(self, store: FlagFile, file: Path) -> None:
        file.write_text(
            '{"flags": {\n'
            ' "a": {"state": "ON", "variants": {"x": 1, "y": "2"}, "defaultVariant": "z"},\n'
            ' "b": {"state": "ENABLED", "varants": {}},\n'
            ' "c": 1\n'
            "}}"
        )
        with pytest.raises(ConfigInvalid) as caught:
            store.read()
        assert [(one.line, one.path) for one in caught.value.mistakes] == [
            (2, "flags.a.state"),
            (2, "flags.a.variants.y"),
            (2, "flags.a.defaultVariant"),
            (3, "flags.b.variants"),
            (3, "flags.b.varants"),
            (4, "flags.c"),
        ]

    @given(st.text(max_size=60) | st.text(alphabet='{}[]":,1a \n', max_size=40))
    def test_any_text_is_read_or_told(self, tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
        file = tmp_path_factory.getbasetemp() / "any.json"
        file.write_text(text)
        with pytest.raises(ConfigError):
            FlagFile(LocalDocument(file, what="The file of flags")).read()
