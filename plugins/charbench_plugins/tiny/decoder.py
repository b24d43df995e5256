"""The forward pass for sampling: a few tokens at a time, with everything before them in a cache.

It computes the same as ``transformer.logits``, arranged for speed: LoRA's factors are merged into the
weights, projections with the same input are one product, and each RMSNorm's gain is folded into the weights
behind it (W (g · x) = (W · g) x). Rows are padded on the left, so that all of them get their next token at
the same place.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .arrays import FloatArray, IntArray
from .attention import MASKED, Rotation, rotate, rotation_table, softmax_in_place
from .lora import LoraAdapter
from .model import ModelConfig, TinyModel, projection_path

_GROWTH = 64
"""Positions by which the cache grows: few enough to waste little, many enough to copy rarely."""


class KeyValueCache:
    """The keys and values of all positions so far, one pair of arrays [B, K, room, C] for each layer."""

    def __init__(self, config: ModelConfig, padding: IntArray, room: int) -> None:
        """
        Args:
            padding: [B]: how many positions on the left of each row are padding.
            room: positions to make room for now; ``ensure_room`` adds more.
        """
        shape = (len(padding), config.key_value_heads, room, config.head_size)
        self.keys = [np.zeros(shape, np.float32) for _ in range(config.layer_count)]
        self.values = [np.zeros(shape, np.float32) for _ in range(config.layer_count)]
        self.padding = padding
        self.length = 0
        """Positions that are filled; the same for all rows."""

    def ensure_room(self, positions: int) -> None:
        """Grow, one array at a time, where ``positions`` more do not fit."""
        room = self.keys[0].shape[2]
        if self.length + positions > room:
            grown = self.length + max(positions, _GROWTH)
            for arrays in (self.keys, self.values):
                for layer, array in enumerate(arrays):
                    rows, heads, _, width = array.shape
                    larger = np.zeros((rows, heads, grown, width), array.dtype)
                    larger[:, :, : self.length] = array[:, :, : self.length]
                    arrays[layer] = larger

    def keep(self, rows: IntArray) -> None:
        """Drop all rows but these."""
        self.padding = self.padding[rows]
        for arrays in (self.keys, self.values):
            for layer, array in enumerate(arrays):
                arrays[layer] = array[rows]

    def copy_rows(self, source: KeyValueCache, source_rows: IntArray, rows: IntArray) -> None:
        """Fill rows of this cache from another one that has seen as many positions."""
        self.length = length = source.length
        for mine, theirs in ((self.keys, source.keys), (self.values, source.values)):
            for target, array in zip(mine, theirs, strict=True):
                target[rows, :, :length] = array[source_rows, :, :length]


@dataclass(frozen=True, slots=True)
class _FusedLayer:
    """One layer's weights, transposed to [inputs, outputs] and with the gains folded in."""

    query_key_value: FloatArray
    """[D, (H + 2K) · C]"""
    head_gain: FloatArray
    """[H + K, 1, C]: the gains of the query and key norms; the queries' hold attention's 1/√C as well."""
    output: FloatArray
    """[H · C, D]"""
    gate_up: FloatArray
    """[D, 2F]"""
    down: FloatArray
    """[F, D]"""


class Decoder:
    """The merged model, ready to extend caches. Making one takes milliseconds."""

    def __init__(self, model: TinyModel, adapter: LoraAdapter | None = None) -> None:
        if adapter is not None:
            adapter.check_fits(model)
        self.config = model.config
        self._embedding = model.embedding
        self._unembedding = np.ascontiguousarray((model.embedding * model.final_gain).T)
        self._rotation = rotation_table(model.config)
        self._layers = [_fuse(model, adapter, index) for index in range(model.config.layer_count)]

    def next_logits(self, token_ids: IntArray, cache: KeyValueCache) -> FloatArray:
        """Extend the cache by some tokens, and score what follows the last: [B, T] → [B, V].

        Args:
            token_ids: the prompt on the first call, padded on the left; then the newly chosen tokens [B, 1].
        """
        positions = token_ids.shape[1]
        cache.ensure_room(positions)
        rotation, mask = self._rotation_of(cache, positions), _mask(cache, positions)
        hidden = self._embedding[token_ids]
        for index, layer in enumerate(self._layers):
            hidden += self._attention(layer, index, hidden, cache, rotation, mask)
            gate, up = np.split(_product(self._normalised(hidden), layer.gate_up), 2, axis=-1)
            hidden += _product(gate / (1.0 + np.exp(-gate)) * up, layer.down)
        cache.length += positions
        scores: FloatArray = self._normalised(hidden[:, -1]) @ self._unembedding
        return scores

    def _attention(
        self,
        layer: _FusedLayer,
        index: int,
        hidden: FloatArray,
        cache: KeyValueCache,
        rotation: Rotation,
        mask: FloatArray | None,
    ) -> FloatArray:
        """What the attention branch of one layer adds: [B, T, D]; new keys and values go into the cache."""
        config = self.config
        rows, new, _ = hidden.shape
        heads, shared, width = config.query_heads, config.key_value_heads, config.head_size
        packed = _product(self._normalised(hidden), layer.query_key_value)
        packed = packed.reshape(rows, new, -1, width).transpose(0, 2, 1, 3)  # [B, H + 2K, T, C]
        turned = rotate(self._normalised(packed[:, : heads + shared]) * layer.head_gain, rotation)
        start, end = cache.length, cache.length + new
        cache.keys[index][:, :, start:end] = turned[:, heads:]
        cache.values[index][:, :, start:end] = packed[:, heads + shared :]
        queries = turned[:, :heads].reshape(rows, shared, -1, width)  # [B, K, G·T, C], as in ``attend``
        scores = queries @ cache.keys[index][:, :, :end].swapaxes(-1, -2)
        if mask is not None:
            scores.reshape(rows, heads, new, end)[...] += mask
        mixed = softmax_in_place(scores) @ cache.values[index][:, :, :end]
        mixed = mixed.reshape(rows, heads, new, width).transpose(0, 2, 1, 3).reshape(rows, new, -1)
        return _product(mixed, layer.output)

    def _normalised(self, vectors: FloatArray) -> FloatArray:
        """RMSNorm without its gain, which the weights behind it hold."""
        mean_square = np.einsum("...n,...n->...", vectors, vectors)[..., None] / vectors.shape[-1]
        normalised: FloatArray = vectors / np.sqrt(mean_square + self.config.rms_epsilon)
        return normalised

    def _rotation_of(self, cache: KeyValueCache, positions: int) -> Rotation:
        """The angles of the new positions, [B, 1, T, C]; a row's first real token has position 0."""
        places = np.arange(cache.length, cache.length + positions) - cache.padding[:, None]
        places = np.maximum(places, 0)  # padding is never looked at, so any position will do
        return Rotation(self._rotation.cos[places][:, None], self._rotation.sin[places][:, None])


def _product(vectors: FloatArray, weight: FloatArray) -> FloatArray:
    """[B, T, n] times [n, m] as one matrix product; numpy would make one of each row, three times slower."""
    rows, positions, width = vectors.shape
    return (vectors.reshape(rows * positions, width) @ weight).reshape(rows, positions, -1)


def _mask(cache: KeyValueCache, positions: int) -> FloatArray | None:
    """[B, 1, T, S]: hides padding, and from each new token the later ones. None: nothing to hide."""
    if positions == 1 and not cache.padding.any():
        return None
    end = cache.length + positions
    seen, asking = np.arange(end), np.arange(cache.length, end)
    padding = seen < cache.padding[:, None, None]
    later = seen > asking[:, None]
    return np.where(padding | later, np.float32(MASKED), np.float32(0))[:, None]


def _fuse(model: TinyModel, adapter: LoraAdapter | None, index: int) -> _FusedLayer:
    def merged(name: str) -> FloatArray:
        weight = model.projection(index, name)
        return weight if adapter is None else adapter.merged(projection_path(index, name), weight)

    def side_by_side(names: list[str], gain: FloatArray) -> FloatArray:
        return np.ascontiguousarray((np.concatenate([merged(name) for name in names]) * gain).T)

    config = model.config
    query_gain = model.gain(index, "self_attn.q_norm") * config.head_size**-0.5
    key_gain = model.gain(index, "self_attn.k_norm")
    gains = [query_gain] * config.query_heads + [key_gain] * config.key_value_heads
    projections = [f"self_attn.{letter}_proj" for letter in "qkv"]
    return _FusedLayer(
        query_key_value=side_by_side(projections, model.gain(index, "input_layernorm")),
        head_gain=np.stack(gains)[:, None],
        output=np.ascontiguousarray(merged("self_attn.o_proj").T),
        gate_up=side_by_side(["mlp.gate_proj", "mlp.up_proj"], model.gain(index, "post_attention_layernorm")),
        down=np.ascontiguousarray(merged("mlp.down_proj").T),
    )
