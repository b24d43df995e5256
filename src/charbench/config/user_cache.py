"""What can be worked out again at any time, kept in the user's cache folder from one command to the next.

A file holds JSON and its checksum, and is put in place in one step: of two processes that write at once one wins. What
is damaged, cannot be read or is another user's counts as not there, and where nothing can be written nothing is kept.
Only the program ``charbench`` keeps anything (:func:`use`): whoever imports the package finds no files of its making.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

_MOST_FILES = 64
_LARGEST = 32_000_000
_YOUNG_NS = 2_000_000_000
State = list[int] | None
"""What of a file or folder changes when it does; None: it is not there."""


class _Program:
    """Whether this process is the program ``charbench``."""

    keeps = False


def use() -> None:
    """Keep things from now on."""
    _Program.keeps = True


def is_used() -> bool:
    """Whether anything is kept."""
    return _Program.keeps


def state_of(path: str, stat: Any = os.stat) -> State:
    """Return what changes when a file or folder does: both times in ns, size and inode."""
    try:
        found = stat(path)
    except (OSError, ValueError):
        return None
    return [found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino]


def is_settled(state: State, now: int) -> bool:
    """Whether a change of the file would show: one that changed less than two seconds ago may change unseen.

    ``now`` is in ns of the epoch (https://git-scm.com/docs/racy-git).
    """
    return state is None or max(state[:2]) < now - _YOUNG_NS


def recall(name: str) -> Any:
    """Return what is kept under a name; None: nothing is."""
    import json

    folder = _folder()
    if not is_used() or folder is None:
        return None
    try:
        with (folder / name).open("rb") as file:
            if os.name == "posix" and os.fstat(file.fileno()).st_uid != os.geteuid():
                return None
            checksum, _, body = file.read(_LARGEST).partition(b"\n")
        return json.loads(body) if checksum == _checksum(body) else None
    except (OSError, ValueError, RecursionError):
        return None


def keep(name: str, value: Any) -> None:
    """Keep a JSON-like value under a name, which is a file's; the oldest of very many are dropped."""
    import json
    import tempfile

    folder = _folder()
    if not is_used() or folder is None:
        return
    with suppress(OSError, TypeError, ValueError):
        body = json.dumps(value, separators=(",", ":")).encode()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _drop_oldest(folder)
        descriptor, part = tempfile.mkstemp(dir=folder, suffix=".part")  # with mode 0600
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(_checksum(body) + b"\n" + body)
            Path(part).replace(folder / name)
        except BaseException:
            Path(part).unlink(missing_ok=True)
            raise


def forget(name: str) -> None:
    """Drop what is kept under a name."""
    folder = _folder()
    if is_used() and folder is not None:
        with suppress(OSError):
            (folder / name).unlink(missing_ok=True)


def _drop_oldest(folder: Path) -> None:
    """Make room for one more, and drop parts that killed processes have left."""
    files = [(path.stat().st_mtime, path) for path in folder.iterdir()]
    kept = sorted((one for one in files if one[1].suffix != ".part"), reverse=True)
    left = [one for one in files if one[1].suffix == ".part" and one[0] < time.time() - 3600]
    for _, path in [*kept[_MOST_FILES - 1 :], *left]:
        path.unlink(missing_ok=True)


def _folder() -> Path | None:
    given = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(given):  # noqa: PTH117  pathlib's takes ten times as long
        return Path(given, "charbench")
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return Path(local, "charbench", "cache") if local else None
    try:
        home = Path.home()
    except RuntimeError:
        return None
    return home / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "charbench"


def _checksum(body: bytes) -> bytes:
    import hashlib

    return hashlib.blake2b(body, digest_size=16).hexdigest().encode()
