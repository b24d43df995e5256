from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _one_thread_and_no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
