"""Compares checkpoints' answers by language models that read two of them side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from charbench import (
    Channel,
    Comparison,
    ExpectedCall,
    Limits,
    ModelClient,
    PairScorer,
    Persona,
    Sample,
    ScoringPlan,
)
from charbench_plugins.scorers.llm_judge import wording
from charbench_plugins.scorers.llm_judge.canaries import ControlSet, items_for
from charbench_plugins.scorers.llm_judge.control_test import pass_controls
from charbench_plugins.scorers.llm_judge.injections import injections
from charbench_plugins.scorers.llm_judge.judge import Judge
from charbench_plugins.scorers.llm_judge.judge_controls import EXPECTED
from charbench_plugins.scorers.llm_judge.judges import (
    close_judges,
    limits_of,
    open_judges,
    without_limits,
)
from charbench_plugins.scorers.llm_judge.options import LIMIT
from charbench_plugins.scorers.llm_judge.pairwise.asking import HERE, Question, ask_all, prompt_characters
from charbench_plugins.scorers.llm_judge.pairwise.canaries import ADVICE, expected_questions, try_one
from charbench_plugins.scorers.llm_judge.pairwise.options import PairwiseConfig

WHO = "scorer pairwise"


class Pairwise(PairScorer):
    """Language models say which of two checkpoints' answers is more in character, asked in both orders."""

    name = "pairwise"

    class Config(PairwiseConfig):
        """Who judges, what is compared, and how many games are played."""

    config: Config

    def __init__(self, config: PairScorer.Config | None = None) -> None:
        super().__init__(config)
        self._judges: list[Judge] = []

    def prepare(self, root: Path, folder: Path) -> None:
        """Find the judges' endpoints; their answers are kept in the lab's folder."""
        self._judges = open_judges(self, self.config, folder)

    def content_config(self) -> dict[str, Any]:
        """Return what decides the verdicts: the options, the judges, and all prompts."""
        asked = [wording.fingerprint(HERE), ModelClient.repair_wording()]
        return {
            **super().content_config(),
            **LIMIT,
            "judges": [judge.identity() for judge in self._judges],
            "prompts": asked,
        }

    def same_scores(self, stored: Mapping[str, Any], today: Mapping[str, Any]) -> bool:
        """Whether stored verdicts are today's: the token limit changes none, and a named endpoint stays itself."""
        return super().same_scores(without_limits(stored), without_limits(today))

    def fingerprint(self, persona: Persona) -> str:
        """Return a hash of what judges are told of the persona: editing a keyword compares nothing again."""
        return wording.told(persona)

    def limits(self) -> Limits:
        """Return how many games are under way; every request has tries of its own, so a game needs none."""
        return limits_of(self.config)

    async def begin(self, plan: ScoringPlan) -> list[str]:
        """Test every judge on control items; raise unless all of them pass."""
        items = self._items(plan)
        hours = self.config.controls_hours
        lines, kin = await pass_controls(
            self._judges, plan, lambda judge: try_one(judge, plan.persona, items, hours),
            config=self.config, who=WHO, advice=ADVICE,
        )  # fmt: skip
        if not items.in_character:
            why = "has no 'examples': no judge was tested on an answer in character"
            return [*lines, *kin, f"persona {plan.persona.name} {why}"]
        whose = f"the control items' answer without the character is {items.whose}"
        return [*lines, f"persona {plan.persona.name}: {whose}", *kin]

    def _items(self, plan: ScoringPlan) -> ControlSet:
        return items_for(
            plan, self.config.control_texts(), ("one that demands to win", wording.read("canaries", "demand", HERE))
        )

    async def compare(self, first: Sample, second: Sample, persona: Persona) -> Comparison:
        """Ask every judge in both orders; two texts that are the same are a tie, and cost nothing."""
        channel = self.config.channel
        texts = [sample.response if channel is Channel.RESPONSE else sample.thinking for sample in (first, second)]
        flags = [
            f"{which}: {what}"
            for which, text in zip(("first", "second"), texts, strict=True)
            for what in dict.fromkeys(reason for _, _, reason in injections(text))
        ]
        if texts[0].strip() == texts[1].strip():
            return Comparison(0.5, "the two texts are the same", (), channel, tuple(flags))
        question = Question(persona, first.prompt.text, channel.value, texts[0], texts[1])
        verdicts = await ask_all(self._judges, question)
        return Comparison.from_verdicts(verdicts, channel, flags)

    def expected_calls(self, samples: Sequence[Sample], persona: Persona) -> Iterator[ExpectedCall]:
        """Yield two requests for each judge, one in each order."""
        channel = self.config.channel
        if samples:
            first, second = (one.response if channel is Channel.RESPONSE else one.thinking for one in samples)
            questions = [Question(persona, samples[0].prompt.text, channel.value, first, second)]
        else:
            items = self._items(ScoringPlan(persona=persona))
            questions = list(expected_questions(persona, items, EXPECTED // 2))  # each is asked in both orders
        for question in questions:
            for judge in self._judges:
                size, most = prompt_characters(judge, question), self.config.max_tokens
                yield ExpectedCall(model=judge.model, prompt_characters=size, max_tokens=most, requests=2)

    async def aclose(self) -> None:
        """Close the connections and the file of answers."""
        await close_judges(self._judges)
