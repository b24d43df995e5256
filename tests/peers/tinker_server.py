"""A real Tinker-API server for tests: SkyRL on a CPU, serving the tiny model, in an environment of its own.

Set ``PEER_TINKER_SERVER_PYTHON`` to the Python of an environment that was made so::

    python3.11 -m venv SERVER
    SERVER/bin/pip install torch==2.13.0
    SERVER/bin/pip install 'skyrl[tinker,jax]==0.3.0' tinker==0.24.1

and run the tests in an environment with ``tinker==0.24.1``: newer SDKs say things that this server does not
understand, and wait for minutes.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest

import charbench_plugins.tiny

SERVER_PYTHON = os.environ.get("PEER_TINKER_SERVER_PYTHON")  # read now: tests see none of our environment
SDK = "0.24."
KEY = "tml-dummy-key"
READY_SECONDS = 180
READY_LINE = "Starting background engine"
ENDING_SECONDS = 20
SAVING_SECONDS = 180
BACKEND = '{"max_lora_adapters": 16, "max_lora_rank": 32, "sample_max_num_sequences": 20}'
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}


@dataclass(frozen=True, slots=True)
class TinkerServer:
    """A running server; ``base_model`` is the only model that it has, called as its folder is."""

    url: str
    base_model: str
    log: Path

    @property
    def env(self) -> dict[str, str]:
        """What a client needs in its environment."""
        return {"TINKER_BASE_URL": self.url, "TINKER_API_KEY": KEY, "TINKER_TELEMETRY": "0"}

    def save(self, *names: str) -> dict[str, dict[str, str]]:
        """Save untrained adapters through the SDK, each name in a run of its own; return their URIs by use."""
        done = subprocess.run(
            [sys.executable, str(Path(__file__).with_name("make_checkpoints.py")), self.base_model, *names],
            env=os.environ | self.env,
            check=True,
            stdout=subprocess.PIPE,
            timeout=SAVING_SECONDS,
        )
        saved: dict[str, dict[str, str]] = json.loads(done.stdout)
        return saved


@pytest.fixture(scope="session")
def tinker_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TinkerServer]:
    """Start the server once for all tests, wait until it is ready, and end it by its pid."""
    if not SERVER_PYTHON:
        pytest.skip("no Tinker-API server: PEER_TINKER_SERVER_PYTHON names no Python (tests/peers/tinker_server.py)")
    if not version("tinker").startswith(SDK):
        pytest.skip(f"the server understands tinker {SDK}x; here is {version('tinker')}")
    folder = tmp_path_factory.mktemp("tinker-server")
    port = _free_port()
    server = TinkerServer(
        f"http://127.0.0.1:{port}", str(Path(charbench_plugins.tiny.__file__).parent / "base"), folder / "log"
    )
    command = [
        SERVER_PYTHON, str(Path(__file__).with_name("tinker_serve.py")),
        "--base-model", server.base_model, "--backend", "jax", "--backend-config", BACKEND,
        "--host", "127.0.0.1", "--port", str(port),
        "--database-url", f"sqlite:///{folder / 'tinker.db'}", "--checkpoints-base", str(folder / "checkpoints"),
    ]  # fmt: skip
    with server.log.open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **ONE_THREAD, "JAX_COMPILATION_CACHE_DIR": str(folder / "cache")},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_ready(server, process)
        yield server
    finally:
        process.terminate()  # its engine dies with it
        try:
            process.wait(ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(server: TinkerServer, process: subprocess.Popen[bytes]) -> None:
    """Wait until the server answers and its engine has said that it works: either alone is too early."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        said = " ".join(server.log.read_text("utf-8", "replace").split())  # lines are wrapped
        if process.poll() is not None:
            pytest.fail(f"the Tinker server ended with {process.returncode}: {said[-2000:]}")
        if READY_LINE in said and _answers(server.url):
            return
        time.sleep(0.5)
    pytest.fail(f"the Tinker server was not ready within {READY_SECONDS} s: {said[-2000:]}")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/api/v1/healthz", timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, TimeoutError):
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
