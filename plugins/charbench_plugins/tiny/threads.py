"""One thread for the matrix products: they are so small that a second one makes them three times slower."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache

from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]


def one_blas_thread() -> AbstractContextManager[object]:
    """While it is entered, numpy's BLAS uses one thread; afterwards as many as before. Process-wide."""
    limiter: AbstractContextManager[object] = _controller().limit(limits=1, user_api="blas")
    return limiter


@cache
def _controller() -> ThreadpoolController:
    # Kept, because making one looks through every library the process has loaded.
    return ThreadpoolController()
