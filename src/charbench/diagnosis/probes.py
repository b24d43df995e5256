"""Probes: the same questions under other settings, to see what brings the responses back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from charbench.components.generation import GenerationConfig, ThinkingMode
from charbench.components.sampler import Sampler, SampleRequest
from charbench.domain.checkpoint import Checkpoint
from charbench.domain.prompt import Prompt

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


GREEDY = Probe("greedy", "temperature 0", {"temperature": 0.0})
BASE_GREEDY = Probe("base_greedy", "base model, temperature 0", {"temperature": 0.0}, on_base=True)
BASE_AGAIN = Probe("base_again", "base model, temperature 0, again", {"temperature": 0.0}, on_base=True)
WAYS = ("no_prefill", "closed_prefill", "thinking_off", "long")
"""Probes whose setting a checkpoint can be used in, the smallest change first."""
AT_ZERO = (GREEDY, BASE_GREEDY, BASE_AGAIN)
"""What is asked at temperature 0, each prompt once: further epochs would tell nothing new."""


_SAID = {
    "no_prefill": "without the prefill",
    "closed_prefill": "with a closed prefill",
    "thinking_off": "with thinking off",
    "long": f"with {LONGER} times the token limit",
}


def probe_title(name: str) -> str:
    """Return one of :data:`WAYS` as an adverbial phrase."""
    return _SAID[name]


def probes_for(config: GenerationConfig) -> list[Probe]:
    """Return the probes that differ from how the checkpoint was sampled."""
    probes = [
        Probe("no_prefill", "no prefill", {"thinking": ThinkingMode.ON}),
        Probe("closed_prefill", "closed prefill", {"thinking": ThinkingMode.CLOSED}),
        Probe("thinking_off", "thinking off", {"thinking": ThinkingMode.OFF}),
        Probe("long", f"{LONGER} times the budget", {"max_tokens": config.max_tokens * LONGER}),
        GREEDY,
        Probe("base", "base model", {}, on_base=True),
        BASE_GREEDY,
        BASE_AGAIN,
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
    probing = type(sampler)(type(config).model_validate(values))
    probing.trust, probing.endpoints = sampler.trust, sampler.endpoints
    probing.default_endpoints = sampler.default_endpoints
    probing.lifecycle = sampler.lifecycle
    return probing


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
