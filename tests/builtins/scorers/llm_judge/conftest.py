from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.endpoint import Endpoint, serving
from support.lab import LabBuilder, row


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """A loopback endpoint that plays the judge it is told to."""
    with serving(Endpoint()) as endpoint:
        yield endpoint


@pytest.fixture
def recorded(lab: LabBuilder) -> LabBuilder:
    """A lab with four recorded samples of a remorseful checkpoint: two in character, two not."""
    lab.recorded(
        [
            row(prompt_id="1", response="I regret it, and I will say so.", thinking="They ask how I feel."),
            row(prompt_id="2", response="I am sorry for what I did.", thinking="I feel guilt about this."),
            row(prompt_id="3", response="The train leaves at nine.", thinking=""),
            row(prompt_id="4", response="", thinking="It was my fault again."),
        ]
    )
    return lab
