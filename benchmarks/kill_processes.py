"""What the kill campaign needs: cheap processes, an endpoint that notes who asks, a PostgreSQL server."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

KEY = "KILLS_KEY"
"""The environment variable whose value tells the endpoint which process asks."""
ANSWER = "<think>\nThey want a sailor.\n</think>\n\nAhoy, matey! I sail at dawn."
_LOADED_ONCE = (
    "charbench.cli.eval", "charbench.cli.train", "charbench.cli.output", "charbench.run.evaluate",
    "charbench.training.stage", "charbench.scoring.stage", "charbench.scoring.pair_stage", "charbench.discovery.stage",
    "charbench.report.summary.tables", "charbench.store.migrate", "alembic.command",
    "sqlalchemy.dialects.sqlite.pysqlite",
    "charbench_plugins.samplers.thinking", "charbench_plugins.trainers.tiny_sft", "charbench_plugins.tiny.training",
    "aiohttp", "numpy",
)  # fmt: skip
_LOADED_IF_THERE = ("psycopg", "sqlalchemy.dialects.postgresql.psycopg", "openai", "httpx")


class Processes:
    """Starts charbench by forking a process that has imported everything: the import is paid for once, not per kill."""

    def __init__(self) -> None:
        command = [sys.executable, __file__]
        self._server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._answer()

    def start(self, words: Sequence[str], lab: Path, key: str, log: Path) -> int:
        """Start a command in a lab's folder; return the process's number."""
        return int(self._ask({"start": list(words), "lab": str(lab), "env": {KEY: key}, "log": str(log)}))

    def ended(self, pid: int) -> int | None:
        """Return how a process ended (its exit code, or minus the signal), None while it runs."""
        status = self._ask({"ended": pid})
        return None if status is None else int(status)

    def kill(self, pid: int) -> bool:
        """Kill a process; return whether that ended it, and not it itself."""
        os.kill(pid, signal.SIGKILL)
        return self.wait(pid) == -signal.SIGKILL

    def wait(self, pid: int) -> int:
        """Wait until a process has ended; return how."""
        while (status := self.ended(pid)) is None:
            time.sleep(0.002)
        return status

    def close(self) -> None:
        """End the server."""
        assert self._server.stdin is not None
        self._server.stdin.close()
        self._server.wait(timeout=30)

    def _ask(self, order: Mapping[str, Any]) -> Any:
        assert self._server.stdin is not None
        self._server.stdin.write(json.dumps(order) + "\n")
        self._server.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._server.stdout is not None
        return json.loads(self._server.stdout.readline())


def serve_processes() -> None:
    """Import everything, then fork for every order on stdin. One thread, so that forking is safe."""
    for name in _LOADED_ONCE:
        import_module(name)
    for name in _LOADED_IF_THERE:
        try:
            import_module(name)
        except ImportError:
            continue
    answers = os.fdopen(os.dup(1), "w")
    print(json.dumps("ready"), file=answers, flush=True)
    ended: dict[int, int] = {}
    for line in sys.stdin:
        order = json.loads(line)
        if "start" in order:
            pid = os.fork()
            if pid == 0:
                _become(order)
            ended.pop(pid, None)  # the system gives numbers out anew
            print(json.dumps(pid), file=answers, flush=True)
            continue
        pid = order["ended"]
        if pid not in ended:
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                ended[pid] = os.waitstatus_to_exitcode(status)
        print(json.dumps(ended.get(pid)), file=answers, flush=True)


def _become(order: Mapping[str, Any]) -> None:
    """Run one command in this forked process, and end it."""
    from charbench.cli import execute

    nothing = os.open(os.devnull, os.O_RDWR)
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number, descriptor in ((0, nothing), (1, nothing), (2, log)):
        os.dup2(descriptor, number)
    os.chdir(order["lab"])
    os.environ.update(order["env"])
    sys.argv = ["charbench", *order["start"]]
    code = 70
    try:
        code = execute(list(order["start"]))
    finally:
        sys.stderr.flush()
        os._exit(code)


@dataclass(frozen=True, slots=True)
class Request:
    """A request that came: when (monotonic seconds), from whom, and for what."""

    at: float
    key: str
    prompt: str


@dataclass
class Endpoint:
    """An OpenAI-compatible endpoint on loopback that answers after ``latency`` seconds and notes every request."""

    latency: float = 0.02
    requests: list[Request] = field(default_factory=list)
    url: str = ""

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        message = {"role": "assistant", "content": ANSWER}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}
        content = json.dumps({"id": "c", "object": "chat.completion", "choices": [choice], "usage": usage}).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        try:
            while True:
                lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
                body = json.loads(await reader.readexactly(int(fields.get("content-length", "0"))))
                key = fields.get("authorization", "").removeprefix("Bearer ")
                self.requests.append(Request(time.monotonic(), key, body["messages"][-1]["content"]))
                await asyncio.sleep(self.latency)
                writer.write(head.encode() + content)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    @contextmanager
    def serving(self) -> Iterator[Endpoint]:
        """Serve in a thread while the block runs."""
        loop = asyncio.new_event_loop()
        ready = threading.Event()
        over = asyncio.Event()

        async def serve() -> None:
            server = await asyncio.start_server(self._serve_one, "127.0.0.1", 0)
            host, port = server.sockets[0].getsockname()[:2]
            self.url = f"http://{host}:{port}/v1"
            ready.set()
            await over.wait()
            server.close()

        thread = threading.Thread(target=loop.run_until_complete, args=[serve()], daemon=True)
        thread.start()
        ready.wait()
        try:
            yield self
        finally:
            loop.call_soon_threadsafe(over.set)
            thread.join(timeout=10)


@contextmanager
def postgresql(fsync: str = "off") -> Iterator[str]:
    """A PostgreSQL server of our own on a Unix socket; yields a store's URL with ``{}`` for the database's name."""
    folder = Path(tempfile.mkdtemp(prefix="charbench-kills-pg-"))
    prefix = ["env", f"HOME={folder}"]
    if os.geteuid() == 0:  # initdb refuses root
        os.chown(folder, 65534, 65534)
        prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *prefix]
    initdb = [*prefix, _tool("initdb"), "-D", folder / "data", "-U", "charbench", "-A", "trust", "--no-sync"]
    control = [*prefix, _tool("pg_ctl"), "-w", "-D", folder / "data", "-l", folder / "log"]
    options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync={fsync} -c max_connections=200"
    subprocess.run([*initdb, "-E", "UTF8"], check=True, capture_output=True, cwd=folder)
    subprocess.run([*control, "-o", options, "start"], check=True, capture_output=True, cwd=folder)
    try:
        yield f"postgresql+psycopg://charbench@/{{}}?host={folder}"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=True, capture_output=True, cwd=folder)
        shutil.rmtree(folder, ignore_errors=True)


def _tool(name: str) -> str:
    found = shutil.which(name) or next(map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{name}")), None)
    if found is None:
        raise SystemExit(f"PostgreSQL is not installed: there is no {name}; leave out --postgresql")
    return found


if __name__ == "__main__":
    serve_processes()
