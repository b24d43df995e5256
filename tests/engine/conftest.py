from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.endpoint import Endpoint, serving


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """A loopback endpoint that counts what it is asked, and fails as it is told to."""
    with serving(Endpoint()) as endpoint:
        yield endpoint
