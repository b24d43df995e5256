"""Files that only their owner may read: what charbench keeps for a lab holds prompts, answers and commands."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal, TextIO

FOLDER_MODE = 0o700
FILE_MODE = 0o600
_OTHERS = 0o077


def private_folder(path: Path) -> Path:
    """Make a folder of charbench's own with mode 0700; return it.

    One that is there already, and is ours and open to others, is closed to them with all files in it: an older
    charbench made it. A symbolic link is somebody's arrangement, and is left as it is.
    """
    path.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    if is_open_to_others(path) and not path.is_symlink():
        with suppress(OSError):  # another user's, or a file system without modes
            for folder, _, names in os.walk(path):
                for name in names:
                    _close_to_others(Path(folder) / name)
            path.chmod(FOLDER_MODE)
    return path


def private_file(path: Path) -> Path:
    """Make an empty file with mode 0600 where there is none; return its path.

    For files that a library writes: SQLite gives the files beside a database (``-wal``, ``-shm``) its mode.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE_MODE))
    return path


@contextmanager
def open_private(path: Path, mode: Literal["w", "a"] = "w") -> Iterator[TextIO]:
    """Open a text file (UTF-8) for writing; where it is new, with mode 0600."""
    with private_file(path).open(mode, encoding="utf-8") as file:
        yield file


def is_open_to_others(path: Path) -> bool:
    """Whether anybody but the owner may do something with a file or folder."""
    return os.name == "posix" and bool(stat.S_IMODE(path.stat().st_mode) & _OTHERS)


def _close_to_others(path: Path) -> None:
    found = path.lstat()
    if stat.S_ISREG(found.st_mode) and found.st_mode & _OTHERS:
        path.chmod(stat.S_IMODE(found.st_mode) & ~_OTHERS)
