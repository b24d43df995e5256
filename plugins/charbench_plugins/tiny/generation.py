"""Sampling completions of many prompts at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from .arrays import FloatArray, IntArray
from .completion import Decode, Generated, GeneratedText, GenerationSettings
from .decoder import Decoder, KeyValueCache
from .lora import LoraAdapter
from .model import TinyModel
from .sampling import choose_tokens, log_probabilities
from .threads import one_blas_thread

__all__ = ["Generated", "GenerationSettings", "generate"]

_ATTENTION_NUMBERS = 1_000_000
"""Bound on rows · length² of one prompt pass, which decides its memory (about 40 MB)."""


def generate(
    model: TinyModel,
    adapter: LoraAdapter | None,
    prompts: Sequence[Sequence[int]],
    settings: GenerationSettings | None = None,
    *,
    seeds: Sequence[int] | None = None,
    decode: Decode | None = None,
) -> list[Generated]:
    """Complete every prompt, ``samples_per_prompt`` times, in the order of the prompts.

    Args:
        adapter: None samples the model as it is.
        prompts: token ids; equal prompts are read only once.
        seeds: one for each prompt, in place of (settings.seed, prompt's place): a prompt with a seed of its
            own gets the same completions in whatever company it is sampled.
        decode: token ids to text, special tokens kept; needed for stop strings only.

    Raises:
        ValueError: an empty prompt one that fills the model's context, or stop strings without ``decode``.
    """
    settings = settings or GenerationSettings()
    _check(model, prompts, settings, seeds, decode)
    completions = [
        GeneratedText(model.config, index, tuple(prompt), settings, stream, decode)
        for index, prompt in enumerate(prompts)
        for stream in _streams(index, settings, seeds)
    ]
    with one_blas_thread():
        decoder = Decoder(model, adapter)
        for start in range(0, len(completions), settings.batch_size):
            _complete_batch(decoder, completions[start : start + settings.batch_size], settings)
    return [completion.generated for completion in completions]


def _complete_batch(decoder: Decoder, active: list[GeneratedText], settings: GenerationSettings) -> None:
    """Complete all of these, dropping each from the batch when it is over."""
    cache, logits = _read_prompts(decoder, [completion.prompt for completion in active])
    for step in range(max(completion.limit for completion in active)):
        draws = np.array([completion.draws[step] for completion in active])
        tokens = choose_tokens(logits, draws, settings.temperature, settings.top_p)
        if settings.logprobs:
            for completion, logprob in zip(active, log_probabilities(logits, tokens), strict=True):
                completion.note_logprob(float(logprob))
        goes_on = [completion.add(int(token)) for completion, token in zip(active, tokens, strict=True)]
        if not any(goes_on):
            return
        if not all(goes_on):
            kept = np.flatnonzero(goes_on)
            cache.keep(kept)
            tokens = tokens[kept]
            active = [active[row] for row in kept]
        logits = decoder.next_logits(tokens[:, None], cache)


def _read_prompts(decoder: Decoder, prompts: Sequence[tuple[int, ...]]) -> tuple[KeyValueCache, FloatArray]:
    """A cache that has seen every prompt, and the logits of the first new token [B, V].

    Equal prompts are read once. The reading goes in groups, because attention needs memory for
    rows · length²; the cache needs only rows · length.
    """
    width = max(map(len, prompts))
    distinct = list(dict.fromkeys(prompts))
    place = {prompt: index for index, prompt in enumerate(distinct)}
    wanted = np.array([place[prompt] for prompt in prompts])
    cache = KeyValueCache(decoder.config, np.array([width - len(prompt) for prompt in prompts]), width + 1)
    logits = np.empty((len(prompts), decoder.config.vocabulary_size), np.float32)
    group_size = max(1, _ATTENTION_NUMBERS // width**2)
    for start in range(0, len(distinct), group_size):
        token_ids, padding = _pad_left(distinct[start : start + group_size], width)
        group = KeyValueCache(decoder.config, padding, width)
        group_logits = decoder.next_logits(token_ids, group)
        rows = np.flatnonzero((wanted >= start) & (wanted < start + group_size))
        cache.copy_rows(group, wanted[rows] - start, rows)
        logits[rows] = group_logits[wanted[rows] - start]
    return cache, logits


def _pad_left(prompts: Sequence[tuple[int, ...]], width: int) -> tuple[IntArray, IntArray]:
    """Token ids [B, width] and the padding of each row [B]."""
    token_ids = np.zeros((len(prompts), width), np.int64)
    padding = np.array([width - len(prompt) for prompt in prompts])
    for row, prompt in enumerate(prompts):
        token_ids[row, padding[row] :] = prompt
    return token_ids, padding


def _streams(index: int, settings: GenerationSettings, seeds: Sequence[int] | None) -> Iterator[list[int]]:
    """The seeds of the random streams of one prompt's completions."""
    for sample in range(settings.samples_per_prompt):
        if seeds is not None:
            yield [seeds[index], sample]
        else:
            yield [settings.seed, index * settings.samples_per_prompt + sample]


def _check(
    model: TinyModel,
    prompts: Sequence[Sequence[int]],
    settings: GenerationSettings,
    seeds: Sequence[int] | None,
    decode: Decode | None,
) -> None:
    limit = model.config.context_length
    for index, prompt in enumerate(prompts):
        if not 0 < len(prompt) < limit:
            raise ValueError(f"prompt {index} has {len(prompt)} tokens; it must have 1 to {limit - 1}")
        if min(prompt) < 0 or max(prompt) >= model.config.vocabulary_size:
            raise ValueError(f"prompt {index} holds tokens that the model does not know")
    if settings.stop_strings and decode is None:
        raise ValueError("stop strings need a decode function")
    if seeds is not None and len(seeds) != len(prompts):
        raise ValueError(f"{len(seeds)} seeds for {len(prompts)} prompts")
