"""Writes a plugin package to begin with: one template for each kind, in ``scaffolds/``."""

from __future__ import annotations

import re
from collections.abc import Collection
from importlib.resources import files
from keyword import iskeyword
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from charbench.cli.scaffold_kinds import KINDS
from charbench.errors import UsageError

if TYPE_CHECKING:
    from charbench.plugins.manager import Plugins

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")

_COMPONENTS = {
    "scorer": "scorer",
    "pair-scorer": "scorer",
    "source": "source",
    "sampler": "sampler",
    "sampler-in-process": "sampler",
    "trainer": "trainer",
    "perturbation": "perturbation",
    "reporter": "reporter",
}
"""The kinds of plugin that bring a component."""
_PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "charbench-$name"
version = "0.1.0"
dependencies = ["charbench"]

[project.optional-dependencies]
test = ["pytest>=8.3"]

[project.entry-points.charbench]
$name = "charbench_$module"

[tool.hatch.build.targets.wheel]
packages = ["charbench_$module"]

[tool.pytest.ini_options]
pythonpath = ["."]
testpaths = ["tests"]
"""
_README = """\
# charbench-$name

A plugin for charbench: $kind `$name`.

    pip install -e '.[test]'
    pytest
    $command
"""
_CONFORMANCE = """\
from charbench.testing import conformance$more
from charbench_$module import $title

test_${module}_keeps_the_contract = conformance($title$arguments)
"""
_PERSONAS_TEST = """\
import subprocess
import sys

from charbench_$module import charbench_persona_dirs


def test_the_personas_are_valid() -> None:
    files = [str(path) for folder in charbench_persona_dirs() for path in sorted(folder.glob("*.yaml"))]
    assert files
    subprocess.run([sys.executable, "-m", "charbench", "personas", "check", *files], check=True)
"""
_OBSERVER_TEST = """\
from datetime import datetime
from pathlib import Path

from charbench_$module import charbench_run_finished, charbench_run_started


def test_start_and_end_of_a_run_are_noted(tmp_path: Path) -> None:
    charbench_run_started(run_id=1, command="run", started_at=datetime(2026, 1, 1), folder=tmp_path)
    charbench_run_finished(run_id=1, status="done", counts={"samples": 1}, folder=tmp_path)
    assert len((tmp_path / "$name.log").read_text().splitlines()) == 2
"""
_COMMAND_TEST = """\
from pathlib import Path

from charbench_$module import command
from click.testing import CliRunner


def test_samples_are_counted(tmp_path: Path) -> None:
    file = tmp_path / "samples.jsonl"
    file.write_text('{"sampler_path": "model:a"}\\n' * 2, encoding="utf-8")
    assert CliRunner().invoke(command, [str(file)]).output.split() == ["2", "model:a"]
"""
_DOCTOR_TEST = """\
import pytest
from charbench_$module import charbench_doctor_checks


@pytest.mark.parametrize(("found", "state"), [("/usr/bin/$name", "ok"), (None, "note")])
def test_the_program_is_looked_for(monkeypatch: pytest.MonkeyPatch, found: str | None, state: str) -> None:
    monkeypatch.setattr("shutil.which", lambda name: found)
    assert [result.state for result in charbench_doctor_checks()] == [state]
"""
_TESTS = {
    "personas": _PERSONAS_TEST,
    "observer": _OBSERVER_TEST,
    "command": _COMMAND_TEST,
    "doctor-check": _DOCTOR_TEST,
}
"""The tests of what is no component."""
_PERSONA = """\
name: $name
description: Somebody who is called $name, and says so.
markers:
  strong: [$name]
"""


def check_free(name: str, kind: str, plugins: Plugins, personas: Collection[str]) -> None:
    """Raise :class:`UsageError` where a plugin, a component of this kind or a persona has this name already."""
    from charbench.cli import COMMANDS
    from charbench.components.base import ComponentKind

    for plugin in plugins.found:
        if plugin.name == name:
            raise UsageError(f"there is a plugin {plugin.label} already; choose another name")
    component = _COMPONENTS.get(kind)
    if component is not None and (
        name in plugins.components(ComponentKind(component)) or name in plugins.families(ComponentKind(component))
    ):
        raise UsageError(f"there is a {component} {name!r} already; choose another name")
    if kind == "command" and (name in COMMANDS or name in plugins.commands(COMMANDS)):
        raise UsageError(f"there is a command {name!r} already; choose another name")
    if kind == "personas" and name in personas:
        raise UsageError(f"there is a persona {name!r} already; choose another name")


def write_plugin(name: str, kind: str, folder: Path) -> Path:
    """Write ``charbench-NAME`` into ``folder``; return its path. Raises :class:`UsageError`."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"plugin {name!r}: a lower-case slug is needed, such as 'shouting' or 'loud-voice'")
    target = folder / f"charbench-{name}"
    if target.exists():
        raise UsageError(f"{target} already exists and is not changed")
    module = template(kind)
    words = {
        "name": name,
        "module": name.replace("-", "_"),
        "title": _class_name(name, module),
        "kind": kind,
        "command": try_it(name, kind),
    }
    package = target / f"charbench_{words['module']}"
    contents = {
        target / "pyproject.toml": _PROJECT,
        target / "README.md": _README,
        target / "tests" / f"test_{words['module']}.py": _test(kind, name),
        package / "__init__.py": module,
    }
    if kind == "personas":
        contents[package / "personas" / f"{name}.yaml"] = _PERSONA
    try:
        for path, content in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(Template(content).substitute(words), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{target}: {error.strerror or error}") from None
    return target


def try_it(name: str, kind: str) -> str:
    """Return a shell command that uses the plugin in a temporary lab, so that no store of the user's is touched."""
    return f"lab=$(mktemp -d); {KINDS[kind].format(name=name, lab='$lab')}"


def _class_name(name: str, module: str) -> str:
    """Return the component's class: what the module imports, and Python's own words, are taken."""
    title = "".join(part.capitalize() for part in name.split("-"))
    taken = iskeyword(title) or re.search(rf"\b{title}\b", module)
    return f"{title}Plugin" if taken else title


def _test(kind: str, name: str) -> str:
    if kind in _TESTS:
        return _TESTS[kind]
    asks = kind.startswith("sampler")
    more = ", make_checkpoint" if asks else ""
    arguments = f', checkpoint=make_checkpoint("{name}:anything")' if asks else ""
    return _CONFORMANCE.replace("$more", more).replace("$arguments", arguments)


def template(kind: str) -> str:
    """Return the module of a plugin of this kind, with ``$name``, ``$module`` and ``$title`` to fill in."""
    return (files("charbench.cli") / "scaffolds" / f"{kind}.txt").read_text(encoding="utf-8")
