"""Certificates of the authorities that say who a server is, read when a connection first needs them.

aiohttp reads the system's twice when it is imported, for contexts of its own that few programs use: 50 ms of processor
time. Nothing is trusted that would not be otherwise: a context reads its certificates before its first connection.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_READ = "set_default_verify_paths"
_reading = threading.Lock()


@contextmanager
def certificates_when_needed() -> Iterator[None]:
    """Let contexts that this thread makes in the block read the system's certificates later.

    Where another package has put its own way of reading them into :mod:`ssl`, they are read as ever.
    """
    if ssl.SSLContext.__module__ != "ssl" or _READ in vars(ssl.SSLContext):
        yield
        return
    waiting: list[ssl.SSLContext] = []
    here, read_now = threading.get_ident(), ssl.SSLContext.set_default_verify_paths

    def read_later(context: ssl.SSLContext) -> None:
        if type(context) is ssl.SSLContext and threading.get_ident() == here:
            waiting.append(context)
        else:
            read_now(context)

    setattr(ssl.SSLContext, _READ, read_later)
    try:
        yield
    finally:
        delattr(ssl.SSLContext, _READ)
        for context in waiting:
            context.__class__ = _Waiting


class _Waiting(ssl.SSLContext):
    """A context that reads the certificates before anybody connects with it or looks at them, and is as others then."""

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        _be_ready(self)
        return self.wrap_bio(*args, **kwargs)

    def wrap_socket(self, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        _be_ready(self)
        return self.wrap_socket(*args, **kwargs)

    def get_ca_certs(self, *args: Any, **kwargs: Any) -> Any:
        _be_ready(self)
        return self.get_ca_certs(*args, **kwargs)

    def cert_store_stats(self) -> dict[str, int]:
        _be_ready(self)
        return self.cert_store_stats()


def _be_ready(context: ssl.SSLContext) -> None:
    with _reading:
        if type(context) is _Waiting:
            context.set_default_verify_paths()
            context.__class__ = ssl.SSLContext  # type: ignore[assignment]
