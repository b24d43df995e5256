"""``charbench view`` in a process of its own, and what a browser would ask it."""

from __future__ import annotations

import http.client
import json
import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from support.command import finish, start


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    text: str


@dataclass(frozen=True, slots=True)
class View:
    """A running view; ``address`` is what it printed."""

    address: str

    @property
    def port(self) -> int:
        port = urlsplit(self.address).port
        assert port is not None
        return port

    def get(self, page: str = "", *, path: str | None = None, method: str = "GET", host: str | None = None) -> Answer:
        """Ask for a page, or for any path of the server."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            headers = {"Host": host} if host else {}
            connection.request(method, urlsplit(self.address).path + page if path is None else path, headers=headers)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read().decode())
        finally:
            connection.close()

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield what goes on in the store, as the page ``live`` is told it."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", urlsplit(self.address).path + "events")
            response = connection.getresponse()
            assert response.headers["content-type"].startswith("text/event-stream")
            while line := response.readline():
                if line.startswith(b"data: "):
                    yield json.loads(line.removeprefix(b"data: "))
        finally:
            connection.close()


@contextmanager
def viewing(lab: Path, *options: str) -> Iterator[View]:
    """Start the command, and stop it as Ctrl-C does: it must then end with 0 and say nothing but that."""
    process = start("view", "--no-open", *options, lab=lab)
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], 120)
    line = process.stdout.readline().strip() if ready else ""
    try:
        assert line.startswith("http://127.0.0.1:"), finish(process).err if process.poll() is not None else line
        yield View(line)
    finally:
        os.kill(process.pid, signal.SIGINT)
        ended = finish(process, timeout=60)
    assert ended.code == 0, ended.err
    assert "Traceback" not in ended.err
    assert ended.err.rstrip().endswith("Stopped.")
