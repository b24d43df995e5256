"""From logits to the next token: temperature, nucleus, and the draw."""

from __future__ import annotations

import numpy as np

from .arrays import FloatArray, IntArray
from .attention import softmax_in_place


def choose_tokens(logits: FloatArray, draws: FloatArray, temperature: float, top_p: float) -> IntArray:
    """One token for each row.

    Args:
        logits: [B, V]; not changed.
        draws: [B], uniform in [0, 1): row b's draw alone decides row b's token.
        temperature: 0 takes the most probable token; below 1 sharpens, above 1 flattens.
        top_p: 1 allows every token; see ``cut_to_nucleus``.
    """
    if temperature == 0:
        most_probable: IntArray = np.argmax(logits, axis=-1)
        return most_probable
    probabilities = softmax_in_place(logits / temperature)
    if top_p < 1:
        cut_to_nucleus(probabilities, top_p)
    # Inverse transform: lay the probabilities end to end, and see into whose stretch the draw falls. Scaling
    # the draw by the total serves the cut nucleus, and a total that rounding has left below 1.
    ends = probabilities.cumsum(axis=-1)
    beyond = ends > draws[:, None] * ends[:, -1:].astype(np.float64)
    chosen: IntArray = np.argmax(beyond, axis=-1)
    return chosen


def cut_to_nucleus(probabilities: FloatArray, top_p: float) -> None:
    """Set to 0, in place, all but the fewest tokens whose probabilities add up to ``top_p``.

    (Holtzman et al. 2019, arXiv:1904.09751.) The most probable token always stays, and so does a token that
    is exactly as probable as the last one let in.
    """
    descending = -np.sort(-probabilities, axis=-1)
    before = descending.cumsum(axis=-1) - descending  # what the more probable tokens have together
    last = np.maximum((before < top_p).sum(axis=-1, keepdims=True) - 1, 0)
    probabilities[probabilities < np.take_along_axis(descending, last, axis=-1)] = 0


def log_probabilities(logits: FloatArray, tokens: IntArray) -> FloatArray:
    """Natural log-probability [B] of each row's token by the model itself: temperature 1, no nucleus."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    totals = np.log(np.exp(shifted).sum(axis=-1))
    result: FloatArray = shifted[np.arange(len(tokens)), tokens] - totals
    return result
