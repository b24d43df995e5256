"""Malformed and huge replies, hostile chat templates, and signals: what becomes of the run.

    python benchmarks/hostile_replies.py [--replies 4000] [--signals 60] [--seed 0]

The figures of docs/explanation/reliability.md, "Malformed replies and limits", come from here. Ends with 1 where one is
not as promised there.
"""

from __future__ import annotations

import argparse
import asyncio
import copy
import json
import os
import random
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from charbench import GenerationConfig, SamplingError, reading_reply
from charbench.components.containment import guarded_async
from charbench.components.endpoint import Endpoint
from charbench.model_client.completions import parse_answer
from charbench.model_client.http_client import HttpClient
from charbench.model_client.options import MAX_REPLY_BYTES
from charbench_plugins.template_process import TemplateLimitError, TemplateProcess
from measure import run_charbench, tell

Reply = Callable[[socket.socket], None]
USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "completion_tokens_details": {"reasoning_tokens": 1}}
MESSAGE = {"role": "assistant", "content": "Ahoy", "reasoning_content": "Hm", "refusal": None}
GOOD = {"choices": [{"index": 0, "message": MESSAGE, "finish_reason": "stop"}], "usage": USAGE, "error": None}
WRONG = [None, True, -1, 10**400, 1e308, "", "x", [], [[]], {}, {"a": 1}, [None], "\ud83d", "\0"]
LOOP = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"
TEMPLATES = {
    "loop": LOOP, "constant": "{{ 'a' * 10**11 }}", "padding": "{{ 'a'|center(10**11) }}",
    "format": "{{ '%99999999999d' % 1 }}", "writing": LOOP.replace("{% endfor", "aaaa{% endfor", 1),
    "doubling": "{% set n = namespace(s='a') %}{% for i in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}{{ n.s }}",
}  # fmt: skip


@contextmanager
def serving(reply: Reply) -> Iterator[str]:
    """Read each request on loopback, answer it with what ``reply`` sends, and close the connection."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            received = b""
            while b"\r\n\r\n" not in received:
                received += self.request.recv(65536)
            head, _, body = received.partition(b"\r\n\r\n")
            length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            while len(body) < length:
                body += self.request.recv(65536)
            with suppress(BrokenPipeError, ConnectionResetError):
                reply(self.request)

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = daemon_threads = True
        request_queue_size = 128

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        server.shutdown()


def http(body: bytes, *headers: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def mutated(chance: random.Random) -> bytes:
    """Return a reply with one to three faults: of types, of JSON, of bytes, or of HTTP."""
    value = json.loads(json.dumps(GOOD))
    if chance.random() < 0.6:
        for _ in range(chance.randint(1, 2)):
            place = value
            while True:
                key = chance.choice(list(place) if isinstance(place, dict) else list(range(len(place))))
                if isinstance(place[key], dict | list) and place[key] and chance.random() < 0.75:
                    place = place[key]
                    continue
                place[key] = copy.deepcopy(chance.choice(WRONG))
                break
    body = json.dumps(value).encode("utf-8", "surrogatepass")
    kind = chance.randrange(8)
    if kind == 0:
        body = body[: chance.randrange(len(body))]
    elif kind == 1:
        cut = chance.randrange(len(body))
        body = body[:cut] + chance.randbytes(chance.randint(1, 8)) + body[cut + chance.randint(0, 4) :]
    elif kind == 2:
        body = chance.choice([b"<html>", b"", b"[" * 100_000, b'{"a":' * 5000, b"\xff\xfe", b"NaN", b"9" * 10_000])
    reply = http(body)
    if kind == 3:
        reply = http(body, f"Content-Encoding: {chance.choice(['gzip', 'deflate', 'br', 'zstd', 'gzip, gzip', '?'])}")
    elif kind == 4:
        cut = chance.randrange(len(reply))
        reply = reply[:cut] + chance.randbytes(chance.randint(1, 4)) + reply[cut + chance.randint(0, 3) :]
    elif kind == 5:
        reply = reply[: chance.randrange(len(reply))]
    elif kind == 6:
        chunk = chance.choice([b"zz", b"-1", b"ffffffffffff", b"5;x"])
        reply = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk + b"\r\n" + body
    return reply


async def outcomes(url: str, count: int) -> Counter[str]:
    """Ask so often; return how the replies ended: ``answer``, a kind of failure, or the name of another error."""
    client = HttpClient(Endpoint(url, "none"), MAX_REPLY_BYTES)
    found: Counter[str] = Counter()

    async def ask() -> str:
        said = await client.post("/chat/completions", {"model": "m"})
        with reading_reply(url):
            parse_answer(said, "", GenerationConfig())
        return "answer"

    for _ in range(count):
        outcome = await guarded_async(asyncio.wait_for, ask(), 60)
        if isinstance(outcome, str):
            found[outcome] += 1
        else:
            error = outcome.error
            found[error.kind if isinstance(error, SamplingError) else f"{type(error).__name__}: {error}"] += 1
    await client.aclose()
    return found


def replies(count: int, seed: int) -> bool:
    """Send malformed replies: every one is an answer, or a failure that is tried again."""
    chance = random.Random(seed)
    with serving(lambda connection: connection.sendall(mutated(chance))) as url:
        found = asyncio.run(outcomes(url, count))
    known = {"answer", "bad_response", "connection", "server", "rate_limit", "reply_too_large"}
    statuses = {kind for kind in found if kind.startswith("http_")}
    print(f"  {count:,} malformed replies: {dict(found.most_common())}")
    other = sum(number for kind, number in found.items() if kind not in known | statuses)
    return tell("malformed replies that end as another error", other, "", at_most=0)


def peak(send: Reply) -> float:
    """Return the peak memory in MB of a run that gets these replies."""
    with tempfile.TemporaryDirectory() as lab, serving(send) as url:
        Path(lab, "prompts.txt").write_text("One?\nTwo?\nThree?\n")
        return run_charbench(
            "sample", "--lab", lab, "-c", "model:m", "--prompts", f"{lab}/prompts.txt", "-q",
            "-o", f"sampler.thinking.base_url={url}", "-o", "sampler.thinking.tries=1",
        ).peak_mb  # fmt: skip


def memory() -> bool:
    """Compare the peak memory of runs with huge replies with one of good replies."""

    def plain(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        for _ in range(220):
            connection.sendall(b"a" * 1_000_000)

    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(2048)) + packer.flush()
    good = peak(lambda connection: connection.sendall(http(json.dumps(GOOD).encode())))
    tell("peak memory, good replies", good, "MB")
    results = [
        tell("peak memory above that, replies of 220 MB", peak(plain) - good, "MB", at_most=64),
        tell(
            f"peak memory above that, {len(bomb) / 1e6:.1f} MB of gzip that hold 2 GB",
            peak(lambda connection: connection.sendall(http(bomb, "Content-Encoding: gzip"))) - good, "MB", at_most=64,
        ),
    ]  # fmt: skip
    return all(results)


def templates() -> bool:
    """Render templates that never end, or build huge texts: the seconds by the clock until each is given up."""
    worst, missed = 0.0, 0
    for text in TEMPLATES.values():
        began = time.perf_counter()
        try:
            TemplateProcess(text).render(messages=[])
            missed += 1
        except TemplateLimitError:
            pass
        worst = max(worst, time.perf_counter() - began)
    tell(f"longest of {len(TEMPLATES)} hostile templates, by the clock", worst, "s")
    return tell("hostile templates that are not given up", missed, "", at_most=0)


COMMANDS = (("discover",), ("report",), ("run",), ("score",), ("run", "--sampler", "tinker-native"), ("doctor",),
            ("sample", "-c", "model:m", "--sampler", "thinking"))  # fmt: skip


def signals(count: int, seed: int) -> bool:
    """Send SIGINT or SIGTERM at a random moment of a random command, imports included; it ends within five seconds.

    Requests of ``sample`` are never answered, so a part of the moments has requests in flight.
    """
    chance, worst, traces, taken, early = random.Random(seed), 0.0, 0, 0, 0
    with tempfile.TemporaryDirectory() as folder, serving(lambda _connection: time.sleep(60)) as url:
        lab = f"{folder}/lab"
        run_charbench("quickstart", lab, "-q")
        env = {**os.environ, "TINKER_API_KEY": "tml-none", "TINKER_BASE_URL": url, "OPENAI_BASE_URL": url}
        for _ in range(count):
            words = [sys.executable, "-m", "charbench", *chance.choice(COMMANDS), "--lab", lab]
            process = subprocess.Popen(words, env=env, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            time.sleep(chance.uniform(0.15, 4.0))
            running, began = process.poll() is None, time.perf_counter()
            process.send_signal(chance.choice([signal.SIGINT, signal.SIGTERM]))
            _, err = process.communicate()
            if running:
                taken += 1
                worst = max(worst, time.perf_counter() - began)
                early += "Traceback" in err and "__main__.py" not in err  # Python itself was still starting
                if "Traceback" in err and "__main__.py" in err:
                    traces += 1
                    print(words, err, sep="\n")
    print(f"  {taken} of {count} commands were still running when the signal came; {early} had not begun")
    ended = tell("longest time from a signal to the end of the command", worst, "s", at_most=5)
    return tell("commands that end with a traceback", traces, "", at_most=0) and ended


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replies", type=int, default=4000)
    parser.add_argument("--signals", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    results = [replies(given.replies, given.seed), memory(), templates(), signals(given.signals, given.seed)]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
