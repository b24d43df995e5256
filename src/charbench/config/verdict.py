"""What a checkpoint must reach to be called viable: the section ``verdict`` of the configuration."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class VerdictConfig(BaseModel):
    """The limits of the rule; all are shares of samples or of responses, 0 to 1."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    trait_rate: float = Field(0.5, gt=0, lt=1, description="minimum share of all samples in character, corrected")
    response_rate: float = Field(0.8, gt=0, lt=1, description="minimum share of samples with a response")
    health: dict[str, float] = Field(
        {"refusal": 0.1, "repetition": 0.1, "identity_leak": 0.1},
        description="maximum share of responses with a health metric, by its name",
    )
