"""What to sample, what came of it, and when a completion is over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from .arrays import FloatArray
from .model import ModelConfig

FinishReason = Literal["stop", "length"]
Decode = Callable[[Sequence[int]], str]


@dataclass(frozen=True, slots=True)
class GenerationSettings:
    """How to sample. The defaults suit the shipped model; its answers are 40 to 110 tokens long."""

    max_tokens: int = 256
    """Tokens of a completion, at most; the model's context may leave room for fewer."""
    temperature: float = 0.7
    """0 takes the most probable token every time."""
    top_p: float = 1.0
    """Above 0, at most 1: sample from the fewest tokens that have this probability together."""
    seed: int = 0
    """Completion i draws from the random stream (seed, i): its draws do not depend on its batch."""
    stop_token_ids: tuple[int, ...] | None = None
    """Tokens that end a completion; None: those of the model (``<|im_end|>``)."""
    stop_strings: tuple[str, ...] = ()
    """Text that ends a completion, wherever tokens divide it. Needs ``decode`` in ``generate``."""
    samples_per_prompt: int = 1
    batch_size: int = 64
    """Completions worked on at once: more are faster together, and need more memory."""
    logprobs: bool = False
    """Whether to note each token's log-probability."""

    def __post_init__(self) -> None:
        if self.max_tokens < 1 or self.samples_per_prompt < 1 or self.batch_size < 1:
            raise ValueError("max_tokens, samples_per_prompt and batch_size are at least 1")
        if self.temperature < 0 or not 0 < self.top_p <= 1:
            raise ValueError("temperature is at least 0, and top_p above 0 and at most 1")
        if self.seed < 0:
            raise ValueError(f"a seed is at least 0, not {self.seed}")


@dataclass(slots=True)
class Generated:
    """One completion."""

    prompt_index: int
    token_ids: list[int] = field(default_factory=list)
    """With the stop token, where one ended it; with the tokens of the stop string, where that did."""
    finish_reason: FinishReason = "length"
    """``length``: cut off by ``max_tokens`` or by the end of the model's context."""
    stop_string: str | None = None
    """The stop string that ended it, if one did."""
    logprobs: list[float] | None = None
    """Log-probability (natural, temperature 1) of each of ``token_ids``; None unless asked for."""


class GeneratedText:
    """A completion in the making: its prompt, its random draws, and when it is over."""

    def __init__(
        self,
        config: ModelConfig,
        prompt_index: int,
        prompt: tuple[int, ...],
        settings: GenerationSettings,
        stream: list[int],
        decode: Decode | None,
    ) -> None:
        self.prompt = prompt
        self.generated = Generated(prompt_index, logprobs=[] if settings.logprobs else None)
        self.limit = min(settings.max_tokens, config.context_length - len(prompt))
        self.draws: FloatArray = np.random.default_rng(stream).random(self.limit, np.float32)
        stop_ids = settings.stop_token_ids
        self.stop_token_ids = config.end_token_ids if stop_ids is None else stop_ids
        self.stop_strings = settings.stop_strings
        self.decode = decode

    def note_logprob(self, logprob: float) -> None:
        """Keep the log-probability of the token that ``add`` is about to take up."""
        assert self.generated.logprobs is not None, "only called where log-probabilities are asked for"
        self.generated.logprobs.append(logprob)

    def add(self, token: int) -> bool:
        """Take up one more token; False when it was the last."""
        self.generated.token_ids.append(token)
        self.generated.stop_string = self._stop_string_at_end()
        if token in self.stop_token_ids or self.generated.stop_string is not None:
            self.generated.finish_reason = "stop"
            return False
        return len(self.generated.token_ids) < self.limit

    def _stop_string_at_end(self) -> str | None:
        if not self.stop_strings or self.decode is None:
            return None
        # A token is at least one byte, so the end of the text is enough to look at: the longest stop string,
        # and the rest of a character of up to four bytes on its left.
        longest = max(len(text.encode()) for text in self.stop_strings)
        ending = self.decode(self.generated.token_ids[-(longest + 4) :])
        found = [text for text in self.stop_strings if text in ending]
        return min(found, key=ending.find, default=None)
