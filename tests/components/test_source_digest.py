"""The digest of a plugin's files changes with what decides its results, and with nothing else."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from charbench import Scorer
from charbench.components.source_digest import source_digest
from charbench.plugins.manager import Plugins

MODULE = "from charbench import Scorer\nclass Mine(Scorer):\n    pass\n"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package with a rubric, a compiled file and a test."""
    monkeypatch.syspath_prepend(tmp_path)
    files = {
        "__init__.py": "", "scorer.py": MODULE, "prompts/rubric.txt": "Be strict.\n", "fast.so": "1",
        "tests/test_it.py": "", ".cache/x.json": "1",
    }  # fmt: skip
    for name, content in files.items():
        path = tmp_path / "digested" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    yield tmp_path / "digested"
    _forget()


def _forget() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "digested"]:
        del sys.modules[name]
    importlib.invalidate_caches()


def load() -> type[Scorer]:
    """Load the plugin as a new process would."""
    _forget()
    made: type[Scorer] = importlib.import_module("digested.scorer").Mine
    return made


@pytest.mark.parametrize(
    "edit",
    [
        lambda folder: (folder / "scorer.py").write_text(f"{MODULE}    x = 1\n"),
        lambda folder: (folder / "prompts" / "rubric.txt").write_text("Be kind.\n"),
        lambda folder: (folder / "more.py").write_text(""),
        lambda folder: (folder / "prompts" / "rubric.txt").rename(folder / "rubric.txt"),
    ],
    ids=["its module", "a rubric beside it", "a file more", "a file's name"],
)
def test_it_changes_with(package: Path, edit: Callable[[Path], object]) -> None:
    before = source_digest(load())
    edit(package)
    assert source_digest(load()) != before


@pytest.mark.parametrize(
    "edit",
    [
        lambda folder: (folder / "prompts" / "rubric.txt").write_bytes(b"Be strict.\r\n"),
        lambda folder: (folder / "fast.so").write_text("2"),
        lambda folder: (folder / "tests" / "test_it.py").write_text("1"),
        lambda folder: (folder / ".cache" / "x.json").write_text("2"),
    ],
    ids=["line endings", "compiled files", "tests", "hidden files"],
)
def test_it_does_not_change_with(package: Path, edit: Callable[[Path], object]) -> None:
    before = source_digest(load())
    edit(package)
    assert source_digest(load()) == before


def test_it_is_that_of_the_code_that_was_loaded(package: Path) -> None:
    loaded = load()
    before = source_digest(loaded)
    (package / "scorer.py").write_text("")
    assert source_digest(loaded) == before


def test_what_charbench_brings_has_its_version_alone() -> None:
    own = [
        component for plugin in Plugins().found if plugin.distribution == "charbench"
        for component in plugin.components
    ]  # fmt: skip
    assert len(own) > 10
    assert {source_digest(component) for component in own} == {None}


def test_a_class_that_is_in_no_file_has_its_version_alone() -> None:
    assert source_digest(type("Typed", (Scorer,), {"__module__": "__main_of_nobody__"})) is None
