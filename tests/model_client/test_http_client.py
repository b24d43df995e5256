"""What a request to an endpoint carries."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version

import pytest

from charbench.components.endpoint import Endpoint, endpoint_at
from charbench.components.trust import TRUSTING
from charbench.errors import SamplingError
from charbench.model_client import prepared_requests
from charbench.model_client.http_client import HttpClient


@pytest.fixture(params=["this version", "no options", "no method"])
def client_version(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The openai client as it is installed, and as one that lacks names of its own which are used."""
    if request.param == "no options":
        monkeypatch.delattr("openai._models.FinalRequestOptions")
    elif request.param == "no method":
        monkeypatch.delattr(prepared_requests.PreparedClient, "_build_request")


@pytest.mark.usefixtures("client_version")
def test_requests_carry_the_body_as_it_is_and_nothing_about_this_machine() -> None:
    heads, bodies = asyncio.run(sent_to_a_server([{"model": "m", "text": "ä <|x|>"}, {"model": "n"}]))
    assert bodies == [{"model": "m", "text": "ä <|x|>"}, {"model": "n"}]
    for head in heads:
        lines = [line.lower() for line in head.splitlines()]
        assert lines[0] == "post /v1/chat/completions http/1.1"
        assert "content-type: application/json" in lines
        assert "authorization: bearer none" in lines
        assert f"user-agent: asyncopenai/python {version('openai')}" in lines
        told = [line for line in lines if line.startswith("x-stainless") and "retry-count" not in line]
        assert not told
        assert not any(line.startswith("idempotency-key") for line in lines)


@pytest.mark.usefixtures("client_version")
def test_a_redirected_request_arrives_with_its_body() -> None:
    heads, bodies = asyncio.run(answered([MOVED, FINE, FINE], [{"model": "m"}, {"model": "n"}]))
    assert [head.split(" ")[:2] for head in heads] == [["POST", path] for path in (PATH, "/elsewhere", PATH)]
    assert bodies == [{"model": "m"}, {"model": "m"}, {"model": "n"}]


@pytest.mark.usefixtures("client_version")
def test_a_request_that_is_redirected_to_another_host_takes_no_key_there(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask() -> tuple[list[str], list[str], list[object]]:
        async with a_server([FINE]) as (other, heads, bodies):
            moved = MOVED.replace(b"/elsewhere", b"http://127.0.0.1:%d/v1" % other)
            async with a_server([moved, FINE]) as (port, first, _):
                keyed = endpoint_at(
                    f"http://127.0.0.1:{port}/v1", "sampler x", api_key_env="A_KEY", default_env=None, trust=TRUSTING
                )
                client = HttpClient(keyed, 1_000)
                for number in range(2):
                    assert await client.post("/chat/completions", {"n": number}) == {}
                await client.aclose()
        return first, heads, bodies

    monkeypatch.setenv("A_KEY", "sk-secret")
    own, others, told = asyncio.run(ask())
    assert ["sk-secret" in head for head in own] == [True, True]
    assert [("sk-secret" in head, "authorization" in head.lower()) for head in others] == [(False, False)]
    assert told == [{"n": 0}]


@pytest.mark.usefixtures("client_version")
def test_cookies_are_sent_back_as_a_load_balancer_needs_them() -> None:
    heads, bodies = asyncio.run(answered([STICKY, FINE, FINE], [{"model": "m"}, {"model": "n"}, {"model": "o"}]))
    assert ["cookie: node=7" in head.lower() for head in heads] == [False, True, True]
    assert bodies == [{"model": "m"}, {"model": "n"}, {"model": "o"}]


@pytest.mark.usefixtures("client_version")
def test_a_proxy_of_the_environment_is_used_and_its_replies_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask() -> list[str]:
        async with a_server([FINE, LONG]) as (port, heads, _):
            monkeypatch.setenv("HTTP_PROXY", f"http://me:secret@127.0.0.1:{port}")
            monkeypatch.setenv("NO_PROXY", "")
            client = HttpClient(endpoint_of("http://models.invalid/v1"), 1_000)
            assert await client.post("/chat/completions", {}) == {}
            with pytest.raises(SamplingError, match="more than 1,000 bytes"):
                await client.post("/chat/completions", {})
            await client.aclose()
        return heads

    monkeypatch.delenv("no_proxy", raising=False)
    for head in asyncio.run(ask()):
        assert head.startswith("POST http://models.invalid/v1/chat/completions ")
        assert f"Proxy-Authorization: Basic {b64encode(b'me:secret').decode()}" in head


def test_a_server_that_does_not_speak_tls_is_no_connection_and_no_malformed_reply() -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(FINE)
        writer.close()

    async def ask() -> None:
        async with await asyncio.start_server(speak, "127.0.0.1", 0) as server:
            client = HttpClient(endpoint_of(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"), 1_000)
            with pytest.raises(SamplingError, match="no connection to") as caught:
                await client.post("/chat/completions", {})
            await client.aclose()
        assert caught.value.kind == "connection"
        assert caught.value.retryable
        assert " object at 0x" not in str(caught.value)

    asyncio.run(ask())


PATH = "/v1/chat/completions"
FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + b" " * 1_001
STICKY = b"HTTP/1.1 200 OK\r\nSet-Cookie: node=7; Path=/\r\nContent-Length: 2\r\n\r\n{}"
MOVED = b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"


async def answered(replies: Sequence[bytes], requests: Sequence[dict[str, str]]) -> tuple[list[str], list[object]]:
    """Send these requests to a server that gives these replies; return head and body of what it got."""
    async with a_server(replies) as (port, heads, bodies):
        client = HttpClient(endpoint(port), 1_000_000)
        for request in requests:
            assert await client.post("/chat/completions", request) == {}
        await client.aclose()
    return heads, bodies


@asynccontextmanager
async def a_server(replies: Sequence[bytes]) -> AsyncIterator[tuple[int, list[str], list[object]]]:
    """Yield the port of a server that gives one reply after the other, and the heads and bodies that it gets."""
    heads: list[str] = []
    bodies: list[object] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, asyncio.LimitOverrunError, UnicodeDecodeError):
            while len(heads) < len(replies):
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                heads.append(head)
                length = next(
                    int(line[15:]) for line in head.lower().splitlines() if line.startswith("content-length:")
                )
                bodies.append(json.loads(await reader.readexactly(length)))
                writer.write(replies[len(heads) - 1])
                await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1], heads, bodies


async def sent_to_a_server(requests: list[dict[str, str]]) -> tuple[list[str], list[object]]:
    """Return head and body of each request as a server got it."""
    heads: list[str] = []
    bodies: list[object] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        bodies.append(json.loads(await reader.readexactly(declared(head))))
        heads.append(head)
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        client = HttpClient(endpoint(server.sockets[0].getsockname()[1]), 1_000_000)
        for request in requests:
            assert await client.post("/chat/completions", request) == {}
        await client.aclose()
    return heads, bodies


def declared(head: str) -> int:
    return next(int(line[15:]) for line in head.lower().splitlines() if line.startswith("content-length:"))


def endpoint(port: int) -> Endpoint:
    return endpoint_of(f"http://127.0.0.1:{port}/v1")


def endpoint_of(url: str) -> Endpoint:
    return endpoint_at(url, "sampler x", api_key_env=None, default_env=None, trust=TRUSTING)
