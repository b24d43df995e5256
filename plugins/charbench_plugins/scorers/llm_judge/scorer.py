"""Scores by language models that read each text by a rubric."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from charbench import (
    CharbenchError,
    ExpectedCall,
    Limits,
    Persona,
    Sample,
    SamplingError,
    Score,
    Scorer,
    ScoringPlan,
)
from charbench_plugins.scorers.llm_judge import wording
from charbench_plugins.scorers.llm_judge.asking import Reader, calls_of_text, judge_text, together
from charbench_plugins.scorers.llm_judge.canaries import ControlSet, items_for
from charbench_plugins.scorers.llm_judge.control_test import pass_controls
from charbench_plugins.scorers.llm_judge.dimensions import METRICS
from charbench_plugins.scorers.llm_judge.judge import Judge
from charbench_plugins.scorers.llm_judge.judge_controls import ADVICE, expected_calls, try_one
from charbench_plugins.scorers.llm_judge.judges import (
    close_judges,
    hint,
    limits_of,
    open_judges,
    without_limits,
)
from charbench_plugins.scorers.llm_judge.options import LIMIT, JudgeConfig, Protocol
from charbench_plugins.scorers.llm_judge.panel import scores_of

WHO = "scorer llm-judge"


class LlmJudge(Scorer):
    """Language models judge how far each text is in character, how coherent it is, and as whom it speaks."""

    name = "llm-judge"
    version = 2
    metrics = METRICS

    class Config(JudgeConfig):
        """Who judges, where, and how."""

    config: Config

    def __init__(self, config: Scorer.Config | None = None) -> None:
        super().__init__(config)
        self._judges: list[Judge] = []
        self._unknown: SamplingError | None = None
        self._announced = False

    async def prepare(self, root: Path, folder: Path) -> None:
        """Find the judges' endpoints, and how each gives scores: asked once, and kept in the lab's folder."""
        self._unknown = None
        self._judges = open_judges(self, self.config, folder)
        for judge in self._judges:
            judge.protocol = None if self.config.protocol == "auto" else Protocol(self.config.protocol)
            judge.samples = self.config.samples
        try:
            await together(*(judge.probe() for judge in self._judges))
        except SamplingError as error:
            self._unknown = error  # told where there is something to judge
        except BaseException:
            await self.aclose()
            raise

    def content_config(self) -> dict[str, Any]:
        """Return what decides the scores: the options, each judge with its protocol, and all prompts."""
        judges = [
            judge.identity() | {"protocol": judge.protocol.value if judge.protocol else "unknown"}
            for judge in self._judges
        ]
        return {**super().content_config(), **LIMIT, "judges": judges, "prompts": wording.fingerprint()}

    def same_scores(self, stored: Mapping[str, Any], today: Mapping[str, Any]) -> bool:
        """Whether stored scores are today's: the token limit changes none, and a named endpoint stays itself."""
        return super().same_scores(without_limits(stored), without_limits(today))

    def fingerprint(self, persona: Persona) -> str:
        """Return a hash of what judges are told of the persona: editing a keyword judges nothing again."""
        return wording.told(persona)

    def limits(self) -> Limits:
        """Return how many samples are under way; every request has tries of its own, so a sample needs none."""
        return limits_of(self.config)

    async def begin(self, plan: ScoringPlan) -> list[str]:
        """Test every judge on control items; raise unless all of them pass."""
        if self._unknown is not None:
            raise CharbenchError(hint(self._unknown, self.config, WHO))
        items = items_for(plan, self.config.control_texts())
        hours = self.config.controls_hours
        passed, kin = await pass_controls(
            self._judges, plan, lambda judge: try_one(judge, plan.persona, items, hours),
            config=self.config, who=WHO, advice=ADVICE,
        )  # fmt: skip
        return [
            *self._protocols(),
            *passed,
            f"persona {plan.persona.name}: the control items' answer without the character is {items.whose}",
            *kin,
            *self._missing(plan.persona, items),
        ]

    async def score(self, sample: Sample, persona: Persona) -> list[Score]:
        """Judge each channel that holds text by itself; a judge of the response never sees the thinking."""
        channels = list(sample.channels())
        readers = [Reader(persona, sample.prompt.text, channel.value, text) for channel, text in channels]
        verdicts = await together(*(judge_text(judge, reader) for reader in readers for judge in self._judges))
        size = len(self._judges)
        scores: list[Score] = []
        for at, (channel, text) in enumerate(channels):
            scores.extend(scores_of(channel, text, verdicts[at * size : (at + 1) * size], self.config.combine))
        return scores

    def expected_calls(self, samples: Sequence[Sample], persona: Persona) -> Iterator[ExpectedCall]:
        """Yield, for each channel and judge, the request for quotes and those for each dimension's score."""
        if not samples:
            plan = ScoringPlan(persona=persona)
            items = items_for(plan, self.config.control_texts())
            yield from expected_calls(self._judges, persona, items, self.config.controls_hours)
        for sample in samples:
            for _, text in sample.channels():
                for judge in self._judges:
                    yield from calls_of_text(judge, persona, sample.prompt.text, text)

    async def aclose(self) -> None:
        """Close the connections and the file of answers."""
        await close_judges(self._judges)

    def _protocols(self) -> Iterator[str]:
        """Yield how each judge gives scores, once: it decides what a text costs."""
        if not self._announced:
            self._announced = True
            for judge in self._judges:
                yield f"judge {judge.name} gives scores by protocol {judge.protocol}: {judge.why}"

    def _missing(self, persona: Persona, items: ControlSet) -> Iterable[str]:
        if not items.in_character:
            yield f"persona {persona.name} has no 'examples': no judge was tested on an answer in character"
