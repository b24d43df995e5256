"""Options that samplers of language models share, so that probes can vary them."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field, field_validator

from charbench.components.base import Component, operational
from charbench.components.limits import LimitsConfig
from charbench.domain.delimiters import delimiters
from charbench.domain.thinking import CLOSED_PREFILL, OPEN_PREFILL


class ThinkingMode(StrEnum):
    """How a model is asked to think."""

    ON = "on"
    """As its chat template does by itself."""
    OFF = "off"
    """Switched off in the chat template."""
    PREFILL = "prefill"
    """``<think>`` is put into its mouth."""
    CLOSED = "closed"
    """An empty thinking block is put into its mouth."""

    @property
    def prefill(self) -> str:
        """The text that is put into the model's mouth."""
        return {"prefill": OPEN_PREFILL, "closed": CLOSED_PREFILL}.get(self.value, "")

    def prefill_after(self, opened: str) -> str:
        """Return what is to follow a prompt that ends with ``opened`` (:func:`charbench.opened_by`): no block twice."""
        return self.prefill.removeprefix(OPEN_PREFILL) if opened else self.prefill


class GenerationConfig(Component.Config):
    """How text is generated. Derive a sampler's ``Config`` from this, and ``charbench diagnose`` can probe it."""

    thinking: ThinkingMode = Field(ThinkingMode.ON, description="on, off, prefill (<think> is put in) or closed")
    max_tokens: int = Field(2048, ge=1, description="most tokens of one answer, thinking included")
    temperature: float = Field(0.7, ge=0, le=2, description="0: always the likeliest token")
    top_p: float = Field(1.0, gt=0, le=1, description="share of the probability mass that tokens are drawn from")
    seed: int | None = Field(None, description="makes answers repeatable where the model allows; epochs add to it")
    stop: tuple[str, ...] = Field((), description="texts that end the answer")
    thinking_tags: tuple[str, ...] = operational(
        (), description="further delimiters of thinking: a tag's name (scratchpad), or two texts ([[ ]])"
    )
    template_opens: bool | None = operational(
        None, description="whether the chat template opens the thinking block; none: it is told from the replies"
    )

    @field_validator("thinking_tags")
    @classmethod
    def _are_delimiters(cls, tags: tuple[str, ...]) -> tuple[str, ...]:
        delimiters(tags)
        return tags


class EndpointConfig(LimitsConfig, GenerationConfig):
    """How text is generated, and how the endpoint that generates it is treated."""

    checkpoint_delay: float = operational(0.0, ge=0, description="seconds between checkpoints")
