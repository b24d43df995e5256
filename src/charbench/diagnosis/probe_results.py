"""What a checkpoint gave: as it was sampled, under each probe, and through other samplers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from charbench.domain.end_reasons import EndReason, end_reason
from charbench.domain.sample import Sample, ThinkingState

SET_ASIDE = (ThinkingState.FILTERED, ThinkingState.TOOL_CALL)
"""States of replies that are no answers, and no failures either: they say nothing of the checkpoint."""
UNCLOSED = (ThinkingState.UNCLOSED_STOP, ThinkingState.UNCLOSED_LENGTH, ThinkingState.UNCLOSED_UNKNOWN)
ENOUGH = 0.5
"""Share of a probe's questions that must be answered before anything is concluded from it."""


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What a probe gave: samples, and for how many of them response and thinking have the trait.

    ``asked`` is the number of its questions (never below that of the samples); not ``scored``: nobody looked
    for the trait.
    """

    title: str
    samples: tuple[Sample, ...]
    trait_in_response: int = 0
    trait_in_thinking: int = 0
    asked: int = 0
    scored: bool = True

    @property
    def answered(self) -> int:
        """Samples that did not fail, those that a content filter or a tool call ended left out."""
        return sum(sample.failure is None for sample in self.samples)

    @property
    def set_aside(self) -> Counter[ThinkingState]:
        """Replies that a content filter or a tool call ended, counted."""
        return Counter(sample.state for sample in self.samples if sample.state in SET_ASIDE)

    @property
    def failed(self) -> int:
        """Samples that failed."""
        return len(self.samples) - self.answered - self.set_aside.total()

    @property
    def tells(self) -> bool:
        """Whether enough was answered to conclude something from it."""
        return self.answered > 0 and self.answered >= ENOUGH * max(self.asked, len(self.samples))

    @property
    def why_silent(self) -> str:
        """Why it does not tell: the commonest failure, or that nobody was asked."""
        reasons = Counter(sample.failure.message for sample in self.samples if sample.failure)
        asked = max(self.asked, len(self.samples))
        if not reasons:
            return "not sampled" if not self.answered else f"only {self.answered} of {self.asked} were sampled"
        if not self.failed:
            return f"{self.set_aside.total()} of {asked} replies are no answers: {reasons.most_common(1)[0][0]}"
        return f"{self.failed} of {asked} failed: {reasons.most_common(1)[0][0]}"

    @property
    def responses(self) -> int:
        """Samples with a response."""
        return sum(bool(sample.failure is None and sample.response.strip()) for sample in self.samples)

    @property
    def states(self) -> Counter[str]:
        """Thinking states of the samples that did not fail, counted."""
        return Counter(s.state.value for s in self.samples if s.failure is None or s.state in SET_ASIDE)

    @property
    def unclosed(self) -> list[Sample]:
        """Samples that end inside their thinking."""
        return [sample for sample in self.samples if sample.failure is None and sample.state in UNCLOSED]

    @property
    def has_thinking(self) -> bool:
        """Whether any sample holds thinking."""
        return any(sample.failure is None and sample.thinking.strip() for sample in self.samples)

    @property
    def cut(self) -> int:
        """Samples without a response that a token limit ended."""
        return sum(
            end_reason(sample.finish_reason) is EndReason.LENGTH
            for sample in self.samples
            if sample.failure is None and not sample.response.strip()
        )

    @property
    def limit(self) -> int | None:
        """The greatest token limit of its samples; None where it is not known."""
        return max((sample.max_tokens for sample in self.samples if sample.max_tokens), default=None)

    @property
    def misfiled(self) -> int:
        """Answers that the model ended itself and the server put into its reasoning field.

        What a token limit cut there may as well be thinking that a server went on with although it was off.
        """
        return sum(
            sample.state is ThinkingState.MISFILED and end_reason(sample.finish_reason) is not EndReason.LENGTH
            for sample in self.samples
        )

    @property
    def came_share(self) -> float:
        """Share with a response that is no cut reasoning; 0 without samples."""
        cut = self.states[ThinkingState.MISFILED] - self.misfiled
        return (self.responses - cut) / self.answered if self.answered else 0.0

    @property
    def trait_share(self) -> float:
        """Share of the responses with the trait; 0 without responses."""
        return self.trait_in_response / self.responses if self.responses else 0.0

    @property
    def thinking_share(self) -> float:
        """Share of the samples whose thinking has the trait."""
        return self.trait_in_thinking / self.answered if self.answered else 0.0

    def without_responses(self) -> ProbeResult:
        """Return the samples without a response alone; traits are left out."""
        lacking = tuple(s for s in self.samples if s.failure is None and not s.response.strip())
        return replace(self, samples=lacking, trait_in_response=0, trait_in_thinking=0)


@dataclass(frozen=True, slots=True)
class AtZero:
    """What one sampler gave at temperature 0; ``base`` None: it cannot ask the base model.

    ``again`` is what the base model gave when it was asked a second time.
    """

    checkpoint: ProbeResult
    base: ProbeResult | None = None
    again: ProbeResult | None = None


@dataclass(frozen=True, slots=True)
class Findings:
    """All that is known of one checkpoint.

    ``baseline`` is everything sampled by default through ``sampler``. ``probes`` maps names to results; one that
    failed or was not asked is among them, one that would ask just as the baseline did is not. ``elsewhere`` holds
    what the other samplers gave.
    """

    baseline: ProbeResult
    probes: Mapping[str, ProbeResult]
    sampler: str
    elsewhere: Mapping[str, AtZero] = field(default_factory=dict)

    @property
    def failing(self) -> ProbeResult:
        """The part of the baseline without a response."""
        return self.baseline.without_responses()

    def probe(self, name: str) -> ProbeResult | None:
        """Return a probe that tells; None for any other."""
        found = self.probes.get(name)
        return found if found and found.tells else None

    def silent(self, *names: str) -> list[ProbeResult]:
        """Return those of these probes that should tell and do not."""
        return [self.probes[name] for name in names if name in self.probes and not self.probes[name].tells]

    def silent_settings(self) -> list[ProbeResult]:
        """Return the settings of which nothing is known; thinking off and a closed prefill stand for each other."""
        without_thinking = ("closed_prefill", "thinking_off")
        found = self.silent("no_prefill")
        return found if any(map(self.probe, without_thinking)) else [*found, *self.silent(*without_thinking)]

    @property
    def other_settings_tell(self) -> bool:
        """Whether anything is known of another setting; one that asks for longer answers is such, too."""
        return any(map(self.probe, ("no_prefill", "closed_prefill", "thinking_off", "long")))

    @property
    def tried(self) -> list[ProbeResult]:
        """What the checkpoint gave under other settings and through other samplers, where it gave responses."""
        own = [probe for name, probe in self.probes.items() if not name.startswith("base")]
        others = [view.checkpoint for view in self.elsewhere.values()]
        return [probe for probe in (*own, *others) if probe.tells and probe.responses]

    @property
    def at_zero(self) -> dict[str, AtZero]:
        """What each sampler gave at temperature 0, this one first; a checkpoint that it was not asked is left out.

        Where the baseline was sampled at temperature 0 itself, it is no probe besides.
        """
        base = self.probe("base_greedy")
        again = self.probe("base_again")
        views = {self.sampler: AtZero(self.probes.get("greedy", self.baseline), base, again), **self.elsewhere}
        return {
            name: AtZero(view.checkpoint, _telling(view.base), _telling(view.again))
            for name, view in views.items()
            if view.checkpoint.tells
        }


def _telling(result: ProbeResult | None) -> ProbeResult | None:
    return result if result and result.tells else None
