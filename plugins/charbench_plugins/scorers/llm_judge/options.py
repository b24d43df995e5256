"""The judge's options."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from charbench import ControlText, ModelClientConfig, added, operational

MAX_TOKENS = 2048
LIMIT = {"max_tokens": MAX_TOKENS}
"""What keys hold for the token limit, whatever it is: an answer that it cuts is no score, so it decides none."""


class Protocol(StrEnum):
    """How a judge gives a score."""

    NUMBERS = "numbers"
    """One token holds any number up to 100: the expectation over the most likely of them."""
    DIGITS = "digits"
    """The tokenizer splits numbers: the expectation over the digits 0 to 9, mapped to the scale."""
    SAMPLES = "samples"
    """No probabilities: several answers in JSON, their mean and spread."""


class JudgeModel(BaseModel):
    """One judge of a panel; what is not given here is as the scorer's own options say."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = Field(min_length=1)
    base_url: str | None = None
    endpoint: str | None = None
    api_key_env: str | None = None
    extra_body: dict[str, Any] | None = None
    parameters: dict[str, str | None] | None = None


class GivenControl(BaseModel):
    """A text to test judges on, of which a person has said whether it is in character."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str
    in_character: bool
    prompt: str = ""


class PanelConfig(ModelClientConfig):
    """Who judges, where, and how an answer is asked for."""

    model: str | None = operational(None, description="the judge's model name, as its endpoint knows it")
    models: list[str | JudgeModel] = operational(
        [],
        description="a panel instead: names, or {model, endpoint, base_url, api_key_env, extra_body, parameters}; "
        "equal weights",
    )
    extra_body: dict[str, Any] = Field({}, description="additional fields of every request, such as reasoning_effort")
    temperature: float = Field(
        1.0, ge=0, le=2, description="temperature of JSON answers; probabilities are requested at 0"
    )
    max_tokens: int = Field(MAX_TOKENS, ge=16, description="maximum tokens of a JSON answer, including reasoning")
    max_chars: int = Field(24_000, ge=500, description="maximum characters of a text shown to a judge")
    response_format: Literal["json_schema", "json_object", "none"] = Field(
        "json_schema",
        description="how JSON is requested; none: in the prompt only, for servers without structured output",
    )

    controls: list[GivenControl] = operational(
        [], description="further texts to test judges on, each {text, in_character, prompt}"
    )
    controls_hours: float = operational(
        24.0, ge=0, description="hours for which a judge that passed its control items is tested briefly; 0: never"
    )

    def panel(self) -> list[JudgeModel]:
        """Return the judges, with what they take from the scorer's own options filled in; may be empty."""
        named = list(self.models) or ([self.model] if self.model else [])
        judges = [JudgeModel(model=entry) if isinstance(entry, str) else entry for entry in named]
        return [
            JudgeModel(
                model=judge.model,
                base_url=judge.base_url or (None if judge.endpoint else self.base_url),
                endpoint=judge.endpoint or (None if judge.base_url else self.endpoint),
                api_key_env=judge.api_key_env or (None if judge.base_url or judge.endpoint else self.api_key_env),
                extra_body=self.extra_body if judge.extra_body is None else judge.extra_body,
                parameters=self.parameters if judge.parameters is None else judge.parameters,
            )
            for judge in judges
        ]

    def control_texts(self) -> list[ControlText]:
        """Return the user's own control items."""
        return [ControlText(one.text, one.in_character, one.prompt) for one in self.controls]


class JudgeConfig(PanelConfig):
    """Who judges, where, and how scores are read."""

    combine: Literal["mean", "median", "majority"] = added(
        "mean",
        description="the score of a panel; majority: the mean of those on the side that more than half of them take",
    )
    protocol: Literal["auto", "numbers", "digits", "samples"] = Field(
        "auto", description="how scores are read: auto tests each model once"
    )
    samples: int = Field(3, ge=1, le=25, description="number of answers to average where there are no probabilities")
