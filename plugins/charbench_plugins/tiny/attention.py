"""Rotary positions and causal grouped-query attention, with their gradients."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from .arrays import FloatArray
from .model import ModelConfig

MASKED = -1e9
"""Added to the score of a position that must not be seen; its softmax is exactly 0 in float32."""


class Rotation(NamedTuple):
    """Cosine and sine of each position's angles: [T, C], or anything that broadcasts against [..., T, C]."""

    cos: FloatArray
    sin: FloatArray


@cache
def rotation_table(config: ModelConfig) -> Rotation:
    """The angles of every position: [context length, C].

    Channel i and channel i + C/2 form a pair, turned at position p by p · base^(-2i/C). Both halves of the
    table are the same, because a pair shares its angle. (Su et al. 2021, arXiv:2104.09864, in the layout
    that Hugging Face uses.)
    """
    exponents = np.arange(0, config.head_size, 2) / config.head_size
    angles = np.arange(config.context_length)[:, None] * config.rope_base**-exponents
    both_halves = np.concatenate([angles, angles], axis=-1)
    return Rotation(np.cos(both_halves).astype(np.float32), np.sin(both_halves).astype(np.float32))


def rotate(vectors: FloatArray, rotation: Rotation) -> FloatArray:
    """Turn each channel pair (a, b) by its position's angle: (a cos - b sin, b cos + a sin).

    The scalar product of a turned query and a turned key depends only on how far apart the two are.

    Args:
        vectors: [..., T, C].
    """
    half = vectors.shape[-1] // 2
    turned = vectors * rotation.cos
    turned[..., :half] -= vectors[..., half:] * rotation.sin[..., :half]
    turned[..., half:] += vectors[..., :half] * rotation.sin[..., half:]
    return turned


def rotate_backward(output_gradient: FloatArray, rotation: Rotation) -> FloatArray:
    """The transpose of ``rotate``. A rotation is orthogonal: its transpose turns back by the same angle."""
    return rotate(output_gradient, Rotation(rotation.cos, -rotation.sin))


def split_heads(vectors: FloatArray, heads: int) -> FloatArray:
    """[B, T, heads · C] → [B, heads, T, C]."""
    rows, positions, width = vectors.shape
    return vectors.reshape(rows, positions, heads, width // heads).transpose(0, 2, 1, 3)


def join_heads(vectors: FloatArray) -> FloatArray:
    """[B, heads, T, C] → [B, T, heads · C]: the inverse, and the transpose, of ``split_heads``."""
    rows, heads, positions, width = vectors.shape
    return vectors.transpose(0, 2, 1, 3).reshape(rows, positions, heads * width)


def softmax_in_place(scores: FloatArray) -> FloatArray:
    """Softmax over the last dimension; ``scores`` itself becomes the probabilities."""
    scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=-1, keepdims=True)
    return scores


class AttentionTrace(NamedTuple):
    """What ``attend_backward`` needs of ``attend``."""

    queries: FloatArray
    """[B, K, G·T, C]"""
    keys: FloatArray
    """[B, K, T, C]"""
    values: FloatArray
    """[B, K, T, C]"""
    probabilities: FloatArray
    """[B, K, G·T, T]"""


def attend(queries: FloatArray, keys: FloatArray, values: FloatArray) -> tuple[FloatArray, AttentionTrace]:
    """Causal attention: softmax(Q Kᵀ / √C + mask) V.

    Grouped: the G query heads of a group share one key-value head. Their queries are stacked along T, so
    that a group is one matrix product, and the backward pass sums over the group by itself.

    Args:
        queries: [B, H, T, C], already rotated; so are the keys.
        keys, values: [B, K, T, C].

    Returns:
        [B, H, T, C], and the trace.
    """
    rows, heads, positions, width = queries.shape
    group = heads // keys.shape[1]
    stacked = queries.reshape(rows, heads // group, group * positions, width)
    scores = stacked @ keys.swapaxes(-1, -2)
    scores *= width**-0.5
    mask = np.triu(np.full((positions, positions), MASKED, scores.dtype), k=1)  # later positions are hidden
    scores += np.tile(mask, (group, 1))
    probabilities = softmax_in_place(scores)
    mixed = (probabilities @ values).reshape(queries.shape)
    return mixed, AttentionTrace(stacked, keys, values, probabilities)


def attend_backward(output_gradient: FloatArray, trace: AttentionTrace) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(dL/dQ, dL/dK, dL/dV) of ``attend``, in the shapes of its arguments.

    With P = softmax(Z), O = P V and E = dL/dO:

        dL/dV = Pᵀ E     dL/dP = E Vᵀ     dL/dZ = P · (dL/dP - Σ_keys P · dL/dP)
        dL/dQ = dL/dZ K / √C              dL/dK = dL/dZᵀ Q / √C

    Masked positions have P = 0, hence no gradient.
    """
    queries, keys, values, probabilities = trace
    stacked_gradient = output_gradient.reshape(queries.shape)
    values_gradient = probabilities.swapaxes(-1, -2) @ stacked_gradient
    scores_gradient = stacked_gradient @ values.swapaxes(-1, -2)
    scores_gradient -= np.einsum("bkqs,bkqs->bkq", scores_gradient, probabilities)[..., None]
    scores_gradient *= probabilities
    scores_gradient *= queries.shape[-1] ** -0.5
    queries_gradient = (scores_gradient @ keys).reshape(output_gradient.shape)
    keys_gradient = scores_gradient.swapaxes(-1, -2) @ queries
    return queries_gradient, keys_gradient, values_gradient
