"""An OpenAI-compatible endpoint on loopback that counts what it is asked, and fails in the way it is told to.

For counting and for faults only: how real servers answer is tested against real servers, in ``tests/peers``.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

Body = dict[str, Any]
Handler = Callable[[web.Request, Body], Coroutine[Any, Any, web.StreamResponse]]
SPOKEN = "<think>\nThey want a sailor.\n</think>\n\nAhoy, matey! I sail at dawn."


def choice(text: str | None = SPOKEN, finish: str = "stop", **message: Any) -> dict[str, Any]:
    """Return one choice of a chat completion."""
    return {"index": 0, "message": {"role": "assistant", "content": text, **message}, "finish_reason": finish}


def completion(*choices: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a chat completion; a good one where no choices are given."""
    usage = {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}
    return {"id": "c", "object": "chat.completion", "choices": list(choices) or [choice()], "usage": usage, **more}


async def answers(request: web.Request, body: Body) -> web.StreamResponse:
    """Answer in character."""
    return web.json_response(completion())


def says(answer: Any, status: int = 200, **headers: str) -> Handler:
    """Return a handler that sends this JSON (or, where it is text or bytes, just that)."""

    async def handle(request: web.Request, body: Body) -> web.StreamResponse:
        raw = answer if isinstance(answer, bytes) else answer.encode() if isinstance(answer, str) else None
        content = json.dumps(answer).encode() if raw is None else raw
        return web.Response(body=content, status=status, headers=headers, content_type="application/json")

    return handle


def refuses(status: int, message: str = "no", **headers: str) -> Handler:
    """Return a handler that answers with an error as OpenAI writes it."""
    return says({"error": {"message": message, "type": "error"}}, status, **headers)


async def resets(request: web.Request, body: Body) -> web.StreamResponse:
    """Cut the connection in the middle of the answer."""
    return await _part(request, completion(), abort=True)


async def ends_early(request: web.Request, body: Body) -> web.StreamResponse:
    """Send less than Content-Length promises, and close in good order."""
    return await _part(request, completion(), abort=False)


async def _part(request: web.Request, answer: Any, *, abort: bool) -> web.StreamResponse:
    content = json.dumps(answer).encode()
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(content))})
    await response.prepare(request)
    await response.write(content[: len(content) // 2])
    transport = request.transport
    assert transport is not None
    transport.abort() if abort else transport.close()
    return response


def sends_raw(content: bytes) -> Handler:
    """Return a handler that writes just these bytes to the connection, whether or not they are HTTP, and closes it."""

    async def handle(request: web.Request, body: Body) -> web.StreamResponse:
        transport = request.transport
        assert transport is not None
        transport.write(content)  # type: ignore[attr-defined]
        transport.close()
        raise asyncio.CancelledError

    return handle


def chunked(content: bytes) -> bytes:
    """Return a reply whose body, in chunks, is ``content`` as it stands."""
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" + content


def squeezed(content: bytes, encoding: str = "gzip") -> Handler:
    """Return a handler that sends this content as compressed by ``encoding``."""
    return says(content, **{"Content-Encoding": encoding})


async def is_silent(request: web.Request, body: Body) -> web.StreamResponse:
    """Never answer."""
    await asyncio.Event().wait()
    raise AssertionError


async def trickles(request: web.Request, body: Body) -> web.StreamResponse:
    """Send the answer's head, and a space now and then for ever."""
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "100000"})
    await response.prepare(request)
    while True:
        await response.write(b" ")
        await asyncio.sleep(0.02)


def first(times: int, fault: Handler, then: Handler = answers) -> Handler:
    """Return a handler that fails the first ``times`` requests of each question, and answers the rest."""
    seen: Counter[str] = Counter()

    async def handle(request: web.Request, body: Body) -> web.StreamResponse:
        seen[question(body)] += 1
        return await (fault if seen[question(body)] <= times else then)(request, body)

    return handle


def question(body: Body) -> str:
    """Return what makes a request the same question: model, prompt and seed."""
    return json.dumps([body.get("model"), body.get("messages") or body.get("prompt"), body.get("seed")])


@dataclass
class Endpoint:
    """The server: ``handler`` says what it does now, ``requests`` what it was asked."""

    handler: Handler = answers
    models: Any = None
    """What it lists at /models; None: it has no such path."""
    requests: list[Body] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    """The ``Authorization`` of each time that the models were listed."""
    url: str = ""
    most_at_once: int = 0
    _at_once: int = 0
    _news: threading.Condition = field(default_factory=threading.Condition)

    @property
    def count(self) -> int:
        """How many requests have come."""
        return len(self.requests)

    @property
    def asked(self) -> Counter[str]:
        """How often each question was asked."""
        return Counter(question(body) for body in self.requests)

    def forget(self) -> None:
        """Start counting anew."""
        self.requests.clear()
        self.paths.clear()

    def wait_for(self, count: int, gone: Callable[[], bool] = lambda: False) -> bool:
        """Wait until so many requests have come; False if ``gone()`` says that no more will come."""
        with self._news:
            while self.count < count:
                if not self._news.wait(timeout=0.2) and gone():
                    return False
        return True

    async def list_models(self, request: web.Request) -> web.StreamResponse:
        """List the models, which is no request that counts."""
        self.keys.append(request.headers.get("Authorization", ""))
        if self.models is None:
            return web.json_response({"error": {"message": "Not Found"}}, status=404)
        return web.json_response(self.models) if self.models != "no JSON" else web.Response(text="no JSON")

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Count a request, and do what the handler says."""
        body = await request.json()
        with self._news:
            self.requests.append(body)
            self.paths.append(request.path)
            self._news.notify_all()
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            return await self.handler(request, body)
        finally:
            self._at_once -= 1


class Held:
    """An endpoint that holds its answers back after the first few, until it is let go on."""

    def __init__(self, endpoint: Endpoint, after: int) -> None:
        self.endpoint, self.after, self.go_on = endpoint, after, threading.Event()
        endpoint.handler = self._handle

    async def _handle(self, request: web.Request, body: Body) -> web.StreamResponse:
        if self.endpoint.count > self.after:
            await asyncio.to_thread(self.go_on.wait, 300)
        return await answers(request, body)


@contextmanager
def serving(endpoint: Endpoint) -> Iterator[Endpoint]:
    """Serve in a thread of its own while the block runs."""
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    stop = asyncio.Event()

    async def serve() -> None:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", endpoint.handle)
        app.router.add_post("/v1/completions", endpoint.handle)
        app.router.add_get("/v1/models", endpoint.list_models)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        endpoint.url = f"http://{host}:{port}/v1"
        ready.set()
        await stop.wait()
        await runner.cleanup()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert ready.wait(timeout=30)
    try:
        yield endpoint
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(timeout=30)
        loop.close()


def options(endpoint: Endpoint, **values: Any) -> list[str]:
    """Return the ``-o`` words that point sampler ``thinking`` at an endpoint; it never waits long."""
    given = {"base_url": endpoint.url, "timeout": 20, **values}
    return [word for name, value in given.items() for word in ("-o", f"sampler.thinking.{name}={json.dumps(value)}")]


def write_prompts(path: Path, count: int) -> Path:
    """Write a file of numbered prompts."""
    path.write_text("".join(f"What of day {number}?\n" for number in range(count)), encoding="utf-8")
    return path
