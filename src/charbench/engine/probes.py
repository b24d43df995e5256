"""Probes: the same questions under other settings, to see what brings the responses back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from charbench.components.generation import GenerationConfig, ThinkingMode
from charbench.components.sampler import Sampler, SampleRequest
from charbench.domain.checkpoint import Checkpoint
from charbench.domain.prompt import Prompt
from charbench.domain.sample import Sample

LONGER = 4
"""How many times the token limit the probe ``long`` allows."""
PREFIX = "probe:"


@dataclass(frozen=True, slots=True)
class Probe:
    """One change of the settings; ``on_base`` asks the base model instead of the checkpoint."""

    name: str
    title: str
    changes: dict[str, Any] = field(default_factory=dict)
    on_base: bool = False

    @property
    def condition(self) -> str:
        """The condition of this probe's samples."""
        return f"{PREFIX}{self.name}"


def probes_for(config: GenerationConfig) -> list[Probe]:
    """Return the probes that differ from how the checkpoint was sampled."""
    probes = [
        Probe("no_prefill", "no prefill", {"thinking": ThinkingMode.ON}),
        Probe("closed_prefill", "closed prefill", {"thinking": ThinkingMode.CLOSED}),
        Probe("thinking_off", "thinking off", {"thinking": ThinkingMode.OFF}),
        Probe("long", f"{LONGER} times the budget", {"max_tokens": config.max_tokens * LONGER}),
        Probe("greedy", "temperature 0", {"temperature": 0.0}),
        Probe("base", "base model", {}, on_base=True),
        Probe("base_greedy", "base model, temperature 0", {"temperature": 0.0}, on_base=True),
    ]
    return [p for p in probes if p.on_base or any(getattr(config, k) != v for k, v in p.changes.items())]


def probing_sampler(sampler: Sampler, probe: Probe) -> Sampler:
    """Return a sampler like this one with the probe's settings; limits that the class sets are kept."""
    config = sampler.config
    assert isinstance(config, GenerationConfig)
    values = {**config.model_dump(), **probe.changes}
    for name, value in probe.changes.items():
        most = _most(type(config), name)
        if most is not None and value > most:
            values[name] = most
    return type(sampler)(type(config).model_validate(values))


def _most(config: type[GenerationConfig], name: str) -> float | None:
    return next((m.le for m in config.model_fields[name].metadata if getattr(m, "le", None) is not None), None)


@dataclass(frozen=True, slots=True)
class ProbeRequests:
    """A probe's questions: each prompt, ``epochs`` times."""

    checkpoint: Checkpoint
    prompts: Sequence[Prompt]
    epochs: int
    condition: str

    def __iter__(self) -> Any:
        for epoch in range(self.epochs):
            for prompt in self.prompts:
                yield SampleRequest(checkpoint=self.checkpoint, prompt=prompt, epoch=epoch, condition=self.condition)

    def total(self) -> int:
        """Return how many questions there are."""
        return self.epochs * len(self.prompts)


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What a probe gave: samples, and for how many of them response and thinking have the trait."""

    title: str
    samples: tuple[Sample, ...]
    trait_in_response: int = 0
    trait_in_thinking: int = 0

    @property
    def answered(self) -> int:
        """Samples that did not fail."""
        return sum(sample.failure is None for sample in self.samples)

    @property
    def responses(self) -> int:
        """Samples with a response."""
        return sum(bool(sample.response.strip()) for sample in self.samples)

    @property
    def states(self) -> Counter[str]:
        """Thinking states, counted."""
        return Counter(sample.state.value for sample in self.samples if sample.failure is None)

    @property
    def response_share(self) -> float:
        """Share with a response; 0 without samples."""
        return self.responses / self.answered if self.answered else 0.0

    @property
    def trait_share(self) -> float:
        """Share of the responses with the trait; 0 without responses."""
        return self.trait_in_response / self.responses if self.responses else 0.0

    @property
    def thinking_share(self) -> float:
        """Share of the samples whose thinking has the trait."""
        return self.trait_in_thinking / self.answered if self.answered else 0.0

    def without_responses(self) -> ProbeResult:
        """Return the samples without a response alone; traits in thinking are taken to spread evenly."""
        lacking = tuple(s for s in self.samples if s.failure is None and not s.response.strip())
        return replace(self, samples=lacking, trait_in_response=0, trait_in_thinking=0)
