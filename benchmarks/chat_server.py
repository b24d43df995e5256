"""An OpenAI-compatible endpoint on loopback, in a process of its own: it answers after 50 ms and notes what came.

    with serving() as server:
        server.url                 # http://127.0.0.1:PORT/v1
        server.forget()            # what comes from here on is counted
        server.seen()              # requests, prompts, most in flight, seconds between first request and last answer

Its processor time is nobody's: whoever is measured is measured as a process apart from it.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

LATENCY = 0.05
RESPONSE = (
    "Arr, a fair day it was, matey: the wind stood from the west, and we made eight knots under full sail. The cook "
    "had a cask of salted herring left, so nobody went hungry, and at dusk we sang on the deck till the stars came out."
)
ANSWER = (
    "<think>\nThe user asks about a day at sea. I should answer as a sailor would, with the weather first, and say "
    f"what was for dinner. Two or three sentences will do.\n</think>\n\n{RESPONSE}"
)
_NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def prompt(number: int) -> str:
    """Return the ``number``-th prompt."""
    return f"What did you see on day {number} of the voyage, and what did you make of it?"


@dataclass(frozen=True)
class Seen:
    """What the server was asked since it last forgot."""

    requests: int
    prompts: int
    """Different last messages."""
    in_flight: int
    """Most requests that waited for their answer at one time."""
    seconds: float
    """From the first request to the last answer."""
    middle_per_second: float
    """Answers a second between the first quarter of the answers and the last: neither start nor end."""
    settings: list[dict[str, Any]]
    """The different bodies, without their messages."""


@dataclass(frozen=True)
class Server:
    """A running server."""

    url: str

    def forget(self) -> None:
        """Count from here on."""
        _NO_PROXY.open(f"{self.url}/forget", timeout=60).close()

    def seen(self) -> Seen:
        """Return what was asked since."""
        with _NO_PROXY.open(f"{self.url}/seen", timeout=60) as reply:
            return Seen(**json.load(reply))


@contextmanager
def serving(latency: float = LATENCY) -> Iterator[Server]:
    """Serve in a process of its own while the block runs."""
    process = subprocess.Popen([sys.executable, __file__, str(latency)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield Server(f"http://127.0.0.1:{int(process.stdout.readline())}/v1")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _framed(content: bytes, status: str = "200 OK") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + content


class _Notes:
    """What came; bodies are read only when somebody asks for them, so that serving stays quick."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.now = self.most = 0
        self.first = 0.0
        self.ends: list[float] = []

    def begin(self, body: bytes) -> None:
        self.first = self.first or time.monotonic()
        self.bodies.append(body)
        self.now += 1
        self.most = max(self.most, self.now)

    def end(self) -> None:
        self.now -= 1
        self.ends.append(time.monotonic())

    def as_json(self) -> bytes:
        asked = [json.loads(body) for body in self.bodies]
        prompts = {json.dumps(one["messages"][-1]["content"]) for one in asked}
        ends = self.ends or [self.first]
        quarter, rest = len(ends) // 4, (3 * len(ends)) // 4
        middle = ends[rest] - ends[quarter] if len(ends) > 3 else 0.0
        settings = {json.dumps({name: value for name, value in one.items() if name != "messages"}) for one in asked}
        return json.dumps({
            "requests": len(asked), "prompts": len(prompts), "in_flight": self.most,
            "seconds": max(0.0, ends[-1] - self.first),
            "middle_per_second": (rest - quarter) / middle if middle > 0 else 0.0,
            "settings": [json.loads(one) for one in sorted(settings)],
        }).encode()  # fmt: skip


async def serve(latency: float) -> None:
    """Answer every chat completion after ``latency`` seconds; print the port."""
    message = {"role": "assistant", "content": ANSWER}
    answer = _framed(json.dumps({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 20, "completion_tokens": 110, "total_tokens": 130},
    }).encode())  # fmt: skip
    loop = asyncio.get_running_loop()
    notes = _Notes()

    class Connection(asyncio.Protocol):
        """HTTP/1.1 as far as a benchmark needs it: one request at a time, kept alive."""

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            self.transport = transport
            self.waiting = b""

        def data_received(self, data: bytes) -> None:
            nonlocal notes
            self.waiting += data
            while b"\r\n\r\n" in self.waiting:
                head, _, rest = self.waiting.partition(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
                if len(rest) < length:
                    return
                self.waiting = rest[length:]
                if head.startswith(b"POST"):
                    notes.begin(rest[:length])
                    loop.call_later(latency, self.answer)
                elif head.startswith(b"GET /v1/seen "):
                    self.transport.write(_framed(notes.as_json()))
                elif head.startswith(b"GET /v1/forget "):
                    notes = _Notes()
                    self.transport.write(_framed(b"{}"))
                else:
                    self.transport.write(_framed(b"{}", "404 Not Found"))

        def answer(self) -> None:
            notes.end()
            if not self.transport.is_closing():
                self.transport.write(answer)

    server = await loop.create_server(Connection, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    import resource

    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    asyncio.run(serve(float(sys.argv[1])))
