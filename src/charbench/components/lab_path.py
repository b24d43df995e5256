"""Options that name files or folders of a lab, and what is to be said of those that are not there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fnmatch import fnmatchcase
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

if TYPE_CHECKING:
    from charbench.components.source import CheckpointSource, Lab


class _NamesPath:
    """Marks text that is a path or a pattern of paths."""


LabPath = Annotated[str, _NamesPath()]
"""Text of a source's option that is a file, a folder or a pattern of them, from the lab's folder on or absolute.

In any place of the option's type: ``list[LabPath]``, ``dict[LabPath, str]``. One that is not there is an error for the
user, and a pattern that matches nothing a warning, before any source is asked.
"""


def absent_paths(source: CheckpointSource, lab: Lab) -> tuple[list[str], list[str]]:
    """Return errors for paths of a source's options that are not there, and warnings for patterns without files."""
    errors, warnings = [], []
    for name, field in type(source.config).model_fields.items():
        value = getattr(source.config, name)
        marked = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
        for path in dict.fromkeys(_paths(marked, value)):
            option = f"option {source.kind.value}.{source.name}.{name}"
            if not path:
                errors.append(f"{option}: an empty text names no file")
            elif os.path.exists(lab.root / path):  # noqa: PTH110  it takes any text, and raises nothing
                continue
            elif not any(sign in path for sign in "*?["):
                errors.append(f"{option}: {path!r}: no such file or folder, from the lab's folder on")
            elif not _matches(lab, path):
                warnings.append(f"{option}: the pattern {path!r} matches no file")
    return errors, warnings


def paths_of(root: Path, pattern: str) -> Iterator[Path]:
    """Yield the files and folders that a pattern names, from ``root`` on or absolute."""
    path = Path(pattern)
    if path.is_absolute():
        return Path(path.anchor).glob(str(path.relative_to(path.anchor)))
    return root.glob(pattern)


def _paths(annotation: Any, value: Any) -> Iterator[str]:
    """Yield the paths in an option's value, as its type says where they are."""
    inner = get_args(annotation)
    if isinstance(value, str):
        if any(isinstance(mark, _NamesPath) for mark in inner):
            yield value
    elif isinstance(value, dict):
        parts = [(part, one) for pair in value.items() for part, one in zip(inner, pair, strict=False)]
        yield from chain.from_iterable(_paths(part, one) for part, one in parts)
    elif isinstance(value, (list, tuple)) and inner:
        yield from chain.from_iterable(_paths(inner[0], one) for one in value)


def _matches(lab: Lab, pattern: str) -> bool:
    if next(paths_of(lab.root, pattern), None) is not None:
        return True
    return any(fnmatchcase(file.shown, pattern) for file in lab.files.walked.files)
