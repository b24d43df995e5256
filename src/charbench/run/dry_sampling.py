"""What samplers would ask for, without asking: the dry run's part for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from charbench.components.calling import resolve
from charbench.components.generation import GenerationConfig
from charbench.components.sampler import Sampler, SampleRequest
from charbench.config.model import Price
from charbench.domain.sample import Usage
from charbench.sampling.cost import cost_of, price_of
from charbench.sampling.requests import by_question
from charbench.store.database import Database
from charbench.store.dialect import chunks
from charbench.store.samples import present_samples

CHARACTERS_PER_TOKEN = 4
"""A rule of thumb for English text; the dry run has no tokenizer."""


class ExpectedUsage:
    """What one component is expected to use; ``cost`` None: not known, since ``unpriced`` (names) have no price."""

    requests: int
    prompt_tokens: int
    completion_tokens: int
    cost: float | None
    unpriced: list[str]

    def expect(self, requests: int, usage: Usage, price: Price | None, name: str) -> None:
        """Count requests and their tokens; ``price`` None: ``name`` has none."""
        self.requests += requests
        self.prompt_tokens += usage.prompt_tokens or 0
        self.completion_tokens += usage.completion_tokens or 0
        if price is None:
            self.cost = None
            self.unpriced += [name] if name not in self.unpriced else []
        elif self.cost is not None:
            self.cost += cost_of(usage, price)


@dataclass(slots=True)
class Estimate(ExpectedUsage):
    """One sampler's part: how many samples are wanted and missing, the requests for them, their tokens at the most.

    ``cost`` None: not known, since ``unpriced`` (checkpoints' names) have no price.
    """

    sampler: str
    wanted: int = 0
    missing: int = 0
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = 0.0
    unpriced: list[str] = field(default_factory=list)
    endpoint: str = ""
    """Where it asks, if a run asks several endpoints."""
    asks: dict[str, int] = field(default_factory=dict)
    """How many requests each checkpoint is sent, by its URI."""

    def add(self, questions: Sequence[SampleRequest], longest: int, price: Price | None, name: str) -> None:
        """Add one question for some of its epochs: asked once for all that a request takes, then each follow-up."""
        prompt, count = questions[0].prompt, len(questions)
        told = sum(len(message.content) for message in prompt.messages)
        usage = Usage(tokens_of(told), count * longest)
        for turn, follow_up in enumerate(prompt.follow_ups, 1):
            told += len(follow_up)
            usage += Usage(count * (tokens_of(told) + turn * longest), count * longest)
        self.expect(1 + count * len(prompt.follow_ups), usage, price, name)


def tokens_of(characters: int) -> int:
    """Return about how many tokens a text of this length has."""
    return characters // CHARACTERS_PER_TOKEN + 1


def estimate(
    database: Database,
    sampler: Sampler,
    requests: Iterable[SampleRequest],
    retry: Iterable[str],
    prices: Mapping[str, Price],
) -> Estimate:
    """Count what the sampler would ask for; completions are taken to be as long as they may be.

    Recordings are asked of nobody; a sampler that does not cost money costs nothing.
    """
    longest = longest_of(sampler)
    total = Estimate(sampler.name)
    for wanted, missing in _batches(database, sampler, requests, retry):
        total.wanted += wanted
        total.missing += len(missing)
        asked = [(key, request) for key, request in missing if request.recorded is None]
        for group in by_question(asked, sampler.epochs_at_once):
            checkpoint = group[0][1].checkpoint
            price = price_of(checkpoint, prices) if sampler.costs_money else Price()
            before = total.requests
            total.add([request for _, request in group], longest, price, checkpoint.name)
            total.asks[checkpoint.uri] = total.asks.get(checkpoint.uri, 0) + total.requests - before
    return total


def longest_of(sampler: Sampler) -> int:
    """Return the most tokens of one answer; 0 where the sampler has no such option."""
    return sampler.config.max_tokens if isinstance(sampler.config, GenerationConfig) else 0


def missing_requests(
    database: Database, sampler: Sampler, requests: Iterable[SampleRequest], retry: Iterable[str]
) -> Iterator[tuple[SampleRequest, int]]:
    """Yield what the store has no sample of, each with the tokens that its answer may have."""
    for _, missing in _batches(database, sampler, requests, retry):
        for _, request in missing:
            yield request, longest_of(sampler)


def _batches(
    database: Database, sampler: Sampler, requests: Iterable[SampleRequest], retry: Iterable[str]
) -> Iterator[tuple[int, list[tuple[str, SampleRequest]]]]:
    """Yield, batch by batch, how many samples are wanted, and those that the store does not have, by key."""
    for batch in chunks(requests, 500):
        keyed = {resolve(sampler, sampler.key(request)): request for request in batch}
        with database.read() as connection:
            present = present_samples(connection, list(keyed), list(retry))
        yield len(batch), [(key, request) for key, request in keyed.items() if key not in present]
