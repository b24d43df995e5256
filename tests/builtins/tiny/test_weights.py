from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from charbench_plugins.tiny.weights import read_metadata, read_safetensors, write_safetensors


def write_raw(path: Path, dtype: str, raw: bytes, shape: list[int]) -> None:
    header = json.dumps({"x": {"dtype": dtype, "shape": shape, "data_offsets": [0, len(raw)]}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + raw)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    tensors = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.zeros((0, 4), np.float32)}
    write_safetensors(tmp_path / "file", tensors, {"steps": "3"})
    back = read_safetensors(tmp_path / "file")
    assert back.keys() == tensors.keys()
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(back[name], tensor)
        assert back[name].flags.writeable
    assert read_metadata(tmp_path / "file") == {"format": "pt", "steps": "3"}


def test_bfloat16_and_float16_are_read_exactly(tmp_path: Path) -> None:
    # 1.0 and -2.5 fit both formats without rounding.
    write_raw(tmp_path / "bf16", "BF16", struct.pack("<2H", 0x3F80, 0xC020), [2])
    write_raw(tmp_path / "f16", "F16", np.array([1.0, -2.5], np.float16).tobytes(), [2])
    for name in ("bf16", "f16"):
        np.testing.assert_array_equal(read_safetensors(tmp_path / name)["x"], [1.0, -2.5])


def test_an_unreadable_type_is_named(tmp_path: Path) -> None:
    write_raw(tmp_path / "file", "I64", bytes(8), [1])
    with pytest.raises(ValueError, match="'x' has type I64"):
        read_safetensors(tmp_path / "file")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not at all a safetensors file", struct.pack("<Q", 99)])
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ValueError, match="not a safetensors file"):
        read_safetensors(tmp_path / "file")
