"""A file of a lab, as it is offered to sources."""

from __future__ import annotations

import codecs
import gzip
import io
import os
import zlib
from pathlib import Path
from typing import BinaryIO, cast

HEAD_BYTES = 8 << 10
_CHUNK = 1 << 20
_GZIP = b"\x1f\x8b"
Answers = dict[str, int]
"""What is known of a file, by the name of the question."""
_NO_ANSWERS: Answers = {}
MAX_UNPACKED = 4 << 30
"""Bytes that are read of a file that was packed; a small one may unpack to terabytes."""


class LabFile:
    """A file that the walk met: its place, its size, and its first bytes.

    ``shown`` is its path relative to the lab, with ``/``; ``size`` is in bytes, ``mtime_ns`` and ``ctime_ns`` (when
    anything of it changed last, its times too) in nanoseconds.
    """

    __slots__ = (
        *("_head", "_path", "_text", "answers", "ctime_ns", "has_learnt", "inode", "mtime_ns", "name", "shown", "size"),
        "was_read",
    )

    def __init__(self, path: str, shown: str, size: int, mtime_ns: int, inode: int, ctime_ns: int = 0) -> None:
        self._path = path
        self.shown = shown
        self.name = shown.rpartition("/")[2]
        self.size = size
        self.mtime_ns = mtime_ns
        self.ctime_ns = ctime_ns
        self.inode = inode
        self.answers = _NO_ANSWERS
        self.has_learnt = False
        self.was_read = True
        self._head: bytes | None = None
        self._text: str | None = None

    @classmethod
    def at(cls, path: Path, shown: str) -> LabFile:
        """Return the file at a path; raises :class:`OSError` where there is none."""
        status = path.stat()
        return cls(str(path), shown, status.st_size, status.st_mtime_ns, status.st_ino, status.st_ctime_ns)

    def __repr__(self) -> str:
        return f"LabFile({self.shown!r})"

    def learn(self, question: str, answer: int) -> int:
        """Note the answer to a question about it; return it."""
        if not self.has_learnt:
            self.answers, self.has_learnt = dict(self.answers), True
        self.answers[question] = answer
        return answer

    @property
    def path(self) -> Path:
        """Where it lies."""
        return Path(self._path)

    @property
    def suffix(self) -> str:
        """How its name ends, in lower case, without ``.gz``: ``.log`` of ``train.LOG.gz``."""
        name = self.name.lower().removesuffix(".gz")
        return name[name.rindex(".") :] if "." in name else ""

    @property
    def folder(self) -> str:
        """The folder that it lies in, relative to the lab; empty for the lab itself."""
        return self.shown.rpartition("/")[0]

    @property
    def head(self) -> bytes:
        """Its first 8 KiB, unpacked where it is gzip; empty where it cannot be read."""
        if self._head is None:
            self._head = self._read_head()
        return self._head

    @property
    def text(self) -> str:
        """The text that its first bytes are, UTF-8 or UTF-16; empty where they are no text."""
        if self._text is None:
            self._text = _as_text(self.head)
        return self._text

    def open(self) -> BinaryIO:
        """Open it for reading UTF-8: gzip is unpacked, UTF-16 is converted; raises :class:`OSError`.

        A read may raise :class:`OSError` too, where what is packed is damaged or unpacks to more than 4 GiB.
        """
        encoding = _utf16(self.head)
        packed = self._starts_packed()
        if not packed and encoding is None:
            return self.path.open("rb", buffering=0)
        stream: BinaryIO = cast(BinaryIO, _Unpacked(self._path)) if packed else self.path.open("rb")
        if encoding is None:
            return stream
        return cast(BinaryIO, _Recoded(stream, encoding))

    def tail(self, size: int) -> bytes:
        """Return its last ``size`` bytes as :meth:`open` gives them; raises :class:`OSError`."""
        with self.open() as stream:
            if stream.seekable():
                stream.seek(max(0, stream.seek(0, os.SEEK_END) - size))
                return stream.read()
            last = b""
            while chunk := stream.read(max(size, _CHUNK)):
                last = (last + chunk)[-size:]
            return last

    def _starts_packed(self) -> bool:
        return self.name.lower().endswith(".gz")

    def _read_head(self) -> bytes:
        try:
            descriptor = os.open(self._path, os.O_RDONLY)
            try:
                content = os.read(descriptor, HEAD_BYTES)
            finally:
                os.close(descriptor)
        except OSError:
            self.was_read = False
            return b""
        if self._starts_packed() and content.startswith(_GZIP):
            try:
                return zlib.decompressobj(wbits=31).decompress(content, HEAD_BYTES)
            except zlib.error:
                return b""
        return content


class _Unpacked(io.RawIOBase):
    """A gzip file's content; what cannot be unpacked is an :class:`OSError`."""

    def __init__(self, path: str) -> None:
        self._file = gzip.open(path, "rb")  # noqa: SIM115  closed with this
        self._taken = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        most = MAX_UNPACKED - self._taken
        try:
            content = self._file.read(most + 1 if size is None or size < 0 else min(size, most + 1))
        except (EOFError, zlib.error) as error:
            raise OSError(f"damaged gzip: {error}") from None
        self._taken += len(content)
        if self._taken > MAX_UNPACKED:
            raise OSError(f"unpacks to more than {MAX_UNPACKED >> 30} GiB, and is not read to its end")
        return content

    def close(self) -> None:
        self._file.close()
        super().close()


class _Recoded(io.RawIOBase):
    """UTF-16 read as UTF-8."""

    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        while True:
            content = self._stream.read(-1 if size is None else size)
            text = self._decoder.decode(content, final=not content)
            if text or not content:
                return text.encode("utf-8", "replace")

    def close(self) -> None:
        self._stream.close()
        super().close()


def _utf16(head: bytes) -> str | None:
    """Return the encoding of a file that begins like this where it is UTF-16, None where it is not."""
    for mark in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        if head.startswith(mark):
            return "utf-16"
    zeros = [head[start:1024:2].count(0) for start in (0, 1)]
    half = max(1, min(len(head), 1024) // 2)
    if len(head) >= 8 and max(zeros) > 0.7 * half and min(zeros) < 0.05 * half:
        return "utf-16-le" if zeros[1] > zeros[0] else "utf-16-be"
    return None


def _as_text(head: bytes) -> str:
    encoding = _utf16(head)
    if encoding:
        return head[: len(head) & ~1].decode(encoding, "replace")
    if b"\0" in head:
        return ""
    return head.decode("utf-8-sig" if head.startswith(codecs.BOM_UTF8) else "utf-8", "replace")
