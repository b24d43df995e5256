"""Many texts of JSON, held compressed: as they are, those of 2,000 samples take 7 MB."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

_FIRST, _BETWEEN = b'{"samples":[', b",\n"
"""JSON has no line break within a text, so that texts can be told apart again."""
_AT_ONCE = 10_000
"""Bytes that are unpacked at once."""
_GZIP = 31
"""Zlib's name for the form that browsers read."""


class Texts:
    """The list ``samples`` of a JSON object, compressed by gzip as its items come."""

    def __init__(self, texts: Iterable[bytes] = ()) -> None:
        self._packer = zlib.compressobj(6, zlib.DEFLATED, _GZIP)
        self._packed = bytearray(self._packer.compress(_FIRST))
        self._count = 0
        for text in texts:
            self.append(text)

    def append(self, item: bytes) -> None:
        """Add an item, JSON without a line break."""
        self._packed += self._packer.compress(_BETWEEN + item if self._count else item)
        self._count += 1

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[bytes]:
        packed, unpacker = self._packed + self._packer.copy().flush(), zlib.decompressobj(_GZIP)
        rest = b""
        for at in range(0, len(packed), _AT_ONCE):
            *whole, rest = (rest + unpacker.decompress(packed[at : at + _AT_ONCE])).split(_BETWEEN)
            yield from (item.removeprefix(_FIRST) for item in whole)
        if self._count:
            yield rest.removeprefix(_FIRST)

    def packed(self, last: bytes) -> bytes:
        """Return the whole object, compressed: its list of items, and then ``last``, the rest of its JSON."""
        packer = self._packer.copy()
        return bytes(self._packed + packer.compress(b"]" + last) + packer.flush())
