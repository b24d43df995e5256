"""The array types, and the letters that name their dimensions in every docstring of this package.

====  =====================================================================
B     rows of a batch (sequences)
T     positions of a sequence (in training: inputs; in decoding: new tokens)
S     positions in the key-value cache (earlier tokens and new ones)
D     hidden size, the width of the residual stream
F     feed-forward size
H     query heads
K     key-value heads; each serves G = H / K query heads
C     head size (channels of one head)
R     rank of a LoRA adapter
V     vocabulary size
====  =====================================================================
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.floating[Any]]
"""float32 in use; float64 passes through unchanged, which the finite-difference tests rely on."""

IntArray: TypeAlias = NDArray[np.integer[Any]]
BoolArray: TypeAlias = NDArray[np.bool_]
