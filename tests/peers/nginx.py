"""nginx in front of llama.cpp, as a proxy that fails: each fault at a path of its own, with its own log.

Three servers stand behind it: the model, one that resets each connection in the middle of its answer, and a listener
that takes connections and never says a word.
"""

from __future__ import annotations

import os
import shutil
import socket
import socketserver
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from peers.llama import free_port, serving

HALF_SECONDS = 0.2
"""Seconds between half an answer and the reset: nginx has passed it on by then."""
RETRY_AFTER = 1
"""Seconds that a 429 asks to be left alone for."""
PASSING = {
    "429": f'add_header Retry-After {RETRY_AFTER} always; return 429 "slow down";',
    "500": 'return 500 "out of order";',
    "reset": "proxy_pass http://resetting;",
    "truncated": """return 200 '{"choices": [{"message": {"content": "Ah';""",
    "html": "return 200 '<html>Maintenance</html>';",
}
"""What half of the requests get, drawn by nginx; the others are answered by the model."""
_TYPES = {"html": "text/html", "html-always": "text/html"}
PROGRAM = shutil.which("nginx") or "/usr/sbin/nginx"


@dataclass(frozen=True, slots=True)
class Logged:
    """A request in nginx's log: when it ended (seconds of the clock), how long it took, bytes of the body sent."""

    status: str
    ended: float
    seconds: float
    sent: int

    @property
    def began(self) -> float:
        """When it came."""
        return self.ended - self.seconds


@dataclass(frozen=True, slots=True)
class FailingProxy:
    """Where each fault is served, and what nginx logged of it."""

    address: str
    folder: Path

    def url(self, fault: str) -> str:
        """Return the base URL of the endpoint with this fault."""
        return f"{self.address}/{fault}/v1"

    def answered(self, fault: str) -> Counter[str]:
        """Return how many requests got which status, as nginx counted them."""
        return Counter(one.status for one in self.requests(fault))

    def requests(self, fault: str) -> list[Logged]:
        """Return the requests that nginx logged, in the order in which they ended."""
        log = self.folder / f"{fault}.log"
        lines = log.read_text().splitlines() if log.exists() else []
        return [
            Logged(status, float(ended), float(took), int(sent)) for status, ended, took, sent in map(str.split, lines)
        ]


@pytest.fixture(scope="session")
def failing_proxy(tiny_llama: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FailingProxy]:
    """A running nginx, with what stands behind it."""
    if not Path(PROGRAM).exists():
        pytest.skip("no nginx: apt-get install nginx-light")
    folder = tmp_path_factory.mktemp("nginx")
    folder.chmod(0o755)
    port = free_port()
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent, _resetting() as resetting:
        (folder / "nginx.conf").write_text(_config(folder, port, tiny_llama, silent.getsockname()[1], resetting))
        words = [PROGRAM, "-p", str(folder), "-c", str(folder / "nginx.conf")]
        with serving(words, f"http://127.0.0.1:{port}/ready", folder / "server.log", os.environ):
            yield FailingProxy(f"http://127.0.0.1:{port}", folder)


class _HalfAnAnswer(socketserver.BaseRequestHandler):
    """Sends half of what it promises, and resets the connection."""

    def handle(self) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            request += self.request.recv(65_536)
        body = b'{"choices": [{"message": {"content": "Ah'
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {2 * len(body)}\r\n\r\n"
        self.request.sendall(head.encode() + body)
        time.sleep(HALF_SECONDS)
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.request.close()


@contextmanager
def _resetting() -> Iterator[int]:
    """Serve half answers while the block runs; yield the port."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _HalfAnAnswer) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def _config(folder: Path, port: int, model: str, silent: int, resetting: int) -> str:
    on = f"proxy_pass {model}/;"
    answers = {name: f"if ($fails) {{ {fault} }} {on}" for name, fault in PASSING.items()}
    answers["trickle"] = f"{on} limit_rate 8;"
    answers["silence"] = f"proxy_pass http://127.0.0.1:{silent}/; proxy_read_timeout 600s;"
    for name, fault in PASSING.items():
        answers[f"{name}-always"] = fault
    locations = "\n".join(
        f"location /{name}/v1/ {{ default_type {_TYPES.get(name, 'application/json')};"
        f" access_log {folder}/{name}.log told; {'proxy_buffering off;' * name.startswith('reset')} {answer} }}"
        for name, answer in answers.items()
    )
    temporary = " ".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""
        daemon off;
        pid {folder}/nginx.pid;
        error_log {folder}/error.log;
        events {{ worker_connections 256; }}
        http {{
          log_format told '$status $msec $request_time $body_bytes_sent';
          upstream resetting {{ server 127.0.0.1:{resetting} max_fails=0; }}
          access_log off;
          {temporary}
          split_clients $request_id $fails {{ 50% 1; * ''; }}
          server {{
            listen 127.0.0.1:{port};
            location = /ready {{ return 200 ok; }}
            {locations}
          }}
        }}
    """
