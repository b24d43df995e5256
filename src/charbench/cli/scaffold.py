"""Writes a plugin package to begin with: one template for each kind, in ``scaffolds/``."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from string import Template

from charbench.errors import UsageError

KINDS = {
    "scorer": "charbench run --scorer {name}",
    "pair-scorer": "charbench run --scorer {name}",
    "source": "charbench discover --source {name}",
    "sampler": "charbench eval -c {name}:anything -p pirate",
    "sampler-in-process": "charbench eval -c {name}:anything -p pirate",
    "trainer": "charbench train --all --trainer {name}",
    "perturbation": "charbench run --perturb {name}",
    "reporter": "charbench report --format {name}",
    "personas": "charbench personas show {name}",
    "observer": "charbench run",
}
"""Each kind of plugin, and the command that uses one."""
_PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "charbench-$name"
version = "0.1.0"
dependencies = ["charbench"]

[project.entry-points.charbench]
$name = "charbench_$module"

[tool.hatch.build.targets.wheel]
packages = ["charbench_$module"]
"""
_PERSONA = """\
name: $name
description: Somebody who is called $name, and says so.
markers:
  strong: [$name]
"""


def write_plugin(name: str, kind: str, folder: Path) -> Path:
    """Write ``charbench-NAME`` into ``folder``; return its path. Raises :class:`UsageError`."""
    if not re.fullmatch(r"[a-z][a-z0-9\-]*", name):
        raise UsageError(f"plugin {name!r}: a lower-case slug is needed, such as 'shouting'")
    target = folder / f"charbench-{name}"
    if target.exists():
        raise UsageError(f"{target} already exists and is not changed")
    words = {
        "name": name,
        "module": name.replace("-", "_"),
        "title": "".join(part.capitalize() for part in name.split("-")),
    }
    package = target / f"charbench_{words['module']}"
    contents = {target / "pyproject.toml": _PROJECT, package / "__init__.py": template(kind)}
    if kind == "personas":
        contents[package / "personas" / f"{name}.yaml"] = _PERSONA
    try:
        for path, content in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(Template(content).substitute(words), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{target}: {error.strerror or error}") from None
    return target


def template(kind: str) -> str:
    """Return the module of a plugin of this kind, with ``$name``, ``$module`` and ``$title`` to fill in."""
    return (files("charbench.cli") / "scaffolds" / f"{kind}.txt").read_text(encoding="utf-8")
