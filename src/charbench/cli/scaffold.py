"""Writes a plugin package to begin with."""

from __future__ import annotations

import re
from pathlib import Path

from charbench.errors import UsageError

_PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "charbench-{name}"
version = "0.1.0"
dependencies = ["charbench"]

[project.entry-points.charbench]
{name} = "charbench_{module}"

[tool.hatch.build.targets.wheel]
packages = ["charbench_{module}"]
"""
_MODULE = """\
\"\"\"Scorer ``{name}``.\"\"\"

from collections.abc import Iterable

from charbench import Metric, Persona, Sample, Score, Scorer, hookimpl


class {title}(Scorer):
    \"\"\"Share of letters in upper case, per channel.\"\"\"

    name = "{name}"
    metrics = (Metric("{module}", range=(0, 1), aggregate="mean"),)

    def score(self, sample: Sample, persona: Persona) -> Iterable[Score]:
        for channel, text in sample.channels():
            letters = [c for c in text if c.isalpha()]
            if letters:
                yield Score("{module}", channel, sum(map(str.isupper, letters)) / len(letters))


@hookimpl
def charbench_scorers() -> Iterable[type[Scorer]]:
    return [{title}]
"""


def write_plugin(name: str, folder: Path) -> Path:
    """Write ``charbench-NAME`` into ``folder``; return its path. Raises :class:`UsageError`."""
    if not re.fullmatch(r"[a-z][a-z0-9\-]*", name):
        raise UsageError(f"plugin {name!r}: a lower-case slug is needed, such as 'shouting'")
    target = folder / f"charbench-{name}"
    if target.exists():
        raise UsageError(f"{target} exists already; it is left as it is")
    module = name.replace("-", "_")
    title = "".join(part.capitalize() for part in name.split("-"))
    package = target / f"charbench_{module}"
    try:
        package.mkdir(parents=True)
        (target / "pyproject.toml").write_text(_PROJECT.format(name=name, module=module), encoding="utf-8")
        content = _MODULE.format(name=name, module=module, title=title)
        (package / "__init__.py").write_text(content, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{target}: {error.strerror or error}") from None
    return target
