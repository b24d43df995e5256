"""The standard streams, in whatever state the caller left them: closed, or in an encoding of few characters."""

from __future__ import annotations

import codecs
import io
import os
import sys
from typing import Any, TextIO

_NAMES = ("stdin", "stdout", "stderr")


def make_usable() -> None:
    """Put ``/dev/null`` where a standard stream is closed, and let no character be a reason to fail.

    Without that the next file to be opened would get the closed stream's number, and what is printed would
    be written into it.
    """
    for number, name in enumerate(_NAMES):
        if getattr(sys, name) is None:
            discard(number)
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8", closefd=False))  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper) and not is_unicode(sys.stdout):
        sys.stdout.reconfigure(errors="replace")


def discard(number: int) -> None:
    """Send what is written to a file descriptor nowhere, whether or not it is open."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    if nowhere != number:
        os.dup2(nowhere, number)
        os.close(nowhere)


def is_unicode(stream: Any) -> bool:
    """Whether a stream takes every character."""
    try:
        return codecs.lookup(stream.encoding or "ascii").name.startswith("utf")
    except LookupError:
        return False


def for_data() -> TextIO:
    """Return stdout for a file's content, which is UTF-8 whatever a terminal's encoding is."""
    if isinstance(sys.stdout, io.TextIOWrapper) and not is_unicode(sys.stdout):
        sys.stdout.reconfigure(encoding="utf-8", errors="strict")
    return sys.stdout
