"""Personas are kept as they were read, and read anew when their file has changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest

from charbench.config import user_cache
from charbench.domain.persona import Persona
from charbench.personas import library
from charbench.personas.library import PersonaLibrary, persona_files, read_persona
from charbench.personas.memory import from_json, to_json

SHIPPED = Path(__file__).parents[2] / "personas"
GHOST = "name: ghost\ndescription: It haunts.\nmarkers:\n  strong: [boo, 'regex: no']\n"
Read = Callable[[], dict[str, Persona]]


@pytest.fixture
def read_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were read and not remembered; what is kept is kept below ``tmp_path``."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(user_cache._Program, "keeps", True)
    monkeypatch.setattr(user_cache, "_YOUNG_NS", 0)
    paths: list[str] = []

    def noted(path: Path) -> Persona:
        paths.append(path.name)
        return read_persona(path)

    monkeypatch.setattr(library, "read_persona", noted)
    return paths


def test_every_shipped_persona_is_the_same_when_it_was_kept() -> None:
    for path in persona_files(SHIPPED):
        persona = read_persona(path)
        assert from_json(to_json(persona), str(path)) == persona
        assert set(to_json(persona)) | {"origin"} == {one.name for one in fields(Persona)}


def test_a_file_is_read_again_only_when_it_has_changed(tmp_path: Path, read_paths: list[str]) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "ghost.yaml").write_text(GHOST)
    (folder / "witch.yaml").write_text("name: witch\ndescription: It brews.\n")
    first = PersonaLibrary([folder]).all
    assert read_paths == ["ghost.yaml", "witch.yaml"]
    assert PersonaLibrary([folder]).all == first
    assert read_paths == ["ghost.yaml", "witch.yaml"]
    (folder / "ghost.yaml").write_text(GHOST.replace("haunts", "lurks!"))
    assert PersonaLibrary([folder]).all["ghost"].description == "It lurks!."
    assert read_paths == ["ghost.yaml", "witch.yaml", "ghost.yaml"]
    (folder / "witch.yaml").unlink()
    assert list(PersonaLibrary([folder]).all) == ["ghost"]


def test_a_fault_is_told_each_time(tmp_path: Path, read_paths: list[str]) -> None:
    (tmp_path / "ghost.yaml").write_text("name: ghost\n")
    for _ in range(3):
        known = PersonaLibrary([tmp_path])
        assert list(known.all) == []
        assert [fault.partition(": ")[2] for fault in known.faults] == ["'description' is missing"]
    assert read_paths == ["ghost.yaml"] * 3


def test_a_persona_names_its_file_as_the_folder_was_given(
    tmp_path: Path, read_paths: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "ghost.yaml").write_text(GHOST)
    assert PersonaLibrary([tmp_path / "own"]).all["ghost"].origin == str(tmp_path / "own" / "ghost.yaml")
    monkeypatch.chdir(tmp_path)
    assert PersonaLibrary([Path("own")]).all["ghost"].origin == "own/ghost.yaml"
    assert read_paths == ["ghost.yaml"]
