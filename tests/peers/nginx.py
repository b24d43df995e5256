"""nginx in front of llama.cpp, as a proxy that fails: each fault at a path of its own, with its own log."""

from __future__ import annotations

import os
import shutil
import socket
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from peers.llama import free_port, serving

PASSING = {
    "429": 'add_header Retry-After 0 always; return 429 "slow down";',
    "500": 'return 500 "out of order";',
    "reset": "return 444;",
    "truncated": """return 200 '{"choices": [{"message": {"content": "Ah';""",
    "html": "return 200 '<html>Maintenance</html>';",
}
"""What half of the requests get, drawn by nginx; the others are answered by the model."""
_TYPES = {"html": "text/html", "html-always": "text/html"}
PROGRAM = shutil.which("nginx") or "/usr/sbin/nginx"


@dataclass(frozen=True, slots=True)
class FailingProxy:
    """Where each fault is served, and what nginx logged of it."""

    address: str
    folder: Path

    def url(self, fault: str) -> str:
        """Return the base URL of the endpoint with this fault."""
        return f"{self.address}/{fault}/v1"

    def answered(self, fault: str) -> Counter[str]:
        """Return how many requests got which status and kind of content, as nginx counted them."""
        log = self.folder / f"{fault}.log"
        return Counter(log.read_text().splitlines()) if log.exists() else Counter()


@pytest.fixture(scope="session")
def failing_proxy(tiny_llama: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FailingProxy]:
    """A running nginx, and a listener behind it that takes connections and never says a word."""
    if not Path(PROGRAM).exists():
        pytest.skip("no nginx: apt-get install nginx-light")
    folder = tmp_path_factory.mktemp("nginx")
    folder.chmod(0o755)
    port = free_port()
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        (folder / "nginx.conf").write_text(_config(folder, port, tiny_llama, silent.getsockname()[1]))
        words = [PROGRAM, "-p", str(folder), "-c", str(folder / "nginx.conf")]
        with serving(words, f"http://127.0.0.1:{port}/ready", folder / "server.log", os.environ):
            yield FailingProxy(f"http://127.0.0.1:{port}", folder)


def _config(folder: Path, port: int, model: str, silent: int) -> str:
    on = f"proxy_pass {model}/;"
    answers = {name: f"if ($fails) {{ {fault} }} {on}" for name, fault in PASSING.items()}
    answers["trickle"] = f"{on} limit_rate 8;"
    answers["silence"] = f"proxy_pass http://127.0.0.1:{silent}/; proxy_read_timeout 600s;"
    for name, fault in PASSING.items():
        answers[f"{name}-always"] = fault
    locations = "\n".join(
        f"location /{name}/v1/ {{ default_type {_TYPES.get(name, 'application/json')};"
        f" access_log {folder}/{name}.log told; {answer} }}"
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
          log_format told '$status $sent_http_content_type';
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
