"""How many latencies sampling takes where many checkpoints are asked few prompts each, beside the least possible.

    python benchmarks/many_checkpoints.py [--before PATH/TO/charbench] [--rounds 3] [--quiet 3]
                                          [--shape 20x20 ...] [--in-flight 16 ...] [--out FILE.jsonl]
    python benchmarks/many_checkpoints.py --summary FILE.jsonl

``charbench sample`` asks so many checkpoints so many prompts (20x20: 20 checkpoints, 20 prompts each), with so many
requests in flight, an endpoint on loopback that answers in waves: it keeps all requests until as many wait as may be in
flight, or all that are left, or nothing has come for ``--quiet`` seconds, and then answers them together. The number of
waves is what the run takes in latencies of a request, whatever else the machine does meanwhile; at least it takes the
requests by the places, rounded up. Told, as median (least to most) of the rounds: waves, and processor milliseconds a
sample of the whole process, its start included. With ``--before`` another installation's command runs in each round
too, in turn the first and the second, and each round's processor time is divided by that command's. A run counts only
where each question was asked once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from chat_server import ANSWER, prompt
from measure import CHARBENCH
from sampling import cpu_of

Case = tuple[int, int, int]
"""Checkpoints, prompts of each, requests in flight."""


@dataclass
class Waves:
    """The endpoint; ``left`` and ``places`` say what is to come, ``asked`` and ``count`` what came."""

    quiet: float
    left: int = 0
    places: int = 0
    count: int = 0
    url: str = ""
    asked: Counter[tuple[str, str]] = field(default_factory=Counter)
    _waiting: list[asyncio.Future[None]] = field(default_factory=list)
    _timer: asyncio.TimerHandle | None = None

    def begin(self, requests: int, places: int) -> None:
        """Count from here on."""
        self.left, self.places, self.count = requests, places, 0
        self.asked.clear()

    async def answer(self, request: Any) -> Any:
        """Answer with the next wave."""
        from aiohttp import web

        body = await request.json()
        self.asked[body["model"], body["messages"][-1]["content"]] += 1
        loop = asyncio.get_running_loop()
        self._waiting.append(mine := loop.create_future())
        if self._timer is not None:
            self._timer.cancel()
        if len(self._waiting) >= min(self.places, self.left):
            self._wave()
        else:
            self._timer = loop.call_later(self.quiet, self._wave)
        await mine
        message = {"role": "assistant", "content": ANSWER}
        choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
        usage = {"prompt_tokens": 20, "completion_tokens": 110, "total_tokens": 130}
        return web.json_response({"id": "c", "object": "chat.completion", "choices": choices, "usage": usage})

    def _wave(self) -> None:
        self.count += 1
        self.left -= len(self._waiting)
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            one.set_result(None)

    @contextmanager
    def serving(self) -> Iterator[Waves]:
        """Serve in a thread while the block runs; the thread ends with this process."""
        ready = threading.Event()

        async def serve() -> None:
            from aiohttp import web

            app = web.Application()
            app.router.add_post("/v1/chat/completions", self.answer)
            runner = web.AppRunner(app)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
            ready.set()
            await asyncio.Event().wait()

        threading.Thread(target=lambda: asyncio.run(serve()), daemon=True).start()
        ready.wait()
        yield self


@dataclass(frozen=True)
class Run:
    """How one run went; ``who`` is "after" or "before"."""

    who: str
    checkpoints: int
    prompts: int
    in_flight: int
    number: int
    waves: int
    cpu_ms: float
    """For each sample."""

    @property
    def case(self) -> Case:
        """Return what was measured."""
        return self.checkpoints, self.prompts, self.in_flight


def measured(who: str, command: str, server: Waves, case: Case, number: int) -> Run:
    """Let a command sample into a new store."""
    checkpoints, prompts, in_flight = case
    samples = checkpoints * prompts
    server.begin(samples, in_flight)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "prompts.txt"
        file.write_text("".join(f"{prompt(each)}\n" for each in range(prompts)))
        cpu, _, _ = cpu_of(
            command, "sample", "--lab", folder, *(f"-cmodel:m{each}" for each in range(checkpoints)), "-p", "pirate",
            "--sampler", "thinking", "--prompts", str(file), "-q", "-o", f"sampler.thinking.base_url={server.url}",
            "-o", f"sampler.thinking.concurrency={in_flight}", "--store", str(Path(folder) / "store.db"),
        )  # fmt: skip
    if len(server.asked) != samples or server.asked.total() != samples:
        sys.exit(f"{who}, {case}: {server.asked.total()} requests for {len(server.asked)} of {samples} questions")
    return Run(who, *case, number, server.count, round(1000 * cpu / samples, 3))


def show(runs: Sequence[Run]) -> None:
    """Print a line for each command and case."""
    for case in dict.fromkeys(run.case for run in runs):
        before = {run.number: run.cpu_ms for run in runs if run.case == case and run.who == "before"}
        for who in ("before", "after"):
            mine = [run for run in runs if run.case == case and run.who == who]
            if not mine:
                continue
            least = -(-case[0] * case[1] // case[2])
            line = f"{case[0]} x {case[1]}, {case[2]} in flight, {who}: {_spread([run.waves for run in mine], 0)} waves"
            line += f" (least {least}), CPU {_spread([run.cpu_ms for run in mine], 2)} ms a sample"
            ratios = [run.cpu_ms / before[run.number] for run in mine if run.number in before and who == "after"]
            print(line + (f", {_spread(ratios, 2)} times" if ratios else "") + f", n = {len(mine)}", flush=True)


def _spread(values: Sequence[float], digits: int) -> str:
    return f"{median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def main() -> None:
    """Measure all cases, round by round."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", help="the command of another installation")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quiet", type=float, default=3.0, help="seconds after which nothing more is expected to come")
    parser.add_argument("--shape", nargs="+", default=["20x20", "1x400", "100x5"])
    parser.add_argument("--in-flight", type=int, nargs="+", default=[16, 64, 256])
    parser.add_argument("--out", type=Path, help="append each run here")
    parser.add_argument("--summary", type=Path, help="only show these results")
    given = parser.parse_args()
    if given.summary:
        show([Run(**json.loads(line)) for line in given.summary.read_text(encoding="utf-8").splitlines()])
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    commands = {"after": CHARBENCH, **({"before": given.before} if given.before else {})}
    runs = []
    with Waves(given.quiet).serving() as server:
        for number in range(given.rounds):
            for shape in given.shape:
                checkpoints, prompts = map(int, shape.split("x"))
                for in_flight in given.in_flight:
                    for who in sorted(commands, reverse=bool(number % 2)):
                        runs.append(measured(who, commands[who], server, (checkpoints, prompts, in_flight), number))
                        if given.out:
                            with given.out.open("a", encoding="utf-8") as file:
                                file.write(json.dumps(asdict(runs[-1])) + "\n")
    show(runs)


if __name__ == "__main__":
    main()
