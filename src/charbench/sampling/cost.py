"""What tokens cost, by the price table of the configuration, and what a run has spent of what it may."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from charbench.components.sampler import Sampler
from charbench.config.model import Price
from charbench.domain.checkpoint import Checkpoint
from charbench.domain.sample import Usage
from charbench.errors import UsageError

MILLION = 1_000_000


def price_of(checkpoint: Checkpoint, prices: Mapping[str, Price]) -> Price | None:
    """Return the price for a checkpoint: the first pattern that its URI, name or base model matches; None: unknown."""
    for pattern, price in prices.items():
        if any(fnmatchcase(text, pattern) for text in (checkpoint.uri, checkpoint.name, checkpoint.base_model or "")):
            return price
    return None


def cost_of(usage: Usage, price: Price) -> float:
    """Return what these tokens cost; tokens that the server did not count cost nothing."""
    return ((usage.prompt_tokens or 0) * price.prompt + (usage.completion_tokens or 0) * price.completion) / MILLION


def is_paid_for(sampler: Sampler) -> bool:
    """Whether a sampler asks somebody else: recordings, and models in this process, are had for nothing."""
    return sampler.batch_size == 1


def no_price(names: Iterable[str]) -> list[str]:
    """Return what to say of checkpoints without a price."""
    return [f"no price for {name}: set prices in charbench.yaml" for name in names]


@dataclass(slots=True)
class Spending:
    """What one run spends on sampling, with all its samplers and probes; ``limit`` None: as much as it takes."""

    prices: Mapping[str, Price] = field(default_factory=dict)
    limit: float | None = None
    spent: float = 0.0
    uncounted: int = 0
    """Requests whose tokens the server did not count, so that their cost is not known."""
    _known: dict[str, Price | None] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        """Whether the limit is reached."""
        return self.limit is not None and self.spent >= self.limit

    def add(self, checkpoint: Checkpoint, usage: Usage) -> float:
        """Count one request; return what it cost."""
        price = self._price(checkpoint)
        if price is None:
            return 0.0
        self.uncounted += usage.completion_tokens is None
        cost = cost_of(usage, price)
        self.spent += cost
        return cost

    def check(self, samplers: Iterable[Sampler], checkpoints: Iterable[Checkpoint]) -> None:
        """Raise :class:`UsageError` where a limit is set, and what is to be sampled has no price."""
        if self.limit is None:
            return
        paid = [sampler for sampler in samplers if is_paid_for(sampler)]
        names = [
            checkpoint.name
            for checkpoint in checkpoints
            if self._price(checkpoint) is None and checkpoint.sampleable and any(s.accepts(checkpoint) for s in paid)
        ]
        if names:
            more = f" and {len(names) - 1:,} more" if len(names) > 1 else ""
            raise UsageError(
                f"--max-cost cannot be enforced: no price for {names[0]}{more}; set prices in charbench.yaml"
            )

    def lines(self) -> list[str]:
        """Return what to say at the end of a run that has reached the limit."""
        if not self.is_over:
            return []
        return [f"stopped: --max-cost {self.limit:g} is reached ({self.spent:,.4f} spent)"]

    def warnings(self) -> list[str]:
        """Return what to say where the limit could not see everything."""
        if self.limit is None or not self.uncounted:
            return []
        return [f"{self.uncounted:,} replies without token counts: --max-cost does not include their cost"]

    def _price(self, checkpoint: Checkpoint) -> Price | None:
        if checkpoint.uri not in self._known:
            self._known[checkpoint.uri] = price_of(checkpoint, self.prices)
        return self._known[checkpoint.uri]
