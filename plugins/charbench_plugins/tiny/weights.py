"""Reading and writing safetensors files.

The ``safetensors`` package cannot hand bfloat16 to numpy, which has no such type; the format is simple enough
to read here. A file is: the header's length (8 bytes, little endian), the header (JSON: name → dtype, shape,
offsets), then all tensors' bytes. See https://github.com/huggingface/safetensors#format.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .arrays import FloatArray

_LENGTH = struct.Struct("<Q")
_MAX_HEADER_BYTES = 100_000_000  # the format's own limit; a larger number means that this is another format


def read_safetensors(path: Path) -> dict[str, FloatArray]:
    """Every tensor of the file as float32, by name.

    Raises:
        ValueError: it is not a safetensors file, or holds a type other than BF16, F16 or F32.
    """
    content = path.read_bytes()
    header, data_start = _parse_header(path, content)
    tensors: dict[str, FloatArray] = {}
    for name, entry in header.items():
        if name != "__metadata__":
            start, end = entry["data_offsets"]
            raw = content[data_start + start : data_start + end]
            tensors[name] = _to_float32(path, name, entry["dtype"], raw).reshape(entry["shape"])
    return tensors


def read_metadata(path: Path) -> dict[str, str]:
    """The free-form strings stored beside the tensors; empty if there are none."""
    header, _ = _parse_header(path, path.read_bytes())
    return dict(header.get("__metadata__", {}))


def write_safetensors(path: Path, tensors: Mapping[str, FloatArray], metadata: Mapping[str, str] | None = None) -> None:
    """Write the tensors as F32, with the metadata entry ``format: pt`` that PyTorch's readers want."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt", **(metadata or {})}}
    chunks: list[bytes] = []
    offset = 0
    for name, tensor in tensors.items():
        chunk = np.ascontiguousarray(tensor, np.float32).tobytes()
        header[name] = {
            "dtype": "F32",
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset + len(chunk)],
        }
        chunks.append(chunk)
        offset += len(chunk)
    encoded = json.dumps(header).encode()
    encoded += b" " * (-len(encoded) % 8)  # the tensors shall start at a multiple of 8 bytes
    path.write_bytes(_LENGTH.pack(len(encoded)) + encoded + b"".join(chunks))


def _parse_header(path: Path, content: bytes) -> tuple[dict[str, Any], int]:
    """The header, and the offset of the first tensor's bytes."""
    size = _LENGTH.unpack_from(content)[0] if len(content) >= _LENGTH.size else _MAX_HEADER_BYTES + 1
    data_start = _LENGTH.size + size
    if size > _MAX_HEADER_BYTES or data_start > len(content):
        raise ValueError(f"{path} is not a safetensors file, or is cut short")
    header: dict[str, Any] = json.loads(content[_LENGTH.size : data_start])
    return header, data_start


def _to_float32(path: Path, name: str, dtype: str, raw: bytes) -> FloatArray:
    if dtype == "F32":
        return np.frombuffer(raw, np.float32).copy()  # a copy, because a view of bytes cannot be trained
    if dtype == "F16":
        return np.frombuffer(raw, np.float16).astype(np.float32)
    if dtype == "BF16":
        # bfloat16 is the upper half of a float32: same sign and exponent, 7 bits of fraction.
        return (np.frombuffer(raw, np.uint16).astype(np.uint32) << 16).view(np.float32)
    raise ValueError(f"{path}: tensor {name!r} has type {dtype}; only BF16, F16 and F32 can be read")
