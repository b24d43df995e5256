"""The options of ``pairwise``."""

from __future__ import annotations

from pydantic import Field

from charbench import Channel, PairScorer
from charbench_plugins.scorers.llm_judge.options import PanelConfig


class PairwiseConfig(PanelConfig, PairScorer.Config):
    """Who judges, what is compared, and how many games are played."""

    channel: Channel = Field(Channel.RESPONSE, description="what is compared: response or thinking")
    temperature: float = Field(0.0, ge=0, le=2, description="of the verdicts")
