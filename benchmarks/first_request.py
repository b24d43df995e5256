"""Processor time of ``charbench run`` until its first request arrives, beside a loop over the openai client.

    python benchmarks/first_request.py [TIMES]

Both ask an endpoint on loopback, by turns; a run discovers its models there first, plans three prompts, and makes its
store. When the first chat completion arrives, the server looks up what the process has taken so far (``/proc``, so
Linux alone). Bytecode is there, as pip leaves it: one run of each comes before those that count.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median

from chat_server import ANSWER, prompt
from measure import CHARBENCH, as_installed, tell

BARE = Path(__file__).parent / "peers" / "bare.py"
AT_MOST = 1.0
"""Seconds."""


class Server(ThreadingHTTPServer):
    """Answers at once; tells when the first chat completion has come, and what its process had taken by then."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/v1"
        self.asking = 0
        """The number of the process that asks."""
        self.taken: float | None = None

    def note(self) -> None:
        """Note the processor time of the process that asks, in seconds (user and system)."""
        if self.taken is None:
            fields = Path(f"/proc/{self.asking}/stat").read_text().rpartition(")")[2].split()
            self.taken = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Handler(BaseHTTPRequestHandler):
    """One endpoint with one model."""

    server: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._send({"data": [{"id": "m"}]})

    def do_POST(self) -> None:
        self.server.note()
        self.rfile.read(int(self.headers["Content-Length"]))
        message = {"role": "assistant", "content": ANSWER}
        usage = {"prompt_tokens": 20, "completion_tokens": 110, "total_tokens": 130}
        choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
        self._send(
            {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": choices, "usage": usage}
        )

    def _send(self, value: object) -> None:
        content = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def taken(server: Server, words: list[str | Path]) -> float:
    """Run a command to its end; return its processor seconds until its first request came."""
    server.taken = None
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=as_installed()) as process:
        server.asking = process.pid
        assert process.stderr is not None
        said = process.stderr.read().decode()
    if server.taken is None:
        sys.exit(f"no request came: {said}")
    return server.taken


def main(times: int) -> int:
    server = Server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    ours: list[float] = []
    bare: list[float] = []
    for _ in range(times + 1):
        with tempfile.TemporaryDirectory() as temporary:
            lab = Path(temporary)
            prompts = lab / "prompts.txt"
            prompts.write_text("".join(f"{prompt(number)}\n" for number in range(3)))
            words: list[str | Path] = [CHARBENCH, "run", "--lab", lab, "--endpoint", server.url, "--source", "endpoint",
                                       "-p", "pirate", "-c", "model:m", "--prompts", prompts]  # fmt: skip
            ours.append(taken(server, words))
            bare.append(taken(server, [sys.executable, BARE, server.url, prompts, "3"]))
    ours, bare = ours[1:], bare[1:]
    tell(f"a loop over the openai client, median of {times}", median(bare), "s")
    met = tell(f"charbench run, median of {times}", median(ours), "s", at_most=AT_MOST)
    tell("the least", min(ours), "s")
    tell("the most", max(ours), "s")
    server.shutdown()
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 9))
