"""Reads an Inspect log without Inspect: a zip (``.eval``) of JSON entries, or one JSON file.

The format is https://inspect.aisi.org.uk/eval-logs.html: ``header.json``, and ``samples/ID_epoch_N.json``
for each sample. Inspect packs entries with zstd (method 93 of zip), which ``zipfile`` reads from Python 3.14 on.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from charbench import FileFault, ReadLimits, parse_json, read_json

_ZSTD = 93
_LOCAL_HEADER = struct.Struct("<4s5H3L2H")
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, struct.error)


def read_log(path: Path, limits: ReadLimits) -> tuple[Mapping[str, Any], Iterator[Mapping[str, Any] | FileFault]]:
    """Return a log's header and its samples, each of them or why it cannot be read.

    Raises :class:`FileFault` where the log cannot be read, :class:`OSError` where the file cannot.
    """
    if path.suffix.lower() == ".json":
        log = read_json(path, limits)
        if not isinstance(log, dict) or not isinstance(log.get("eval"), dict):
            raise FileFault("is no log of Inspect")
        samples = log.get("samples")
        return log, (_mapping(sample) for sample in (samples if isinstance(samples, list) else ()))
    try:
        archive = zipfile.ZipFile(path)
    except _BROKEN as error:
        raise FileFault(f"is no .eval file: {error}") from None
    names = {entry.filename: entry for entry in archive.infolist()}
    entry = names.get("header.json") or names.get("_journal/start.json")
    try:
        header = _entry(archive, entry, limits) if entry else {}
    except FileFault:
        archive.close()
        raise
    return header, _samples(archive, limits)


def _samples(archive: zipfile.ZipFile, limits: ReadLimits) -> Iterator[Mapping[str, Any] | FileFault]:
    with archive:
        for entry in archive.infolist():
            if entry.filename.startswith("samples/") and entry.filename.endswith(".json"):
                try:
                    yield _entry(archive, entry, limits)
                except FileFault as fault:
                    yield fault


def _entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limits: ReadLimits) -> Mapping[str, Any]:
    if entry.file_size > limits.file_bytes:
        raise FileFault(f"{entry.filename}: more than {limits.file_bytes:,} bytes (max_file_bytes), so it is not read")
    try:
        content = _unpacked_zstd(archive, entry) if entry.compress_type == _ZSTD else _unpacked(archive, entry)
    except _BROKEN as error:
        raise FileFault(f"{entry.filename}: cannot be unpacked: {error}") from None
    try:
        found = parse_json(content, limits)
    except FileFault as fault:
        raise FileFault(f"{entry.filename}: {fault.reason}") from None
    if not isinstance(found, dict):
        raise FileFault(f"{entry.filename}: found {type(found).__name__}; a mapping is needed")
    return found


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    with archive.open(entry) as file:
        return file.read(entry.file_size)


def _unpacked_zstd(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """Return an entry that was packed with zstd, at most as long as it says that it is."""
    with suppress(NotImplementedError):
        return _unpacked(archive, entry)  # Python 3.14 knows how
    try:
        from zstandard import ZstdDecompressor, ZstdError
    except ImportError:
        raise FileFault(
            f"{entry.filename}: packed with zstd: pip install zstandard, or inspect log convert --to json"
        ) from None
    file = archive.fp
    assert file is not None
    file.seek(entry.header_offset)
    header = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
    file.seek(header[9] + header[10], 1)  # the name, and the extra field
    packed = file.read(entry.compress_size)
    try:
        return ZstdDecompressor().stream_reader(packed).read(entry.file_size)
    except ZstdError as error:
        raise FileFault(f"{entry.filename}: cannot be unpacked: {error}") from None


def _mapping(sample: Any) -> Mapping[str, Any] | FileFault:
    return (
        sample if isinstance(sample, dict) else FileFault(f"a sample is {type(sample).__name__}; a mapping is needed")
    )
