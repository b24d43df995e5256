"""Options that samplers of language models share, so that probes can vary them."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field, field_validator

from charbench.components.base import Component, operational
from charbench.components.limits import LimitsConfig
from charbench.domain.delimiters import delimiters
from charbench.domain.thinking import CLOSED_PREFILL, OPEN_PREFILL


class ThinkingMode(StrEnum):
    """How thinking is requested."""

    ON = "on"
    """As the chat template does by default."""
    OFF = "off"
    """Switched off in the chat template."""
    PREFILL = "prefill"
    """``<think>`` is prefilled."""
    CLOSED = "closed"
    """An empty thinking block is prefilled."""

    @property
    def prefill(self) -> str:
        """The text that is prefilled."""
        return {"prefill": OPEN_PREFILL, "closed": CLOSED_PREFILL}.get(self.value, "")

    def prefill_after(self, opened: str) -> str:
        """Return what is to follow a prompt that ends with ``opened`` (:func:`charbench.opened_by`): no block twice."""
        return self.prefill.removeprefix(OPEN_PREFILL) if opened else self.prefill


class DelimitersConfig(Component.Config):
    """How thinking is delimited in what a sampler gives; a change of it tells stored samples apart again."""

    thinking_tags: tuple[str, ...] = operational(
        (), description="further delimiters of thinking: a tag's name (scratchpad), or two texts ([[ ]])"
    )

    @field_validator("thinking_tags")
    @classmethod
    def _are_delimiters(cls, tags: tuple[str, ...]) -> tuple[str, ...]:
        delimiters(tags)
        return tags


class GenerationConfig(DelimitersConfig):
    """How text is generated. Derive a sampler's ``Config`` from this, and ``charbench diagnose`` can probe it."""

    thinking: ThinkingMode = Field(
        ThinkingMode.ON, description="on, off, prefill (<think> is prefilled) or closed (an empty block is prefilled)"
    )
    max_tokens: int = Field(2048, ge=1, description="maximum tokens of one completion, including thinking")
    temperature: float = Field(0.7, ge=0, le=2, description="0: greedy")
    top_p: float = Field(1.0, gt=0, le=1, description="nucleus sampling: probability mass to sample from")
    seed: int | None = Field(None, description="random seed, where the server supports one; the epoch is added to it")
    stop: tuple[str, ...] = Field((), description="stop sequences")
    template_opens: bool | None = operational(
        None, description="whether the chat template opens the thinking block; none: detected from the replies"
    )


class EndpointConfig(LimitsConfig, GenerationConfig):
    """Generation parameters, and the limits of the endpoint."""

    checkpoint_delay: float = operational(
        0.0, ge=0, description="pause in seconds between checkpoints; above 0 they are sampled one by one"
    )
