"""The one walk of a lab's folder: which files there are, and what was left out and why."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import translate
from pathlib import Path

from charbench.components.lab_file import LabFile

SKIPPED_FOLDERS = frozenset(
    {
        *(".git", ".hg", ".svn", ".charbench", ".venv", "node_modules", "site-packages", "__pycache__", ".eggs"),
        *(".cache", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".tox", ".nox", ".ipynb_checkpoints"),
    }
)
"""Folders that hold nothing of a lab's: version control, environments, caches, charbench's own."""
_MARKS = {"pyvenv.cfg": "an environment", "conda-meta": "an environment", "CACHEDIR.TAG": "a cache"}
"""Entries that tell what the folder around them is."""
WEIGHTS = frozenset(
    {
        *("safetensors", "bin", "pt", "pth", "ckpt", "gguf", "ggml", "onnx", "h5", "hdf5", "npy", "npz", "tflite"),
        *("msgpack", "distcp", "pkl", "pickle"),
    }
)
"""How the names of files end that hold numbers: they are counted, and not opened."""
MAX_FILES = 1_000_000
_BY_DESCRIPTOR = os.scandir in os.supports_fd
MAX_DEPTH = 64
"""Folders below each other."""


@dataclass(slots=True)
class Walked:
    """What a walk met. ``skipped`` maps folders to the reason; ``limits`` say what was not looked at any more."""

    files: list[LabFile] = field(default_factory=list)
    folders: int = 0
    weights: int = 0
    skipped: dict[str, str] = field(default_factory=dict)
    limits: list[str] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)


def walk(root: Path, skip: Sequence[str] = (), max_files: int = MAX_FILES) -> Walked:
    """Return a folder's files in the order of their names, those that cannot be text left out.

    ``skip`` are patterns of files and folders that are left out, by path or name. Symbolic links are followed, each
    folder and file once, by its own path where it lies in ``root``: so loops end.
    """
    walker = _Walker(str(root), skip, max_files)
    walker.go()
    found = walker.found
    found.files.sort(key=lambda file: file.shown)
    return found


class _Walker:
    def __init__(self, root: str, skip: Sequence[str], max_files: int) -> None:
        self.found = Walked()
        self._root = root
        self._max = max_files
        self._is_left_out = _named_by(skip)
        self._seen: set[tuple[int, int]] = set()
        self._inodes: set[tuple[int, int]] = set()
        self._links: list[tuple[str, str, int]] = []

    def go(self) -> None:
        todo = [(self._root, "", 0)]
        while todo or self._links:
            if not todo:  # links last: what they lead to may have been met by its own path
                todo = list(self._followed())
                continue
            path, shown, depth = todo.pop()
            if len(self.found.files) >= self._max:
                self.found.limits.append(f"stopped after {self._max:,} files (discover.max_files)")
                return
            todo += self._folder(path, shown, depth)

    def _folder(self, path: str, shown: str, depth: int) -> list[tuple[str, str, int]]:
        """Take a folder's files, and return the folders in it."""
        if depth > MAX_DEPTH:
            self.found.limits.append(f"{shown}: more than {MAX_DEPTH} folders deep")
            return []
        descriptor = -1
        try:
            if _BY_DESCRIPTOR:  # the files in it are then looked up by their names alone
                descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            with os.scandir(descriptor if _BY_DESCRIPTOR else path) as entries:
                listed = list(entries)
            here = os.stat(descriptor if _BY_DESCRIPTOR else path)  # noqa: PTH116
            return self._taken(path, shown, depth, listed, here)
        except OSError as error:
            self.found.unreadable[shown or "."] = error.strerror or str(error)
            return []
        finally:
            if descriptor >= 0:
                os.close(descriptor)

    def _taken(
        self, path: str, shown: str, depth: int, listed: list[os.DirEntry[str]], here: os.stat_result
    ) -> list[tuple[str, str, int]]:
        if (here.st_dev, here.st_ino) in self._seen:
            return []
        self._seen.add((here.st_dev, here.st_ino))
        mark = next((what for name, what in _MARKS.items() if any(entry.name == name for entry in listed)), None)
        if mark and shown:
            self.found.skipped[shown] = mark
            return []
        self.found.folders += 1
        below = []
        prefix = f"{shown}/" if shown else ""
        base = path if path.endswith("/") else f"{path}/"
        is_left_out, file = self._is_left_out, self._file
        for entry in listed:
            name = entry.name
            inside = prefix + name
            if is_left_out is not None and is_left_out(inside, name):
                self.found.skipped[inside] = "discover.skip"
            elif entry.is_file(follow_symlinks=False):
                file(base + name, inside, name, entry)
            elif entry.is_dir(follow_symlinks=False):
                if name in SKIPPED_FOLDERS:
                    self.found.skipped[inside] = "never searched"
                else:
                    below.append((base + name, inside, depth + 1))
            elif entry.is_symlink():
                self._links.append((base + name, inside, depth + 1))
        return below

    def _file(self, path: str, shown: str, name: str, entry: os.DirEntry[str]) -> None:
        if name.rpartition(".")[2].lower() in WEIGHTS:
            self.found.weights += 1
            return
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError as error:
            self.found.unreadable[shown] = error.strerror or str(error)
            return
        self._inodes.add((status.st_dev, status.st_ino))
        self.found.files.append(
            LabFile(path, shown, status.st_size, status.st_mtime_ns, status.st_ino, status.st_ctime_ns)
        )

    def _followed(self) -> Iterator[tuple[str, str, int]]:
        """Take the files that links lead to, and yield the folders."""
        links, self._links = sorted(self._links), []
        for path, shown, depth in links:
            try:
                status = Path(path).stat()
            except OSError:
                continue  # it leads nowhere
            name = shown.rpartition("/")[2]
            if stat.S_ISDIR(status.st_mode):
                if name not in SKIPPED_FOLDERS and Path(path).resolve().name not in SKIPPED_FOLDERS:
                    yield path, shown, depth
            elif stat.S_ISREG(status.st_mode) and (status.st_dev, status.st_ino) not in self._inodes:
                self._inodes.add((status.st_dev, status.st_ino))
                if name.rpartition(".")[2].lower() not in WEIGHTS:
                    self.found.files.append(
                        LabFile(path, shown, status.st_size, status.st_mtime_ns, status.st_ino, status.st_ctime_ns)
                    )


def _named_by(patterns: Sequence[str]) -> Callable[[str, str], bool] | None:
    """Return what tells whether a pattern names a file or folder, by its path or by its name; None without patterns."""
    if not patterns:
        return None
    given = (pattern.strip("/").removeprefix("./") for pattern in patterns)
    known = re.compile("|".join(f"(?:{translate(pattern)})" for pattern in given))
    return lambda shown, name: bool(known.match(name) or known.match(shown))
