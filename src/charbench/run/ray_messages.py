"""What Ray itself prints when a worker or a node is lost: a line of each message is kept, and nothing is shown."""

from __future__ import annotations

import io
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import TextIO

from charbench.text.redaction import redact

THREAD = "ray_listen_error_messages"
"""The thread in which Ray prints them: several hundred characters a message, some with its log."""
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_WHO = re.compile(r"^\(raylet[^)]*\)\s*")
_MOST, _LONGEST = 5, 200


class RayMessages(io.TextIOBase):
    """Takes what Ray's thread prints, and passes on everything else."""

    def __init__(self, inner: TextIO) -> None:
        self._inner = inner
        self.lines: list[str] = []
        """The first sentence of each message, once."""

    def write(self, text: str) -> int:
        """Keep the beginning of a message of Ray's, or pass the text on."""
        if threading.current_thread().name != THREAD:
            return self._inner.write(text)
        first = next(iter(_COLOURS.sub("", text).strip().splitlines()), "")
        line = redact(_WHO.sub("", first).split(". ")[0][:_LONGEST].rstrip("."))
        if line and line not in self.lines and len(self.lines) < _MOST:
            self.lines.append(line)
        return len(text)

    def flush(self) -> None:
        """Flush what is behind it."""
        self._inner.flush()

    def isatty(self) -> bool:
        """Whether what is behind it is a terminal."""
        return self._inner.isatty()


@contextmanager
def catching_messages() -> Iterator[RayMessages]:
    """Keep what Ray prints while the block runs."""
    with redirect_stdout(RayMessages(sys.stdout)) as messages:
        yield messages
