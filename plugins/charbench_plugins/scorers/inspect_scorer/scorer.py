"""Scores samples with a scorer of Inspect."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict, Field

from charbench import (
    Channel,
    ConfigError,
    ExpectedCall,
    Limits,
    LimitsConfig,
    Metric,
    Persona,
    Sample,
    Score,
    Scorer,
)

if TYPE_CHECKING:
    from charbench_plugins.scorers.inspect_scorer.models import Models

_TEMPLATE = 3000
"""Characters that a grader is told besides question, answer and target: an upper figure for Inspect's own templates."""
_GRADE = 1024
"""Tokens that a grader is taken to answer with, at most."""
_UNFIT = {"choice": "it reads the choices of a multiple-choice question, which samples of charbench do not have"}


class InspectScorer(Scorer):
    """Any scorer of Inspect: inspect:includes, or inspect:PACKAGE/NAME (pip install 'charbench[inspect]')."""

    name = "inspect"
    member_example = "includes"
    needs_file = False
    metrics = (Metric("value"),)

    class Config(LimitsConfig):
        """Its arguments, its targets, and the models that it may ask."""

        model_config = ConfigDict(coerce_numbers_to_str=True)  # a target such as 4

        args: dict[str, Any] = Field({}, description="arguments of the scorer: args.NAME=VALUE")
        target: str | list[str] | None = Field(None, description="target of samples that have none of their own")
        targets: dict[str, str | list[str]] = Field({}, description="targets by the prompt's id")
        key: str = Field("", description="which value counts, of a scorer that gives several")
        model: str = Field("", description="model that it asks, as Inspect calls it: openai/gpt-4o. It costs money")
        roles: dict[str, str] = Field({}, description="models by role: roles.grader=openai/gpt-4o. They cost money")

    config: Config

    def __init__(self, config: Scorer.Config | None = None) -> None:
        super().__init__(config)
        self._scorer: Any = None
        self._models: Models | None = None

    @classmethod
    def member(cls, rest: str) -> type[Scorer]:
        """Return the scorer that Inspect calls ``rest``; whether there is one is found out when it is to score."""
        leaf = rest.rpartition("/")[2]
        if rest.count("/") > 1 or not leaf:
            raise ConfigError(f"scorer {cls.name}:{rest}: NAME or PACKAGE/NAME is needed after the colon")
        summary = f"Inspect's scorer {rest}, over responses."
        return type(f"InspectScorer_{leaf}", (cls,), {"metrics": (Metric(leaf),), "summary": summary})

    def prepare(self, root: Path, folder: Path) -> None:
        """Make the scorer and the models that it may ask."""
        who = f"scorer {self.name}"
        rest = self.name.partition(":")[2]
        if rest in _UNFIT:
            raise ConfigError(f"{who}: {_UNFIT[rest]}")
        try:
            from charbench_plugins.scorers.inspect_scorer.models import Models
            from charbench_plugins.scorers.inspect_scorer.registry import create
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] != "inspect_ai":
                raise
            raise ConfigError(f"{who} needs Inspect: pip install 'charbench[inspect]'") from None
        meter = self.lifecycle.meter if self.lifecycle else None
        self._models = Models(who, self.config, meter)
        self.is_metered = self._models.asks
        self._scorer = create(rest, self.config.args, who)

    def fingerprint(self, persona: Persona) -> str:
        """Return nothing: Inspect knows no persona."""
        return ""

    def limits(self) -> Limits:
        """Return how many samples are under way; requests are tried again one by one, so a sample is not."""
        return replace(Limits.of(self.config), timeout=self.config.deadline, tries=1)

    def expected_calls(self, samples: Sequence[Sample], persona: Persona) -> Iterable[ExpectedCall]:
        """Return a request to each model that is named, for each response; the scorer itself may ask more often."""
        models = dict.fromkeys(filter(None, (*self.config.roles.values(), self.config.model)))
        for sample in samples:
            if sample.response.strip():
                characters = len(sample.prompt.text) + len(sample.response) + _TEMPLATE
                yield from (ExpectedCall(model=one, prompt_characters=characters, max_tokens=_GRADE) for one in models)

    async def score(self, sample: Sample, persona: Persona) -> list[Score]:
        """Score the response, where there is one, against the sample's target."""
        from charbench import inspect_state
        from charbench_plugins.scorers.inspect_scorer.values import value_of

        assert self._models is not None
        if not sample.response.strip():
            return []
        metric = self.metrics[0].name
        target = self._target(sample)
        if target is None:
            return [Score(metric, Channel.RESPONSE, None, explanation=f"no target: {self._advice()}")]
        metadata = {**sample.extra, "persona": persona.name, "condition": sample.condition}
        state = inspect_state(sample, target, metadata)
        given = await self._models.let_ask(lambda: self._scorer(state, state.target))
        value, why = value_of(given, self.config.key, f"scorer {self.name}")
        return [Score(metric, Channel.RESPONSE, value, explanation=why)]

    def _target(self, sample: Sample) -> str | Sequence[str] | None:
        """Return the sample's target: by its prompt, its own (a recording's column), else that of all; None: none."""
        own: Any = self.config.targets.get(sample.prompt.id, sample.extra.get("target"))
        if isinstance(own, list | tuple):
            return [str(one) for one in own]
        return self.config.target if own is None else str(own)

    def _advice(self) -> str:
        option = f"scorer.{self.name}"
        return f"give {option}.targets (by prompt), or {option}.target ('' where the scorer needs none)"
