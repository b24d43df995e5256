"""Completes many prompts at once, each with random draws of its own, whoever else is in the batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

_TAIL = 4
"""Tokens before the longest stop string that its beginning may stand in, a character's bytes included."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How to generate. ``end_tokens`` end a turn; ``stop`` are texts that end it; ``decode`` turns tokens to text."""

    temperature: float
    top_p: float
    stop: tuple[str, ...]
    end_tokens: frozenset[int]
    decode: Callable[[Sequence[int]], str]


@dataclass(slots=True)
class Wanted:
    """One prompt: its tokens, the seed of its draws, and the most tokens of its completion."""

    prompt: list[int]
    seed: int
    limit: int


@dataclass(slots=True)
class Generated:
    """One completion: all its tokens, its text without what ended it, and why it ended (``stop`` or ``length``)."""

    tokens: list[int] = field(default_factory=list)
    text: str = ""
    finish_reason: str = "length"


def generate(model: Any, wanted: Sequence[Wanted], settings: Settings) -> list[Generated]:
    """Complete all prompts in one batch, padded on the left."""
    import torch

    width = max(len(one.prompt) for one in wanted)
    pad = min(settings.end_tokens, default=0)
    ids = torch.tensor([[pad] * (width - len(one.prompt)) + one.prompt for one in wanted], device=model.device)
    mask = torch.tensor([[0] * (width - len(one.prompt)) + [1] * len(one.prompt) for one in wanted], device=ids.device)
    ends = _Ends(wanted, width, settings)
    was_training = model.training
    model.eval()
    with torch.no_grad():
        made = model.generate(
            input_ids=ids,
            attention_mask=mask,
            max_new_tokens=max(one.limit for one in wanted),
            do_sample=False,
            logits_processor=[_Draws(wanted, settings)],
            stopping_criteria=[ends],
            eos_token_id=sorted(settings.end_tokens) or None,
            pad_token_id=pad,
            use_cache=True,
        )
    model.train(was_training)
    rows = made[:, width:].tolist()
    return [_completion(row[: ends.at[number] or len(row)], settings) for number, row in enumerate(rows)]


def _completion(tokens: list[int], settings: Settings) -> Generated:
    ended = bool(tokens) and tokens[-1] in settings.end_tokens
    text = settings.decode(tokens[:-1] if ended else tokens)
    stops = [at for stop in settings.stop if (at := text.find(stop)) >= 0]
    if stops:
        return Generated(tokens, text[: min(stops)], "stop")
    return Generated(tokens, text, "stop" if ended else "length")


class _Draws:
    """Leaves of each row's scores the one token that is drawn: by the row's own random stream."""

    def __init__(self, wanted: Sequence[Wanted], settings: Settings) -> None:
        import numpy as np

        self._streams = [np.random.default_rng(one.seed) for one in wanted]
        self._settings = settings

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Return scores of which only the drawn token's is not minus infinity."""
        import torch

        if self._settings.temperature == 0:
            return scores
        draws = torch.tensor([stream.random() for stream in self._streams], device=scores.device)
        chosen = draw(scores.float() / self._settings.temperature, self._settings.top_p, draws)
        return torch.full_like(scores, -torch.inf).scatter_(1, chosen[:, None], 0.0)


def draw(logits: Any, top_p: float, draws: Any) -> Any:
    """Return a token for each row: where its draw, from 0 to 1, falls in the row's probabilities, the largest first.

    Of these only the fewest that sum to ``top_p`` count (nucleus sampling, Holtzman et al. 2020).
    """
    probabilities, order = logits.softmax(-1).sort(dim=-1, descending=True, stable=True)
    before = probabilities.cumsum(-1) - probabilities
    kept = probabilities.masked_fill(before >= top_p, 0.0)
    summed = kept.cumsum(-1)
    places = (summed <= draws[:, None] * summed[:, -1:]).sum(-1)
    return order.gather(1, places.clamp(max=(kept > 0).sum(-1) - 1)[:, None])[:, 0]


class _Ends:
    """Notes for each row at how many tokens it has ended; True for those that are over."""

    eos_token_id = None

    def __init__(self, wanted: Sequence[Wanted], width: int, settings: Settings) -> None:
        self.at: list[int | None] = [None] * len(wanted)
        self._limits, self._width, self._settings = [one.limit for one in wanted], width, settings
        self._tail = max((len(stop.encode()) for stop in settings.stop), default=0) + _TAIL

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
        """Return which rows are over."""
        import torch

        for row, tokens in enumerate(input_ids[:, self._width :].tolist()):
            if self.at[row] is None and self._is_over(tokens, self._limits[row]):
                self.at[row] = len(tokens)
        return torch.tensor([end is not None for end in self.at], device=input_ids.device)

    def _is_over(self, tokens: list[int], limit: int) -> bool:
        if tokens[-1] in self._settings.end_tokens or len(tokens) >= limit:
            return True
        if not self._settings.stop:
            return False
        ending = self._settings.decode(tokens[-self._tail :])
        return any(stop in ending for stop in self._settings.stop)
