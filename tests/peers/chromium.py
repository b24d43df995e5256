"""Chromium, driven by playwright: Debian's package ``chromium``, and axe-core from npm for accessibility.

Set ``PEER_AXE`` to ``axe.min.js`` of axe-core::

    pip install playwright==1.65.0 && apt-get install chromium && npm pack axe-core@4.14.1 && tar xzf axe-core-*.tgz
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

AXE = os.environ.get("PEER_AXE")  # read now: tests see none of our environment
PROGRAM = shutil.which("chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser without a window; skips where there is none.

    One for each module: as long as it is there, playwright's event loop runs, and no other may in this thread.
    """
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if PROGRAM is None:
        pytest.skip("chromium is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PROGRAM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The code of axe-core; skips where there is none."""
    if not AXE:
        pytest.skip("PEER_AXE names no axe.min.js (tests/peers/chromium.py)")
    return Path(AXE).read_text(encoding="utf-8")
