"""Linear algebra on one thread: on tables of a few hundred rows more threads only wait for each other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limit the linear algebra of the calls inside to one thread: up to twenty times faster on a busy machine."""
    if os.environ.get("OMP_NUM_THREADS") == "1":  # it is so already, and looking for libraries takes 10 ms
        yield
        return
    import scipy.linalg  # type: ignore[import-untyped]  # noqa: F401 - brings a BLAS of its own, to be limited too
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with threadpool_limits(1, "blas"):
        yield
