"""What a diagnosis is about to ask: its probes, through which sampler, and what they cost at most."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from charbench.components.generation import GenerationConfig
from charbench.components.sampler import Sampler
from charbench.config.model import Price
from charbench.diagnosis.probes import AT_ZERO, Probe, ProbeRequests, probes_for, probing_sampler
from charbench.domain.checkpoint import Checkpoint
from charbench.domain.prompt import Prompt
from charbench.run.dry_sampling import estimate
from charbench.store.database import Database


@dataclass(frozen=True, slots=True)
class ProbeRoute:
    """One way to ask a checkpoint: a sampler, and the base model as it can ask that."""

    sampler: Sampler
    base: Checkpoint | None


@dataclass(frozen=True, slots=True)
class Asking:
    """Questions that are asked together; ``probe`` is the probe's name, ``sampler`` has the probe's settings."""

    probe: str
    title: str
    sampler: Sampler
    requests: ProbeRequests


def plan_probes(
    ways: Sequence[ProbeRoute], checkpoint: Checkpoint, prompts: Sequence[Prompt], epochs: int
) -> list[list[Asking]]:
    """Return what each way is asked: all probes through the first one, those at temperature 0 through the others."""
    planned = []
    for number, way in enumerate(ways):
        config = way.sampler.config
        assert isinstance(config, GenerationConfig)
        probes: Sequence[Probe] = AT_ZERO if number else probes_for(config)
        through = f", through {way.sampler.name}" if number else ""
        asked = []
        for probe in probes:
            subject = way.base if probe.on_base else checkpoint
            if subject is not None:
                requests = ProbeRequests(subject, prompts, 1 if probe in AT_ZERO else epochs, probe.condition)
                sampler = probing_sampler(way.sampler, probe)
                asked.append(Asking(probe.name, probe.title + through, sampler, requests))
        planned.append(asked)
    return planned


@dataclass(frozen=True, slots=True)
class CostOfAsking:
    """Requests that are not in the store yet, and their tokens; completions are taken to be as long as they may be.

    ``cost`` is by the price table; None where there is none, or where it lacks ``unpriced`` (checkpoints' names).
    """

    requests: int
    prompt_tokens: int
    completion_tokens: int
    cost: float | None
    unpriced: tuple[str, ...]

    @property
    def line(self) -> str:
        """What is about to be sent, in words."""
        if not self.requests:
            return "0 requests: the answers are in the store already"
        requests = f"{self.requests:,} request{'' if self.requests == 1 else 's'}"
        tokens = f"about {self.prompt_tokens:,} prompt tokens, at most {self.completion_tokens:,} completion tokens"
        if self.cost is not None:
            return f"{requests} ({tokens}, at most {self.cost:,.4f} by the price table)"
        return (
            f"{requests} ({tokens}; no price for {', '.join(self.unpriced)})"
            if self.unpriced
            else (f"{requests} ({tokens})")
        )


def cost_of_asking(
    database: Database, asking: Iterable[Asking], retry: Sequence[str], prices: Mapping[str, Price]
) -> CostOfAsking:
    """Count what is not in the store yet. The samplers have to be prepared."""
    parts = [estimate(database, one.sampler, one.requests, retry, prices) for one in asking]
    known = bool(prices) and all(part.cost is not None for part in parts)
    return CostOfAsking(
        requests=sum(part.requests for part in parts),
        prompt_tokens=sum(part.prompt_tokens for part in parts),
        completion_tokens=sum(part.completion_tokens for part in parts),
        cost=sum(part.cost or 0.0 for part in parts) if known else None,
        unpriced=tuple(dict.fromkeys(name for part in parts for name in part.unpriced)) if prices else (),
    )
