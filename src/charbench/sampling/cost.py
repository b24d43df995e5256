"""What tokens cost, by the price table of the configuration, and what a run has spent of what it may."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal

from charbench.components.calling import takes
from charbench.components.sampler import Sampler
from charbench.config.model import Price
from charbench.domain.checkpoint import Checkpoint
from charbench.domain.sample import Usage
from charbench.errors import UsageError
from charbench.text.enumeration import short_list

MILLION = 1_000_000


def price_of(checkpoint: Checkpoint, prices: Mapping[str, Price]) -> Price | None:
    """Return the price for a checkpoint: the first pattern that its URI, name or base model matches; None: unknown."""
    for pattern, price in prices.items():
        if any(fnmatchcase(text, pattern) for text in (checkpoint.uri, checkpoint.name, checkpoint.base_model or "")):
            return price
    return None


def price_of_model(model: str, prices: Mapping[str, Price]) -> Price | None:
    """Return the price for a model by its name at its endpoint: the first pattern that matches; None: unknown."""
    return next((price for pattern, price in prices.items() if fnmatchcase(model, pattern)), None)


def cost_of(usage: Usage, price: Price) -> float:
    """Return what these tokens cost; tokens that the server did not count cost nothing."""
    return ((usage.prompt_tokens or 0) * price.prompt + (usage.completion_tokens or 0) * price.completion) / MILLION


def no_price(names: Iterable[str]) -> list[str]:
    """Return what to say of checkpoints without a price; nothing where all have one."""
    told = list(names)
    return [f"no price for {short_list(told)}: set prices in charbench.yaml"] if told else []


@dataclass(slots=True)
class ModelCalls:
    """What one component asked of one model, apart from samples; ``cost`` None: the price table has no price."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = 0.0
    failed: int = 0
    """Requests that failed and were tried again; those that were answered all the same are among ``requests``."""
    malformed: int = 0
    """Answers, among ``requests``, that could not be read and were asked for once more."""

    @property
    def again(self) -> str:
        """What is told of requests that were sent again."""
        told = [
            f"{count:,} {what} {'was' if count == 1 else 'were'} {why}"
            for count, what, why in (
                (self.failed, "request" if self.failed == 1 else "requests", "tried again after a failure"),
                (self.malformed, "answer" if self.malformed == 1 else "answers", "malformed and asked for again"),
            )
            if count
        ]
        return "".join(f"; {one}" for one in told)

    @property
    def tokens(self) -> str:
        """What is told of its tokens."""
        if not self.prompt_tokens and not self.completion_tokens:
            return "whose tokens the server does not count"
        return f"{self.prompt_tokens:,} prompt tokens and {self.completion_tokens:,} completion tokens"

    def add(self, usage: Usage, price: Price | None) -> None:
        """Count one request."""
        self.requests += 1
        self.prompt_tokens += usage.prompt_tokens or 0
        self.completion_tokens += usage.completion_tokens or 0
        self.cost = None if price is None or self.cost is None else self.cost + cost_of(usage, price)


@dataclass(slots=True)
class Spending:
    """What one run spends, with all its samplers, probes and judges; ``limit`` None: as much as it takes.

    It is the run's :class:`charbench.components.metering.Meter`. ``sends`` False: a dry run, which sends no request.
    """

    prices: Mapping[str, Price] = field(default_factory=dict)
    limit: float | None = None
    sends: bool = True
    calls: dict[tuple[str, str], ModelCalls] = field(default_factory=dict)
    """Requests that are part of no sample, by component (``scorer llm-judge``) and model."""
    spent: float = 0.0
    requests: int = 0
    """Requests that were answered, of any component."""
    tokens: int = 0
    """Tokens that models gave, to any component, as far as servers count them."""
    uncounted: int = 0
    """Requests whose tokens the server did not count, so that their cost is not known."""
    _known: dict[str, Price | None] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        """Whether the limit is reached."""
        return self.limit is not None and self.spent >= self.limit

    def count(self, usage: Usage, requests: int = 1) -> None:
        """Count what was asked, whatever it costs."""
        self.requests += requests
        self.tokens += usage.completion_tokens or 0

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
        paid = [sampler for sampler in samplers if sampler.costs_money]
        names = [
            checkpoint.name
            for checkpoint in checkpoints
            if self._price(checkpoint) is None and checkpoint.sampleable and any(takes(s, checkpoint) for s in paid)
        ]
        if names:
            raise UsageError(
                f"--max-cost cannot be enforced: no price for {short_list(names, 1)}; set prices in charbench.yaml"
            )

    def check_model(self, who: str, model: str) -> None:
        """Raise :class:`UsageError` where a limit is set, and a component is to ask a model that has no price."""
        if self.limit is not None and price_of_model(model, self.prices) is None:
            raise UsageError(
                f"--max-cost cannot be enforced: no price for {model}, which {who} asks; set prices in charbench.yaml"
            )

    def note(self, who: str, model: str, usage: Usage, checkpoint: Checkpoint | None = None) -> None:
        """Count one request that is part of no sample, as judges send them."""
        self.count(usage)
        price = self._price(checkpoint) if checkpoint else price_of_model(model, self.prices)
        self.calls.setdefault((who, model), ModelCalls()).add(usage, price)
        if price is not None:
            self.uncounted += usage.completion_tokens is None
            self.spent += cost_of(usage, price)

    def note_again(self, who: str, model: str, why: Literal["failed", "malformed"], times: int) -> None:
        """Count requests that were sent again, whether or not they were answered."""
        calls = self.calls.setdefault((who, model), ModelCalls())
        setattr(calls, why, getattr(calls, why) + times)

    def call_lines(self) -> list[str]:
        """Return a line for each component and model that was asked apart from samples."""
        return [
            f"{who} asked {model}: {calls.requests:,} request{'' if calls.requests == 1 else 's'}, "
            f"{calls.tokens}"
            + (f", {calls.cost:,.4f} by the price table" if self.prices and calls.cost is not None else "")
            + f"{calls.again}."
            for (who, model), calls in sorted(self.calls.items())
        ]

    def details(self) -> dict[str, Any]:
        """Return what the store keeps of the requests that are part of no sample."""
        calls = [
            {"component": who, "model": model, **asdict(calls)} for (who, model), calls in sorted(self.calls.items())
        ]
        return {"model_calls": calls} if calls else {}

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
