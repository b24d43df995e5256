"""Installs plugin packages the cheap way: a module and its ``*.dist-info`` in a folder on the path."""

from __future__ import annotations

import os
from pathlib import Path

SHOUTING = '''
from charbench import Metric, Scorer, Score, hookimpl


class Shouting(Scorer):
    """Share of letters in upper case, per channel."""

    name = "shouting"
    metrics = (Metric("shouting", range=(0, 1), aggregate="mean"),)

    def score(self, sample, persona):
        for channel, text in sample.channels():
            letters = [c for c in text if c.isalpha()]
            if letters:
                yield Score("shouting", channel, sum(map(str.isupper, letters)) / len(letters))


@hookimpl
def charbench_scorers():
    return [Shouting]
'''
"""The design's example of a scorer, in full."""


class Site:
    """A folder of installed plugin distributions, to be put on ``PYTHONPATH``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def env(self) -> dict[str, str]:
        """The environment that makes the distributions importable."""
        inherited = os.environ.get("PYTHONPATH")
        return {"PYTHONPATH": os.pathsep.join([str(self.folder), *([inherited] if inherited else [])])}

    def install(self, distribution: str, code: str, *, entry: str | None = None, version: str = "1.0") -> None:
        """Install one distribution with one module and one entry point (named as the distribution)."""
        module = distribution.replace("-", "_")
        (self.folder / f"{module}.py").write_text(code, encoding="utf-8")
        info = self.folder / f"{module}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[charbench]\n{entry or distribution} = {module}\n")
