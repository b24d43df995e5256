"""``charbench view`` in a process of its own, and what a browser would ask it."""

from __future__ import annotations

import asyncio
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
from urllib.parse import unquote, urlsplit

from charbench.cli.view import application
from charbench.config.loading import load_config
from charbench.run.session import Session
from support.command import finish, start


@dataclass(frozen=True, slots=True)
class Answer:
    """``headers`` by their names in small letters."""

    status: int
    headers: dict[str, str]
    text: str


@dataclass(frozen=True, slots=True)
class App:
    """The view's application in this process, without a server: what it answers is what a browser would get."""

    app: Any
    token: str

    def get(
        self, page: str = "", *, path: str | None = None, method: str = "GET", host: str = "127.0.0.1:80"
    ) -> Answer:
        """Ask for a page, or for any path."""
        asked, _, query = (f"/{self.token}/{page}" if path is None else path).partition("?")
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
            "path": unquote(asked), "raw_path": asked.encode(), "query_string": query.encode(), "root_path": "",
            "headers": [(b"host", host.encode())], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
        }  # fmt: skip
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        asyncio.run(self.app(scope, receive, send))
        headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        text = b"".join(one.get("body", b"") for one in sent[1:]).decode()
        return Answer(sent[0]["status"], headers, text)


@contextmanager
def app_of(lab: Path) -> Iterator[App]:
    """Yield the application of a lab's store."""
    session = Session(load_config({"lab": lab}, (), {}, None))
    app, end = application(session, (), "token")
    yield App(app, "token")
    end()
    session.close()


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
            asked = urlsplit(self.address).path + page if path is None else path
            connection.request(method, asked, headers={"Host": host} if host else {})
            response = connection.getresponse()
            headers = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, headers, response.read().decode())
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
