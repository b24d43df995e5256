"""One layer of the network, forward and backward.

It is Qwen3's: two residual branches, each behind an RMSNorm, and a further RMSNorm on every query and key
head before the rotation. What a branch computes is *added* to the residual stream h:

    h ← h + O · attend(rotate(norm(Q n)), rotate(norm(K n)), V n)      n = norm(h)
    h ← h + down · (silu(gate · n) · (up · n))                         n = norm(h)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from .arrays import FloatArray
from .attention import (
    AttentionTrace,
    Rotation,
    attend,
    attend_backward,
    join_heads,
    rotate,
    rotate_backward,
    split_heads,
)
from .layers import (
    AdaptedLinear,
    GateTrace,
    LinearTrace,
    NormTrace,
    gated_unit,
    gated_unit_backward,
    rms_norm,
    rms_norm_backward,
)
from .lora import LoraFactors
from .model import TinyModel


class AttentionBranchTrace(NamedTuple):
    """What the attention branch keeps for its backward pass, in the order of use."""

    norm: NormTrace
    query: LinearTrace
    key: LinearTrace
    value: LinearTrace
    query_norm: NormTrace
    key_norm: NormTrace
    attention: AttentionTrace
    output: LinearTrace


class FeedForwardTrace(NamedTuple):
    """What the feed-forward branch keeps for its backward pass, in the order of use."""

    norm: NormTrace
    gate: LinearTrace
    up: LinearTrace
    product: GateTrace
    down: LinearTrace


@dataclass(frozen=True, slots=True)
class DecoderLayer:
    """One layer with its seven projections; forward in two branches, and back through the same two."""

    model: TinyModel
    index: int
    projections: tuple[AdaptedLinear, ...]
    """In the order of ``PROJECTIONS``."""
    rotation: Rotation
    """[T, C]: the table, cut to the batch's length."""

    def attention_branch(self, hidden: FloatArray) -> tuple[FloatArray, AttentionBranchTrace]:
        """What attention adds to the residual stream: [B, T, D] → [B, T, D]."""
        config = self.model.config
        query, key, value, output, *_ = self.projections
        normed, norm_trace = self._norm(hidden, "input_layernorm")
        queries, query_trace = query.forward(normed)
        keys, key_trace = key.forward(normed)
        values, value_trace = value.forward(normed)
        query_heads, query_norm = self._norm(split_heads(queries, config.query_heads), "self_attn.q_norm")
        key_heads, key_norm = self._norm(split_heads(keys, config.key_value_heads), "self_attn.k_norm")
        mixed, attention_trace = attend(
            rotate(query_heads, self.rotation),
            rotate(key_heads, self.rotation),
            split_heads(values, config.key_value_heads),
        )
        added, output_trace = output.forward(join_heads(mixed))
        linears = (query_trace, key_trace, value_trace)
        return added, AttentionBranchTrace(norm_trace, *linears, query_norm, key_norm, attention_trace, output_trace)

    def attention_branch_backward(
        self, gradient: FloatArray, trace: AttentionBranchTrace, gradients: dict[str, LoraFactors]
    ) -> FloatArray:
        """dL/dhidden through this branch alone; the factors' gradients go into ``gradients``."""
        query, key, value, output, *_ = self.projections
        mixed = output.backward(gradient, trace.output, gradients)
        queries, keys, values = attend_backward(split_heads(mixed, self.model.config.query_heads), trace.attention)
        queries = rms_norm_backward(rotate_backward(queries, self.rotation), trace.query_norm)
        keys = rms_norm_backward(rotate_backward(keys, self.rotation), trace.key_norm)
        normed = query.backward(join_heads(queries), trace.query, gradients)
        normed += key.backward(join_heads(keys), trace.key, gradients)
        normed += value.backward(join_heads(values), trace.value, gradients)
        return rms_norm_backward(normed, trace.norm)

    def feed_forward_branch(self, hidden: FloatArray) -> tuple[FloatArray, FeedForwardTrace]:
        """What the gated feed-forward network adds to the residual stream: [B, T, D] → [B, T, D]."""
        gate, up, down = self.projections[4:]
        normed, norm_trace = self._norm(hidden, "post_attention_layernorm")
        gates, gate_trace = gate.forward(normed)
        ups, up_trace = up.forward(normed)
        product, product_trace = gated_unit(gates, ups)
        added, down_trace = down.forward(product)
        return added, FeedForwardTrace(norm_trace, gate_trace, up_trace, product_trace, down_trace)

    def feed_forward_branch_backward(
        self, gradient: FloatArray, trace: FeedForwardTrace, gradients: dict[str, LoraFactors]
    ) -> FloatArray:
        """dL/dhidden through this branch alone."""
        gate, up, down = self.projections[4:]
        product = down.backward(gradient, trace.down, gradients)
        gates, ups = gated_unit_backward(product, trace.product)
        normed = gate.backward(gates, trace.gate, gradients) + up.backward(ups, trace.up, gradients)
        return rms_norm_backward(normed, trace.norm)

    def _norm(self, vectors: FloatArray, name: str) -> tuple[FloatArray, NormTrace]:
        return rms_norm(vectors, self.model.gain(self.index, name), self.model.config.rms_epsilon)
