"""``charbench.frames`` where its extra is not installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from charbench import CharbenchError, frames


def test_without_pandas_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    for read in (frames.samples, frames.scores, frames.spans, frames.checkpoints):
        with pytest.raises(CharbenchError, match=r"pip install 'charbench\[frames\]'"):
            read(tmp_path)
