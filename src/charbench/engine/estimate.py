"""What a run would ask for, without asking: the dry run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from charbench.components.generation import GenerationConfig
from charbench.components.sampler import Sampler, SampleRequest
from charbench.config import Price
from charbench.domain.sample import Usage
from charbench.engine.cost import cost_of, price_of
from charbench.store.database import Database
from charbench.store.dialect import chunks
from charbench.store.samples import present_samples

CHARACTERS_PER_TOKEN = 4
"""A rule of thumb for English text; the dry run has no tokenizer."""


@dataclass(slots=True)
class Estimate:
    """One sampler's part: how many requests are wanted and missing, and their tokens at the most."""

    sampler: str
    wanted: int = 0
    missing: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0


def estimate(
    database: Database,
    sampler: Sampler,
    requests: Iterable[SampleRequest],
    retry: Iterable[str],
    prices: Mapping[str, Price],
) -> Estimate:
    """Count what the sampler would ask for; completions are taken to be as long as they may be."""
    config = sampler.config
    longest = config.max_tokens if isinstance(config, GenerationConfig) else 0
    total = Estimate(sampler.name)
    for batch in chunks(requests, 500):
        keyed = {sampler.key(request): request for request in batch}
        with database.read() as connection:
            present = present_samples(connection, list(keyed), list(retry))
        total.wanted += len(batch)
        for key, request in keyed.items():
            if key in present:
                continue
            told = sum(len(message.content) for message in request.prompt.messages)
            usage = Usage(told // CHARACTERS_PER_TOKEN + 1 if longest else 0, longest)
            total.missing += 1
            total.prompt_tokens += usage.prompt_tokens or 0
            total.completion_tokens += usage.completion_tokens or 0
            total.cost += cost_of(usage, price_of(request.checkpoint, prices))
    return total
