"""Files that patterns name: relative to the lab, or anywhere."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def matching(root: Path, patterns: Iterable[str]) -> list[Path]:
    """Return the files that any of the patterns matches, sorted; a pattern that is no path stays under ``root``."""
    found: set[Path] = set()
    for pattern in patterns:
        absolute = Path(pattern)
        if absolute.is_absolute():
            paths = Path(absolute.anchor).glob(str(absolute.relative_to(absolute.anchor)))
        else:
            paths = root.glob(pattern)
        found.update(path for path in paths if path.is_file())
    return sorted(found)
