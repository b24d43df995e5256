"""The whole network, for training: logits, and the loss with the gradients of the adapter's factors."""

from __future__ import annotations

import numpy as np

from .arrays import FloatArray, IntArray
from .attention import Rotation, rotation_table
from .decoder_layer import AttentionBranchTrace, DecoderLayer, FeedForwardTrace
from .layers import AdaptedLinear, cross_entropy, rms_norm, rms_norm_backward
from .lora import LoraAdapter, LoraFactors
from .model import PROJECTIONS, TinyModel, projection_path

UNTRAINED = -100
"""The target of a position that is not trained on (PyTorch's number for it)."""


def logits(model: TinyModel, token_ids: IntArray, adapter: LoraAdapter | None = None) -> FloatArray:
    """The scores of every next token at every position, without any cache: [B, T] → [B, T, V].

    Sequences of different lengths are padded on the right: attention is causal, so padding is never seen.
    """
    hidden = model.embedding[token_ids]
    for layer in _decoder_layers(model, adapter, token_ids.shape[1]):
        hidden = hidden + layer.attention_branch(hidden)[0]
        hidden = hidden + layer.feed_forward_branch(hidden)[0]
    normed, _ = rms_norm(hidden, model.final_gain, model.config.rms_epsilon)
    scores: FloatArray = normed @ model.embedding.T
    return scores


def loss_and_gradients(
    model: TinyModel,
    adapter: LoraAdapter,
    inputs: IntArray,
    targets: IntArray,
    token_total: int | None = None,
) -> tuple[float, dict[str, LoraFactors]]:
    """Cross-entropy in nats per trained token, and its gradients by the adapter's projection paths.

    Args:
        inputs: [B, T], padded on the right.
        targets: [B, T]: the token that follows each input, or ``UNTRAINED``.
        token_total: divide by this instead of by the trained tokens of this batch; for a batch that is
            worked off in pieces, whose losses and gradients then simply add up.
    """
    layers = _decoder_layers(model, adapter, inputs.shape[1])
    traces: list[tuple[AttentionBranchTrace, FeedForwardTrace]] = []
    hidden = model.embedding[inputs]
    for layer in layers:
        added, attention_trace = layer.attention_branch(hidden)
        hidden = hidden + added
        added, feed_forward_trace = layer.feed_forward_branch(hidden)
        hidden = hidden + added
        traces.append((attention_trace, feed_forward_trace))
    loss, gradient = _output_loss(model, hidden, targets, token_total)
    gradients: dict[str, LoraFactors] = {}
    for layer, (attention_trace, feed_forward_trace) in zip(layers[::-1], traces[::-1], strict=True):
        # A residual branch adds to the stream, so its gradient adds to the stream's.
        gradient = gradient + layer.feed_forward_branch_backward(gradient, feed_forward_trace, gradients)
        gradient = gradient + layer.attention_branch_backward(gradient, attention_trace, gradients)
    return loss, gradients


def _output_loss(
    model: TinyModel, hidden: FloatArray, targets: IntArray, token_total: int | None
) -> tuple[float, FloatArray]:
    """The loss, and its gradient at the last layer's output: [B, T, D]. Only trained positions are scored."""
    normed, trace = rms_norm(hidden, model.final_gain, model.config.rms_epsilon)
    trained = targets != UNTRAINED
    total = token_total or max(1, int(trained.sum()))
    loss, scores_gradient = cross_entropy(normed[trained] @ model.embedding.T, targets[trained])
    normed_gradient = np.zeros_like(normed)
    normed_gradient[trained] = scores_gradient @ model.embedding / total
    return loss / total, rms_norm_backward(normed_gradient, trace)


def _decoder_layers(model: TinyModel, adapter: LoraAdapter | None, positions: int) -> list[DecoderLayer]:
    if positions > model.config.context_length:
        raise ValueError(f"{positions} tokens do not fit the model's {model.config.context_length} positions")
    table = rotation_table(model.config)
    rotation = Rotation(table.cos[:positions], table.sin[:positions])
    scale = 0.0 if adapter is None else adapter.scale
    layers = []
    for index in range(model.config.layer_count):
        projections = []
        for name in PROJECTIONS:
            path = projection_path(index, name)
            factors = None if adapter is None else adapter.factors.get(path)
            projections.append(AdaptedLinear(path, model.projection(index, name), factors, scale))
        layers.append(DecoderLayer(model, index, tuple(projections), rotation))
    return layers
