"""The personas that come with charbench."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

from charbench import hookimpl


@hookimpl
def charbench_persona_dirs() -> Iterable[Path]:
    """Return the folder of persona files: inside the package, or in a checkout at the repository's root."""
    packaged = Path(str(files("charbench"))) / "personas" / "shipped"
    return [packaged if packaged.is_dir() else Path(__file__).parents[2] / "personas"]
