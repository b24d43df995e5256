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
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from charbench.components.lab_file import Answers, LabFile

if TYPE_CHECKING:
    from charbench.components.source import CheckpointSource

FILE_NAME = "discovered-files"
_FORM = b"charbench discovered files 1"
_YOUNG_NS = 2_000_000_000
_LARGEST = 1 << 30
"""Bytes of what is kept; a lab of a million files needs 130 MB."""


class FileMemory:
    """Keeps answers in a file of the folder ``.charbench``; where that is not there, nothing is kept."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._youngest = 0
        self._stored = 0

    def recall(self, files: Sequence[LabFile], began: int) -> None:
        """Give the files that did not change their answers; ``began`` is when the walk began, in ns of the epoch."""
        self._youngest = began - _YOUNG_NS
        try:
            groups = _groups(self._path)
            known = {line: answers for answers, lines in groups for line in lines}
        except (OSError, ValueError, TypeError, RecursionError):
            return  # damaged, or there is none yet
        self._stored = len(known)
        for file in files:
            answers = known.get(_line(file))
            if answers is not None:
                file.recall(answers)

    def save(self, files: Iterable[LabFile], current: Iterable[str]) -> None:
        """Keep the answers about files, where they are not what is kept already.

        ``current`` are the names of today's questions: those of other versions of them are dropped.
        """
        kept = [file for file in files if file.answers and self._is_settled(file)]
        if len(kept) == self._stored and not any(file.has_learnt for file in kept):
            return
        names = frozenset(current)
        subjects = frozenset(name.partition("@")[0] for name in names)
        groups: dict[tuple[tuple[str, int], ...], list[str]] = {}
        for file in kept:
            groups.setdefault(tuple(file.answers.items()), []).append(_line(file))
        content = [
            [
                {name: answer for name, answer in answers if name in names or name.partition("@")[0] not in subjects},
                lines,
            ]
            for answers, lines in groups.items()
        ]
        body = json.dumps(content, separators=(",", ":")).encode()
        with suppress(OSError):  # a lab that may only be read: the next discovery asks again
            self._write(b"%s %s\n%s" % (_FORM, _checksum(body), body))

    def _is_settled(self, file: LabFile) -> bool:
        return file.was_read and file.mtime_ns < self._youngest and file.ctime_ns < self._youngest

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
        modules = dict.fromkeys(one.__module__ for one in type(source).__mro__[:-1])  # what it is derived from, too
        code = [_code(module) for module in modules if module.partition(".")[0] != "charbench"]
        if None in code:
            return None
        options = source.config.model_dump_json()
        return f"{source.name}@{_digest(f'{type(source).__qualname__} {self.code} {code} {options}')}"

    @cached_property
    def code(self) -> str:
        """A digest of charbench's own code and of which packages are installed."""
        return _digest(f"{sys.version} {_code(__name__)} {list(_states([sysconfig.get_path('purelib')]))}")


def _groups(path: Path) -> list[tuple[Answers, list[str]]]:
    """Return the answers with the files that have them. Raises ValueError, TypeError or OSError where it is damaged."""
    if path.stat().st_size > _LARGEST:
        raise ValueError("too large")
    head, _, body = path.read_bytes().partition(b"\n")
    if head != b"%s %s" % (_FORM, _checksum(body)):
        raise ValueError("damaged, or of another version")
    groups = json.loads(body)
    return [(dict(answers), list(lines)) for answers, lines in groups]


def _line(file: LabFile) -> str:
    """Return what changes when a file may have changed."""
    return f"{file.shown}\0{file.size} {file.mtime_ns} {file.ctime_ns} {file.inode}"


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
