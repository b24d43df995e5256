"""What sources said of a lab's files, kept from one discovery to the next: answers about files that did not change.

An answer holds as long as the file's size, inode and both times are what they were, and the code and the options
that gave it. A file that changed less than two seconds before the walk is not kept: on a coarse clock its next change
might not show (https://git-scm.com/docs/racy-git). What is damaged, or of another version, is not used.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import sysconfig
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from itertools import repeat
from operator import attrgetter
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from charbench.components.lab_file import Answers, LabFile

if TYPE_CHECKING:
    from charbench.components.source import CheckpointSource

FILE_NAME = "discovered-files"
_FORM = b"charbench discovered files 2 %s" % sys.byteorder.encode()
_STATE = tuple(map(attrgetter, ("size", "mtime_ns", "ctime_ns", "inode")))
"""What of a file changes when it may have changed."""
_LIMIT = 1 << 63
_YOUNG_NS = 2_000_000_000
_LARGEST = 1 << 30
"""Bytes of what is kept; a lab of a million files needs 130 MB."""


class FileMemory:
    """Keeps answers in a file of the folder ``.charbench``; where that is not there, nothing is kept."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._youngest = 0
        self._stored = 0
        self._recalled = 0
        self._digests: dict[str, str | None] = {}
        self._imports: dict[tuple[str, ...], list[str]] = {}

    def recall(self, files: Sequence[LabFile], began: int) -> None:
        """Give the files that did not change their answers; ``began`` is when the walk began, in ns of the epoch."""
        self._youngest = began - _YOUNG_NS
        try:
            known: dict[str, tuple[Answers, int, int, int, int]] = {}
            for answers, names, states in _groups(self._path):
                known.update(zip(names, zip(repeat(answers), *states), strict=True))
        except (OSError, ValueError, TypeError, RecursionError):
            return  # damaged, or there is none yet
        self._stored = len(known)
        for file in files:
            found = known.get(file.shown)
            if found is None:
                continue
            answers, size, mtime, ctime, inode = found
            if size == file.size and mtime == file.mtime_ns and ctime == file.ctime_ns and inode == file.inode:
                file.answers = answers
                self._recalled += 1

    def save(self, files: Sequence[LabFile], current: Iterable[str]) -> None:
        """Keep the answers about files, where they are not what is kept already.

        ``current`` are the names of today's questions: those of other versions of them are dropped.
        """
        if self._recalled == self._stored > 0 and not any(file.has_learnt for file in files):
            return
        kept = [file for file in files if file.answers and self._is_settled(file)]
        if len(kept) == self._stored and not any(file.has_learnt for file in kept):
            return
        names = frozenset(current)
        subjects = frozenset(name.partition("@")[0] for name in names)
        groups: dict[tuple[tuple[str, int], ...], list[LabFile]] = {}
        for file in kept:
            groups.setdefault(tuple(file.answers.items()), []).append(file)
        heads = [
            [
                {name: answer for name, answer in answers if name in names or name.partition("@")[0] not in subjects},
                [file.shown for file in alike],
            ]
            for answers, alike in groups.items()
        ]
        states = array("q")
        for alike in groups.values():
            for of in _STATE:
                states.extend(map(of, alike))
        body = json.dumps(heads, separators=(",", ":")).encode() + b"\n" + states.tobytes()
        with suppress(OSError):  # a lab that may only be read: the next discovery asks again
            self._write(b"%s %s\n%s" % (_FORM, _checksum(body), body))

    def _is_settled(self, file: LabFile) -> bool:
        return (
            file.was_read and file.inode < _LIMIT and file.mtime_ns < self._youngest and file.ctime_ns < self._youngest
        )

    def _write(self, content: bytes) -> None:
        """Put the file in place in one step; one that was killed half-way leaves a part that the next one replaces.

        Of two at once one may put in place what the other still writes: its checksum tells until it is done.
        """
        part = self._path.with_name(f"{FILE_NAME}.part")
        part.unlink(missing_ok=True)
        descriptor = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        part.replace(self._path)

    def name_of(self, source: CheckpointSource) -> str | None:
        """Return by what name a source's answers are kept: its code's and options'; None: they are not kept."""
        if not source.matches_file_alone:
            return None
        modules = [one.__module__ for one in type(source).__mro__[:-1]]  # what it is derived from, too
        packages = tuple(dict.fromkeys(module.partition(".")[0] for module in modules))
        if packages not in self._imports:
            self._imports[packages] = _packages(packages)
        code = [self._code(package) for package in self._imports[packages]]
        options = _options(source)
        if None in code or options is None:
            return None
        return f"{source.name}@{_digest(f'{type(source).__qualname__} {self.code} {code} {options}')}"

    @cached_property
    def code(self) -> str:
        """A digest of charbench's own code and of which packages are installed."""
        installed = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
        places = dict.fromkeys([*map(sysconfig.get_path, ("purelib", "platlib")), *installed])
        return _digest(f"{sys.version} {self._code(__name__)} {list(_states(places))}")

    def _code(self, module: str) -> str | None:
        package = module.partition(".")[0]
        if package not in self._digests:
            self._digests[package] = _code(package)
        return self._digests[package]


def _options(source: CheckpointSource) -> str | None:
    """Return a source's options as JSON; None where JSON does not hold all of them: a secret, a field left out."""
    try:
        text = source.config.model_dump_json()
        return text if type(source.config).model_validate_json(text) == source.config else None
    except (ValueError, TypeError):  # pydantic's own errors are of the first kind
        return None


def _packages(packages: Sequence[str]) -> list[str]:
    """Return these packages, and those outside of installed ones that they import from.

    An installed package cannot change without its folder; one in development can, and charbench's own is known.
    """
    installed = tuple(sysconfig.get_path(name) for name in ("purelib", "platlib", "stdlib"))
    found = dict.fromkeys(packages)
    todo = list(found)
    while todo:
        package = todo.pop()
        if package == "charbench":
            continue
        inside = [one for name, one in list(sys.modules.items()) if name == package or name.startswith(f"{package}.")]
        for value in [value for module in inside for value in list(vars(module).values())]:
            name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
            other = name.partition(".")[0] if isinstance(name, str) else ""
            if not other or other in found:
                continue
            place = getattr(sys.modules.get(other), "__file__", None)
            if isinstance(place, str) and not place.startswith(installed):
                found[other] = None
                todo.append(other)
    return [name for name in found if name not in ("charbench", "builtins")]


def _groups(path: Path) -> Iterator[tuple[Answers, list[str], list[array[int]]]]:
    """Yield answers, with the names of the files that have them, and their sizes, both times and inodes.

    Raises ValueError, TypeError or OSError where the file is damaged.
    """
    if path.stat().st_size > _LARGEST:
        raise ValueError("too large")
    head, _, body = path.read_bytes().partition(b"\n")
    if head != b"%s %s" % (_FORM, _checksum(body)):
        raise ValueError("damaged, or of another version")
    heads, _, numbers = body.partition(b"\n")
    states = array("q", numbers)
    at = 0
    for answers, names in json.loads(heads):
        columns = [states[at + n * len(names) : at + (n + 1) * len(names)] for n in range(len(_STATE))]
        at += len(_STATE) * len(names)
        yield answers, names, columns


def _checksum(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=16).hexdigest().encode()


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()


def _code(module: str) -> str | None:
    """Return a digest of the package's files that a module is in; None where it lies in no files."""
    package = sys.modules.get(module.partition(".")[0])
    places = list(getattr(package, "__path__", None) or []) or [getattr(package, "__file__", None)]
    if not all(isinstance(place, str) and Path(place).exists() for place in places):
        return None
    return _digest(str(sorted(state for place in places for state in _states([place, *_modules(place)]))))


def _modules(place: str) -> Iterator[str]:
    for folder, _, names in os.walk(place):
        yield from (str(Path(folder) / name) for name in names if name.endswith((".py", ".yaml", ".txt")))


def _states(places: Iterable[str]) -> Iterator[tuple[str, int, int]]:
    """Yield what changes when a file or folder does."""
    for place in places:
        with suppress(OSError):
            status = os.stat(place)  # noqa: PTH116  hundreds of them
            yield place, status.st_size, status.st_mtime_ns
