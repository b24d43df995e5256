"""The building blocks and their gradients: RMSNorm, SwiGLU, a linear map with LoRA, cross-entropy.

Each block is a pair. The forward function returns its output and a *trace*: what the backward function will
need again. The backward function takes dL/d(output), the gradient of the loss with respect to the block's
output, and returns dL/d(input). The frozen weights need no gradient of their own; only LoRA's factors do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .arrays import FloatArray, IntArray
from .lora import LoraFactors


class NormTrace(NamedTuple):
    """What ``rms_norm_backward`` needs of ``rms_norm``."""

    inputs: FloatArray
    inverse_rms: FloatArray
    gain: FloatArray


def rms_norm(inputs: FloatArray, gain: FloatArray, epsilon: float) -> tuple[FloatArray, NormTrace]:
    """Scale each vector to a root mean square of 1, then each channel by its gain.

        r = 1 / sqrt(mean(x²) + ε)        y = g · x · r

    Args:
        inputs: [..., n], normalised over the last dimension.
        gain: [n].
    """
    inverse_rms = 1.0 / np.sqrt(np.square(inputs).mean(axis=-1, keepdims=True) + epsilon)
    return inputs * inverse_rms * gain, NormTrace(inputs, inverse_rms, gain)


def rms_norm_backward(output_gradient: FloatArray, trace: NormTrace) -> FloatArray:
    """dL/dx of ``rms_norm``.

    x enters twice: directly, and through r, whose derivative is dr/dx = -r³ · x / n. With u = g · dL/dy:

        dL/dx = r · u  -  r³ · x · mean(u · x)
    """
    inputs, inverse_rms, gain = trace
    scaled = output_gradient * gain
    along_inputs = (scaled * inputs).mean(axis=-1, keepdims=True)
    gradient: FloatArray = inverse_rms * scaled - inputs * (inverse_rms**3 * along_inputs)
    return gradient


class GateTrace(NamedTuple):
    """What ``gated_unit_backward`` needs of ``gated_unit``."""

    gate: FloatArray
    sigmoid: FloatArray
    up: FloatArray


def gated_unit(gate: FloatArray, up: FloatArray) -> tuple[FloatArray, GateTrace]:
    """SwiGLU's inner part: ``silu(gate) · up`` with silu(x) = x · σ(x) and σ(x) = 1 / (1 + exp(-x))."""
    sigmoid = 1.0 / (1.0 + np.exp(-gate))
    return gate * sigmoid * up, GateTrace(gate, sigmoid, up)


def gated_unit_backward(output_gradient: FloatArray, trace: GateTrace) -> tuple[FloatArray, FloatArray]:
    """(dL/dgate, dL/dup), from silu'(x) = σ(x) · (1 + x · (1 - σ(x)))."""
    gate, sigmoid, up = trace
    gate_gradient = output_gradient * up * (sigmoid * (1.0 + gate * (1.0 - sigmoid)))
    return gate_gradient, output_gradient * (gate * sigmoid)


class LinearTrace(NamedTuple):
    """What ``AdaptedLinear.backward`` needs of ``AdaptedLinear.forward``."""

    inputs: FloatArray
    """[N, inputs], with all leading dimensions made one."""
    compressed: FloatArray | None
    """[N, R]: the inputs after LoRA's down-projection; None without an adapter."""


@dataclass(frozen=True, slots=True)
class AdaptedLinear:
    """A frozen linear map W, and the low-rank change that an adapter adds to it.

        y = x Wᵀ + s · (x Aᵀ) Bᵀ      A = ``factors.down`` [R, inputs], B = ``factors.up`` [outputs, R]

    ``scale`` is s = alpha / rank. ``factors`` is None where the adapter leaves this map alone.
    """

    path: str
    weight: FloatArray
    factors: LoraFactors | None
    scale: float

    def forward(self, inputs: FloatArray) -> tuple[FloatArray, LinearTrace]:
        """[..., inputs] → [..., outputs]."""
        flat = inputs.reshape(-1, inputs.shape[-1])  # one large product is faster than one for each row
        outputs = flat @ self.weight.T
        compressed = None
        if self.factors is not None:
            compressed = flat @ self.factors.down.T
            outputs += (compressed * self.scale) @ self.factors.up.T
        return outputs.reshape(*inputs.shape[:-1], -1), LinearTrace(flat, compressed)

    def backward(
        self, output_gradient: FloatArray, trace: LinearTrace, gradients: dict[str, LoraFactors]
    ) -> FloatArray:
        """dL/dx; the gradients of A and B go into ``gradients`` under this map's path.

        With e = dL/dy summed over all N positions, and c = x Aᵀ:

            dL/dB = s · eᵀ c       dL/dA = (s · e B)ᵀ x       dL/dx = e W + (s · e B) A
        """
        flat = output_gradient.reshape(-1, output_gradient.shape[-1])
        input_gradient = flat @ self.weight
        if self.factors is not None and trace.compressed is not None:
            compressed_gradient = (flat @ self.factors.up) * self.scale
            input_gradient += compressed_gradient @ self.factors.down
            gradients[self.path] = LoraFactors(
                down=compressed_gradient.T @ trace.inputs,
                up=(flat.T @ trace.compressed) * self.scale,
            )
        return input_gradient.reshape(*output_gradient.shape[:-1], -1)


def cross_entropy(logits: FloatArray, targets: IntArray) -> tuple[float, FloatArray]:
    """Summed surprise of the right tokens, and its gradient.

        L = -Σ log p(target)     p = softmax(z)     dL/dz = p - onehot(target)

    Args:
        logits: [N, V]; overwritten, because it is the largest array of a training step.
        targets: [N].

    Returns:
        The sum over N (not the mean) in nats, and dL/dlogits [N, V].
    """
    rows = np.arange(len(targets))
    logits -= logits.max(axis=-1, keepdims=True)  # softmax ignores a shift, and exp() cannot overflow now
    target_logits = logits[rows, targets]
    exponentials = np.exp(logits, out=logits)
    totals = exponentials.sum(axis=-1, keepdims=True)
    loss = float((np.log(totals[:, 0]) - target_logits).sum())
    gradient = exponentials
    gradient /= totals
    gradient[rows, targets] -= 1.0
    return loss, gradient
