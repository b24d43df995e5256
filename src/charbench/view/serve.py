"""Serves an application on this machine alone, until Ctrl-C."""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from charbench.errors import UsageError

ADDRESS = "127.0.0.1"
_GRACE = 1
"""Seconds that open requests may take after Ctrl-C."""


def listen(port: int) -> socket.socket:
    """Return a socket that listens on this machine; 0 takes any port that is free.

    Raises :class:`UsageError` where the port cannot be had.
    """
    try:
        return socket.create_server((ADDRESS, port))
    except OSError as error:
        why = "another program uses it" if error.errno == errno.EADDRINUSE else error.strerror or str(error)
        raise UsageError(f"option --port: {port}: {why}; name another port, or 0 for any that is free") from None


def serve(app: Any, listening: socket.socket, ending: Callable[[], None]) -> None:
    """Serve until a SIGINT or SIGTERM, and call ``ending`` at that moment: what streams must stop by itself."""
    import uvicorn

    class Server(uvicorn.Server):
        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            """Stop at a signal, as uvicorn does, and do not raise it again: it is the way to end this command."""

            def stop(number: int, frame: FrameType | None) -> None:
                self.handle_exit(number, frame)
                ending()

            before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
            try:
                yield
            finally:
                for number, handler in before.items():
                    signal.signal(number, handler)

    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", ws="none", server_header=False,
        timeout_graceful_shutdown=_GRACE,
    )  # fmt: skip
    with listening:
        asyncio.run(Server(config).serve([listening]))
