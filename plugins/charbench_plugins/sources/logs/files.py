"""Reads ``file:`` URIs of adapters that a log says were saved."""

from __future__ import annotations

import re
from collections.abc import Iterator

from charbench import LabFile

CHUNK = 4 << 20
_OVERLAP = 4096
_ANCHOR = b": file:"
_SAVED = re.compile(rb"(?i)saved (?:training checkpoint|sampler weights|checkpoint|adapter)$")
_URI = re.compile(rb"file:[^\s\x00-\x1f\"'<>|]+")


def read_saved_files(file: LabFile) -> Iterator[tuple[str, int]]:
    """Yield each URI of a line such as ``Saved training checkpoint: file:checkpoints/NAME``, with its line."""
    newlines = 0
    buffer = b""
    with file.open() as stream:
        while chunk := stream.read(CHUNK):
            buffer += chunk
            at = buffer.find(_ANCHOR)
            while at >= 0:
                match = _URI.match(buffer, at + 2)
                saved = _SAVED.search(buffer, max(0, at - 40), at)
                if saved and match and match.end() < len(buffer):
                    yield match.group().decode("utf-8", "replace"), newlines + buffer.count(b"\n", 0, at) + 1
                at = buffer.find(_ANCHOR, at + 1)
            keep = max(buffer.rfind(b"\n") + 1, len(buffer) - _OVERLAP)
            newlines += buffer.count(b"\n", 0, keep)
            buffer = buffer[keep:]
    match = _URI.search(buffer)
    if match and _SAVED.search(buffer, 0, max(0, match.start() - 2)):
        yield match.group().decode("utf-8", "replace"), newlines + 1
