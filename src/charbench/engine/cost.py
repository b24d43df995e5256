"""What tokens cost, by the price table of the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from charbench.config import Price
from charbench.domain.checkpoint import Checkpoint
from charbench.domain.sample import Usage

MILLION = 1_000_000
FREE = Price()


def price_of(checkpoint: Checkpoint, prices: Mapping[str, Price]) -> Price:
    """Return the price for a checkpoint: the first pattern that its URI, name or base model matches."""
    for pattern, price in prices.items():
        if any(fnmatchcase(text, pattern) for text in (checkpoint.uri, checkpoint.name, checkpoint.base_model or "")):
            return price
    return FREE


def cost_of(usage: Usage, price: Price) -> float:
    """Return what these tokens cost; tokens that the server did not count cost nothing."""
    return ((usage.prompt_tokens or 0) * price.prompt + (usage.completion_tokens or 0) * price.completion) / MILLION
