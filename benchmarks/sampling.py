"""What sampling costs: CPU and memory of a whole ``charbench eval`` beside a bare loop over the openai client.

    python benchmarks/sampling.py [PROMPTS]

A server in a process of its own answers every chat completion after 50 ms. charbench asks it 10,000 prompts,
stores the samples, scores them with keywords and reports; the bare loop sends the same requests with the
openai client and the same transport (aiohttp), and throws the answers away. CPU is user and system time of the
whole process, its start included, divided by the samples. The bare loop runs before and after, and the mean of
the two is the measure, so that a change in the machine's load shows.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import CHARBENCH, tell

LATENCY = 0.05
TARGET = 1.5
ANSWER = (
    "<think>\nThe user asks about a day at sea. I should answer as a sailor would, with the weather first, and say "
    "what was for dinner. Two or three sentences will do.\n</think>\n\n"
    "Arr, a fair day it was, matey: the wind stood from the west, and we made eight knots under full sail. The cook "
    "had a cask of salted herring left, so nobody went hungry, and at dusk we sang on the deck till the stars came out."
)


async def serve() -> None:
    """Answer every chat completion after 50 ms; print the port."""
    content = json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": "m",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": ANSWER}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 20, "completion_tokens": 110, "total_tokens": 130},
        }
    ).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n".encode()
    loop = asyncio.get_running_loop()

    class Connection(asyncio.Protocol):
        """HTTP/1.1 as far as a benchmark needs it: one request at a time, kept alive."""

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            self.transport = transport
            self.waiting = b""

        def data_received(self, data: bytes) -> None:
            self.waiting += data
            while b"\r\n\r\n" in self.waiting:
                request_head, _, rest = self.waiting.partition(b"\r\n\r\n")
                length = int(request_head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
                if len(rest) < length:
                    return
                self.waiting = rest[length:]
                loop.call_later(LATENCY, self.answer)

        def answer(self) -> None:
            if not self.transport.is_closing():
                self.transport.write(head + content)

    server = await loop.create_server(Connection, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def ask_bare(url: str, prompts: int, at_once: int) -> None:
    """Send the requests that charbench sends, and throw the answers away."""
    from openai import AsyncOpenAI, DefaultAioHttpClient

    client = AsyncOpenAI(base_url=url, api_key="none", max_retries=0, http_client=DefaultAioHttpClient())
    numbers = iter(range(prompts))

    async def worker() -> None:
        for number in numbers:
            await client.chat.completions.create(
                model="m",
                messages=[{"role": "user", "content": prompt(number)}],
                max_tokens=2048,
                temperature=0.7,
                top_p=1.0,
            )

    await asyncio.gather(*(worker() for _ in range(at_once)))
    await client.close()


def prompt(number: int) -> str:
    """Return the ``number``-th prompt."""
    return f"What did you see on day {number} of the voyage, and what did you make of it?"


def cpu_of(*command: str) -> tuple[float, float, float]:
    """Run a command; return its CPU seconds (user and system), its peak megabytes, and its seconds."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status):
        sys.exit(said.decode())
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, time.perf_counter() - started


def measure(url: str, prompts: int, at_once: int, folder: Path) -> bool:
    """Measure one number of requests in flight; return whether the targets are met."""
    bare = (sys.executable, __file__, "--bare", url, str(prompts), str(at_once))
    ours = (
        CHARBENCH, "eval", "--lab", str(folder), "--store", str(folder / f"{at_once}.db"), "-c", "model:m",
        "-p", "pirate", "--sampler", "thinking", "--scorer", "keyword", "--prompts", str(folder / "prompts.txt"), "-q",
        "-o", f"sampler.thinking.base_url={url}", "-o", f"sampler.thinking.concurrency={at_once}",
    )  # fmt: skip
    before, _, bare_seconds = cpu_of(*bare)
    cpu, peak, seconds = cpu_of(*ours)
    after, _, _ = cpu_of(*bare)
    plain = (before + after) / 2
    print(f"-- {prompts:,} prompts, {at_once} in flight")
    tell("bare loop over the openai client, CPU a sample", 1000 * plain / prompts, "ms")
    tell("charbench eval, CPU a sample", 1000 * cpu / prompts, "ms")
    met = tell("charbench to bare loop", cpu / plain, "times", at_most=TARGET)
    met &= tell("peak memory", peak, "MB", at_most=250)
    tell("bare loop", bare_seconds, "s")
    tell("charbench eval", seconds, "s")
    return met


def main(prompts: int) -> int:
    """Start the server, and measure at 64 and at 256 in flight."""
    server = subprocess.Popen([sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    url = f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
    met = True
    try:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            (folder / "prompts.txt").write_text("".join(f"{prompt(number)}\n" for number in range(prompts)))
            for at_once in (64, 256):
                met &= measure(url, prompts, at_once, folder)
    finally:
        server.kill()
        server.wait()
    return 0 if met else 1


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    if sys.argv[1:] == ["--serve"]:
        asyncio.run(serve())
    elif sys.argv[1:2] == ["--bare"]:
        asyncio.run(ask_bare(sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
    else:
        sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
