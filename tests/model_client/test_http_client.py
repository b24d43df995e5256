"""What a request to an endpoint carries."""

from __future__ import annotations

import asyncio
import json

from charbench.components.endpoint import Endpoint, endpoint_at
from charbench.components.trust import TRUSTING
from charbench.model_client.http_client import HttpClient


def test_requests_carry_the_body_as_it_is_and_nothing_about_this_machine() -> None:
    heads, bodies = asyncio.run(sent_to_a_server([{"model": "m", "text": "ä <|x|>"}, {"model": "n"}]))
    assert bodies == [{"model": "m", "text": "ä <|x|>"}, {"model": "n"}]
    for head in heads:
        lines = [line.lower() for line in head.splitlines()]
        assert lines[0] == "post /v1/chat/completions http/1.1"
        assert "content-type: application/json" in lines
        assert "authorization: bearer none" in lines
        told = [line for line in lines if line.startswith("x-stainless") and "retry-count" not in line]
        assert not told
        assert not any(line.startswith("idempotency-key") for line in lines)


async def sent_to_a_server(requests: list[dict[str, str]]) -> tuple[list[str], list[object]]:
    """Return head and body of each request as a server got it."""
    heads: list[str] = []
    bodies: list[object] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(int(line[15:]) for line in head.lower().splitlines() if line.startswith("content-length:"))
        bodies.append(json.loads(await reader.readexactly(length)))
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


def endpoint(port: int) -> Endpoint:
    return endpoint_at(f"http://127.0.0.1:{port}/v1", "sampler x", api_key_env=None, default_env=None, trust=TRUSTING)
