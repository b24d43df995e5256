"""Training examples as tokens, and how several of them become one padded batch."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .arrays import IntArray
from .model import ModelConfig
from .transformer import UNTRAINED

_PIECE_SIZE = 500_000
"""Bound on rows · length · (length + 1,000) of one pass: three or four of the lab's short examples.

What the layers keep of a position is as large as its attention to a thousand others. The bound keeps a pass of
long examples under 150 MB; and short ones are a fifth faster in pieces, which stay closer to the processor.
"""


@dataclass(frozen=True, slots=True)
class TrainingExample:
    """One tokenised conversation: tokens from position ``trained_from`` on are learned, the rest is given."""

    token_ids: tuple[int, ...]
    trained_from: int

    def __post_init__(self) -> None:
        if not 1 <= self.trained_from < len(self.token_ids):
            raise ValueError(
                f"an example needs a prompt and a completion: trained_from={self.trained_from} "
                f"of {len(self.token_ids)} tokens"
            )


def pad_batch(examples: Sequence[TrainingExample]) -> tuple[IntArray, IntArray]:
    """Inputs and targets [B, T], padded on the right. The target of a position is the token after it."""
    positions = max(len(example.token_ids) for example in examples) - 1
    inputs = np.zeros((len(examples), positions), np.int64)
    targets = np.full((len(examples), positions), UNTRAINED, np.int64)
    for row, example in enumerate(examples):
        length, start = len(example.token_ids) - 1, example.trained_from
        inputs[row, :length] = example.token_ids[:-1]
        targets[row, start - 1 : length] = example.token_ids[start:]
    return inputs, targets


def split_batch(batch: Sequence[TrainingExample]) -> list[list[TrainingExample]]:
    """Split a batch so that each piece stays within the bound; like lengths together, to pad little."""
    by_length = sorted(batch, key=lambda example: len(example.token_ids))
    longest = len(by_length[-1].token_ids)
    rows = max(1, _PIECE_SIZE // (longest * (longest + 1000)))
    return [by_length[start : start + rows] for start in range(0, len(batch), rows)]


def trained_tokens(examples: Sequence[TrainingExample]) -> int:
    """How many tokens the examples teach."""
    return sum(len(example.token_ids) - example.trained_from for example in examples)


def check_examples(config: ModelConfig, examples: Sequence[TrainingExample]) -> None:
    """Raise where a run on these examples would fail later.

    Raises:
        ValueError: there are none, or one is longer than the context, or holds an unknown token.
    """
    if not examples:
        raise ValueError("there are no examples to train on")
    limit = config.context_length
    for index, example in enumerate(examples):
        if len(example.token_ids) > limit:
            raise ValueError(f"example {index} has {len(example.token_ids)} tokens; the limit is {limit}")
        if not all(0 <= token < config.vocabulary_size for token in example.token_ids):
            raise ValueError(f"example {index} holds tokens that the model does not know")


def fingerprint(examples: Sequence[TrainingExample]) -> str:
    """SHA-256 of the examples in their order: changes whenever a batch would."""
    digest = hashlib.sha256()
    for example in examples:
        digest.update(repr((example.trained_from, tuple(example.token_ids))).encode())
    return digest.hexdigest()
