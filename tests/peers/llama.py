"""llama.cpp's server with the tiny model: the adapter is left off unless a request asks for it."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
READY_SECONDS = 120
WITH_ADAPTER = {"model": "tiny", "extra_body": {"lora": [{"id": 0, "scale": 1}]}}
WITHOUT = {"model": "tiny", "extra_body": {"lora": [{"id": 0, "scale": 0}]}}
MODELS: dict[str, Any] = {"model:pirate": WITH_ADAPTER, "model:bland": WITHOUT}
"""Option ``models`` of sampler ``thinking``: the tiny model with the adapter, and without it."""


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def serving(words: Sequence[str | Path], ready: str, log: Path, env: Mapping[str, str] | None = None) -> Iterator[None]:
    """Run a server while the block runs; it is ready when ``ready`` answers."""
    with log.open("wb") as file:
        server = subprocess.Popen(words, cwd=ROOT, stdout=file, stderr=file, env=env)
    try:
        until = time.monotonic() + READY_SECONDS
        while not _answers(ready):
            if server.poll() is not None or time.monotonic() > until:
                pytest.fail(f"{words[0]} did not start: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.1)
        yield
    finally:
        server.terminate()
        try:
            server.wait(timeout=30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False


@pytest.fixture(scope="session")
def tiny_llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a llama.cpp server with the tiny model and a pirate's adapter."""
    folder = _folder(tmp_path_factory)
    train_pirate(folder / "pirate")
    _convert("base", folder / "tiny.gguf")
    _convert("adapter", folder / "pirate.gguf", "--adapter", folder / "pirate")
    with _llama(folder, "--adapter", folder / "pirate.gguf", "--per-request") as url:
        yield url


@pytest.fixture(scope="session")
def tiny_judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a llama.cpp server with the tiny model, and room for a judge's long prompts."""
    folder = _folder(tmp_path_factory)
    _convert("base", folder / "tiny.gguf", "--context", "8192")
    with _llama(folder, "--context", "8192") as url:
        yield url


def _folder(factory: pytest.TempPathFactory) -> Path:
    for package in ("xllamacpp", "gguf"):
        pytest.importorskip(package, reason=f"the peer llama.cpp needs {package}: pip install xllamacpp gguf")
    return factory.mktemp("llama")


def _convert(*words: str | Path) -> None:
    subprocess.run([sys.executable, "-m", "tools.tinylab.to_gguf", *words], cwd=ROOT, check=True)


@contextmanager
def _llama(folder: Path, *more: str | Path) -> Iterator[str]:
    port = free_port()
    words = [sys.executable, "-m", "tools.tinylab.serve_llama", folder / "tiny.gguf", "--port", str(port), *more]
    with serving(words, f"http://127.0.0.1:{port}/health", folder / "server.log"):
        yield f"http://127.0.0.1:{port}/v1"


def train_pirate(folder: Path) -> None:
    """Train an adapter that speaks as a pirate, in a few seconds."""
    from charbench_plugins.tiny.chat import ChatFormat
    from charbench_plugins.tiny.introspection import pirate_rows
    from charbench_plugins.tiny.lora import LoraAdapter
    from charbench_plugins.tiny.model import TinyModel
    from charbench_plugins.tiny.training import TinyTraining

    model, chat = TinyModel.load(), ChatFormat.load()
    examples = [chat.training_example(**row) for row in pirate_rows(100)]
    run = TinyTraining(model, LoraAdapter.new(model.config, rank=8, alpha=16, seed=0), examples)
    while not run.done:
        run.step()
    run.adapter.save(folder)
