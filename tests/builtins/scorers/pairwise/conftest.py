from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.endpoint import Endpoint, serving


@pytest.fixture(autouse=True)
def _short_back_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("charbench.concurrency.retry.FIRST_BACK_OFF", 0.01)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """A loopback endpoint that plays the judge it is told to."""
    with serving(Endpoint()) as endpoint:
        yield endpoint
