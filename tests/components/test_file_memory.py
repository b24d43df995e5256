"""What is known of unchanged files is kept from one discovery to the next, and is never wrong."""

from __future__ import annotations

import importlib
import os
import re
import stat
import time
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, SecretStr

from charbench import CheckpointSource, Finding, Lab, LabFile
from charbench.components.file_memory import FILE_NAME, FileMemory
from charbench.components.lab_files import LabFiles
from support.command import Charbench
from support.lab import LabBuilder, sampler

pytestmark = pytest.mark.slow

MINUTE_NS = 60_000_000_000


class Marked(CheckpointSource):
    """Files that hold an X."""

    name = "marked"
    matches_file_alone = True

    class Config(CheckpointSource.Config):
        mark: str = "X"

    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self.asked: list[str] = []

    def matches(self, file: LabFile) -> bool:
        self.asked.append(file.shown)
        return self.config.mark in file.text

    def find(self, lab: Lab) -> Iterable[Finding]:
        return ()


class BySibling(Marked):
    """As above, but what it says depends on more than the file."""

    name = "by-sibling"
    matches_file_alone = False


def looked(root: Path, source: Marked) -> tuple[list[str], list[str]]:
    """Discover once; return the files that were matched, and those that the source was asked about."""
    files = LabFiles(root, memory=FileMemory(root / ".charbench"))
    files.announce([source])
    matched = [file.shown for file in files.offered(source)]
    files.remember()
    return matched, source.asked


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / ".charbench").mkdir()
    (tmp_path / "a.log").write_text("X marks it")
    (tmp_path / "b.log").write_text("nothing here")
    return tmp_path


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every walk begin a minute from now: no file is young."""
    monkeypatch.setattr("charbench.components.lab_files.time_ns", lambda: time.time_ns() + MINUTE_NS)


@pytest.mark.usefixtures("later")
class TestUnchanged:
    def test_files_are_not_asked_about_again(self, root: Path) -> None:
        assert looked(root, Marked()) == (["a.log"], ["a.log", "b.log"])
        assert looked(root, Marked()) == (["a.log"], [])

    def test_they_are_where_the_options_differ(self, root: Path) -> None:
        looked(root, Marked())
        assert looked(root, Marked(Marked.Config(mark="n"))) == (["b.log"], ["a.log", "b.log"])

    def test_they_are_where_answers_depend_on_other_files(self, root: Path) -> None:
        looked(root, BySibling())
        assert looked(root, BySibling())[1] == ["a.log", "b.log"]

    def test_answers_of_a_source_that_was_not_asked_stay(self, root: Path) -> None:
        looked(root, Marked())
        (root / "c.log").write_text("new")
        looked(root, BySibling())
        assert looked(root, Marked())[1] == ["c.log"]

    def test_the_file_of_answers_is_for_its_owner_and_nothing_else_is_left(self, root: Path) -> None:
        (root / ".charbench" / f"{FILE_NAME}.part").write_text("of one that was killed")
        looked(root, Marked())
        (kept,) = (root / ".charbench").iterdir()
        assert (kept.name, stat.S_IMODE(kept.stat().st_mode)) == (FILE_NAME, 0o600)

    def test_a_lab_without_the_folder_is_left_as_it_is(self, root: Path) -> None:
        (root / ".charbench").rmdir()
        assert looked(root, Marked())[0] == ["a.log"]
        assert sorted(path.name for path in root.iterdir()) == ["a.log", "b.log"]


@pytest.mark.usefixtures("later")
class TestChanged:
    def test_an_edit_of_the_same_size_whose_time_was_put_back_is_seen(self, root: Path) -> None:
        before = (root / "a.log").stat()
        looked(root, Marked())
        (root / "a.log").write_text("O marks it")
        os.utime(root / "a.log", ns=(before.st_atime_ns, before.st_mtime_ns))
        assert looked(root, Marked()) == ([], ["a.log"])

    def test_another_file_of_that_name_is_seen(self, root: Path) -> None:
        looked(root, Marked())
        (root / "new").write_text("X, and not")
        (root / "new").replace(root / "b.log")
        assert looked(root, Marked()) == (["a.log", "b.log"], ["b.log"])

    def test_a_file_that_went_and_came_back_is_looked_at(self, root: Path) -> None:
        looked(root, Marked())
        (root / "a.log").unlink()
        assert looked(root, Marked()) == ([], [])
        (root / "a.log").write_text("X marks it")
        assert looked(root, Marked()) == (["a.log"], ["a.log"])

    def test_a_file_that_could_not_be_read_is_asked_about_again(
        self, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> int:
            raise OSError("too many open files")

        with monkeypatch.context() as broken:
            broken.setattr("charbench.components.lab_file.os.read", refuse)
            assert looked(root, Marked())[0] == []
        assert looked(root, Marked())[0] == ["a.log"]


def test_a_file_that_is_younger_than_the_clock_can_tell_is_not_kept(root: Path) -> None:
    looked(root, Marked())
    assert looked(root, Marked())[1] == ["a.log", "b.log"]


@settings(max_examples=30)  # each looks at the files of every package that is installed
@given(st.data())
def test_what_is_damaged_is_dropped(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    root = tmp_path_factory.mktemp("lab")
    (root / ".charbench").mkdir()
    (root / "a.log").write_text("X marks it")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("charbench.components.lab_files.time_ns", lambda: time.time_ns() + MINUTE_NS)
        looked(root, Marked())
        kept = root / ".charbench" / FILE_NAME
        content = bytearray(kept.read_bytes())
        place = data.draw(st.integers(0, len(content) - 1))
        if data.draw(st.booleans()):
            del content[place:]
        else:
            content[place] ^= data.draw(st.integers(1, 255))
        kept.write_bytes(content)
        assert looked(root, Marked()) == (["a.log"], ["a.log"])
        assert looked(root, Marked()) == (["a.log"], [])


@pytest.mark.usefixtures("later")
def test_a_second_discovery_says_the_same_as_the_first(charbench: Charbench, lab: LabBuilder) -> None:
    saved = f"Saved sampler weights: {sampler(1, 'pirate')}"
    lab.write("runs/pirate/train.log", f"step 1/2 loss=0.5\n{saved}\n")
    lab.write("runs/pirate/empty.out", "nothing")
    first, second = (charbench.ok("discover", "--json", lab=lab.root).json for _ in range(2))
    for found in (first, second):
        del found["looked_at"]["seconds"], found["new_checkpoints"]
    assert first["checkpoints"] == 1
    assert first["looked_at"]["unused"]
    assert first == second


def test_another_version_of_what_a_source_is_derived_from_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = "from charbench import CheckpointSource\n\n\nclass Base(CheckpointSource):\n    matches_file_alone = True\n"
    (tmp_path / "memory_base.py").write_text(base)
    (tmp_path / "memory_derived.py").write_text("from memory_base import Base\n\n\nclass D(Base):\n    name = 'd'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    source = importlib.import_module("memory_derived").D()
    before = FileMemory(tmp_path).name_of(source)
    (tmp_path / "memory_base.py").write_text(base + "    # edited\n")
    assert before is not None
    assert FileMemory(tmp_path).name_of(source) not in (None, before)


def test_options_that_json_does_not_hold_keep_no_answers(tmp_path: Path) -> None:
    class Secret(Marked):
        class Config(Marked.Config):
            secret: SecretStr = SecretStr("")
            left_out: str = Field("", exclude=True)
            pattern: object = None

        config: Config

    memory = FileMemory(tmp_path)
    assert memory.name_of(Secret()) is not None
    for options in ({"secret": "one"}, {"left_out": "X"}, {"pattern": re.compile("X")}, {"pattern": object()}):
        assert memory.name_of(Secret(Secret.Config.model_validate(options))) is None


def test_a_package_in_development_that_a_source_imports_from_is_watched_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "memory_helper.py").write_text("MARK = 'X'\n\n\ndef marked(text):\n    return MARK in text\n")
    source = "from charbench import CheckpointSource\nfrom memory_helper import marked\n\n\n"
    source += "class S(CheckpointSource):\n    name = 's'\n    matches_file_alone = True\n"
    (tmp_path / "memory_source.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    made = importlib.import_module("memory_source").S()
    before = FileMemory(tmp_path).name_of(made)
    (tmp_path / "memory_helper.py").write_text(
        "MARK = 'anything else'\n\n\ndef marked(text):\n    return MARK in text\n"
    )
    assert FileMemory(tmp_path).name_of(made) not in (None, before)
