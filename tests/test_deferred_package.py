"""A part of a package is imported alone, and the package is whole for whoever asks it for more."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from threading import Thread

import pytest

from charbench.deferred_package import deferred


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package with a part, whose ``__init__`` counts how often it runs."""
    folder = tmp_path / "slow_package"
    folder.mkdir()
    (folder / "__init__.py").write_text(
        "import builtins\nbuiltins.runs_of_slow_package += 1\nfrom .part import value\nfrom .other import more\n"
    )
    (folder / "part.py").write_text("value = object()\n")
    (folder / "other.py").write_text("from . import part\nmore = part.value\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("builtins.runs_of_slow_package", 0, raising=False)
    yield "slow_package"
    for name in [name for name in sys.modules if name.partition(".")[0] == "slow_package"]:
        del sys.modules[name]


def runs() -> int:
    import builtins

    return int(vars(builtins)["runs_of_slow_package"])


def test_a_part_is_imported_without_the_package_that_it_is_part_of(package: str) -> None:
    with deferred(package):
        part = import_module("slow_package.part")
    assert part.value is not None
    assert not runs()
    assert "slow_package.other" not in sys.modules
    assert not hasattr(sys.modules[package], "__test__"), "what test runners ask of every module loads nothing"
    assert not runs()


def test_the_package_is_whole_and_of_the_same_parts_for_whoever_asks_it_later(package: str) -> None:
    with deferred(package):
        part = import_module("slow_package.part")
    found: dict[str, object] = {}
    exec("from slow_package import value, more", found)
    assert found["value"] is found["more"] is part.value
    assert import_module(package).part is part
    assert runs() == 1
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = import_module(package).nothing
    assert runs() == 1


def test_a_package_that_is_asked_by_several_threads_runs_once(package: str) -> None:
    with deferred(package):
        import_module("slow_package.part")
    given: list[object] = []
    threads = [Thread(target=lambda: given.append(import_module(package).more)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(given) == 8
    assert len(set(map(id, given))) == 1
    assert runs() == 1


def test_a_package_that_failed_to_load_is_tried_again(package: str, tmp_path: Path) -> None:
    other = tmp_path / package / "other.py"
    sound = other.read_text()
    other.write_text("import no_such_module_anywhere\n")
    with deferred(package):
        import_module("slow_package.part")
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match="no_such_module_anywhere"):
            _ = import_module(package).more
    other.write_text(sound)
    assert import_module(package).more is not None


def test_a_package_that_is_loaded_or_missing_is_as_ever(package: str) -> None:
    whole = import_module(package)
    finders = list(sys.meta_path)
    with deferred(package):
        assert import_module(package) is whole
    with deferred("no_such_package_anywhere"), pytest.raises(ModuleNotFoundError):
        import_module("no_such_package_anywhere")
    assert sys.meta_path == finders
    assert runs() == 1
