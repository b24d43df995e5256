"""What a run is told of the requests to models that its components send."""

from __future__ import annotations

from typing import Literal, Protocol

from charbench.domain.checkpoint import Checkpoint
from charbench.domain.sample import Usage


class Meter(Protocol):
    """Counts the requests of one run; ``who`` is the component (``scorer llm-judge``)."""

    sends: bool
    """Whether requests may be sent: not in a dry run."""

    def check_model(self, who: str, model: str) -> None:
        """Raise :class:`charbench.UsageError` where there is a limit on the cost, and no price for the model."""

    def note(self, who: str, model: str, usage: Usage, checkpoint: Checkpoint | None = None) -> None:
        """Count one request that was answered, at the price of ``checkpoint`` where it is one that was asked."""

    def note_again(self, who: str, model: str, why: Literal["failed", "malformed"], times: int) -> None:
        """Count requests that were sent again, as the one before them failed or its answer was malformed."""
