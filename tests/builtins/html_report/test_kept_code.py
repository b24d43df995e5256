"""The code of templates is kept as Python keeps that of modules, and a page is the same with it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, FileSystemLoader

from charbench_plugins.html_report.kept_code import KeptCode


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where Python keeps bytecode."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path / "kept"))
    return tmp_path / "kept"


class Counting(Environment):
    """Counts the templates that it makes code of."""

    def __init__(self, folder: Path) -> None:
        super().__init__(loader=FileSystemLoader(folder), bytecode_cache=KeptCode(folder), autoescape=True)
        self.compiled = 0

    def compile(self, *args: Any, **kwargs: Any) -> Any:
        self.compiled += 1
        return super().compile(*args, **kwargs)


def written(folder: Path) -> tuple[str, int]:
    """Return what a new process would make of a template, and for how many templates it would make code."""
    environment = Counting(folder)
    return environment.get_template("a.j2").render(name="<Arr>"), environment.compiled


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "a.j2").write_text("Ahoy {{ name }}")
    return folder


def test_a_template_is_read_once_and_gives_the_same_text_again(templates: Path) -> None:
    assert written(templates) == ("Ahoy &lt;Arr&gt;", 1)
    assert written(templates) == ("Ahoy &lt;Arr&gt;", 0)


def test_a_template_that_has_changed_is_read_anew(templates: Path) -> None:
    written(templates)
    (templates / "a.j2").write_text("Farewell {{ name }}")
    assert written(templates) == ("Farewell &lt;Arr&gt;", 1)
    assert written(templates) == ("Farewell &lt;Arr&gt;", 0)


@pytest.mark.parametrize("left", [0, 2, 20, 40, -1])
def test_kept_code_that_is_damaged_is_made_anew(templates: Path, kept: Path, left: int) -> None:
    written(templates)
    (file,) = [path for path in kept.rglob("*") if path.is_file()]
    file.write_bytes(file.read_bytes()[:left])
    assert written(templates) == ("Ahoy &lt;Arr&gt;", 1)
    assert written(templates) == ("Ahoy &lt;Arr&gt;", 0)


def test_where_python_writes_no_bytecode_nothing_is_kept(
    templates: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert written(templates)[1] == written(templates)[1] == 1
    assert not kept.exists()


def test_where_nothing_can_be_written_a_page_is_made_all_the_same(templates: Path, kept: Path) -> None:
    kept.write_text("a file where the folder would be")
    assert written(templates) == written(templates) == ("Ahoy &lt;Arr&gt;", 1)
