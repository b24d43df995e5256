"""How long sampling takes where many checkpoints are asked few prompts each, beside the least that it can take.

    python benchmarks/many_checkpoints.py [--before PATH/TO/charbench] [--rounds 3] [--latency 0.5]
                                          [--shape 20x20 ...] [--in-flight 16 ...] [--out FILE.jsonl]

A server in a process of its own (``chat_server.py``) answers every chat completion after ``--latency`` seconds.
``charbench sample`` asks so many checkpoints so many prompts (20x20: 20 checkpoints, 20 prompts each), with so many
requests in flight. Told, as median (least to most) of the rounds: seconds between the first request and the last answer
as the server saw them; the least possible (all places taken all the time: requests by places, rounded up, times the
latency); processor milliseconds a sample of the whole process, its start included. With ``--before`` another
installation's command runs in each round too, in turn the first and the second, and each round's processor time is
divided by that command's. A run counts only where the server saw each question once.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from chat_server import Server, prompt, serving
from measure import CHARBENCH
from sampling import cpu_of


@dataclass(frozen=True)
class Run:
    """How one run went; ``who`` is "after" or "before"."""

    who: str
    checkpoints: int
    prompts: int
    in_flight: int
    latency: float
    number: int
    seconds: float
    most_in_flight: int
    cpu_ms: float
    """For each sample."""

    @property
    def case(self) -> tuple[int, int, int]:
        """Return what was measured."""
        return self.checkpoints, self.prompts, self.in_flight

    @property
    def least(self) -> float:
        """Return the seconds that it takes at least."""
        return -(-self.checkpoints * self.prompts // self.in_flight) * self.latency


def measured(who: str, command: str, server: Server, latency: float, case: tuple[int, int, int], number: int) -> Run:
    """Let a command sample into a new store."""
    checkpoints, prompts, in_flight = case
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "prompts.txt"
        file.write_text("".join(f"{prompt(each)}\n" for each in range(prompts)))
        server.forget()
        cpu, _, _ = cpu_of(
            command, "sample", "--lab", folder, *(f"-cmodel:m{each}" for each in range(checkpoints)), "-p", "pirate",
            "--sampler", "thinking", "--prompts", str(file), "-q", "-o", f"sampler.thinking.base_url={server.url}",
            "-o", f"sampler.thinking.concurrency={in_flight}", "--store", str(Path(folder) / "store.db"),
        )  # fmt: skip
        seen = server.seen()
    if (seen.requests, seen.prompts, len(seen.settings)) != (checkpoints * prompts, prompts, checkpoints):
        sys.exit(f"{who}, {case}: {seen.requests} requests, {seen.prompts} prompts, {len(seen.settings)} checkpoints")
    cpu_ms = 1000 * cpu / (checkpoints * prompts)
    return Run(who, *case, latency, number, round(seen.seconds, 3), seen.in_flight, round(cpu_ms, 3))


def show(runs: Sequence[Run]) -> None:
    """Print a line for each command and case."""
    for case in dict.fromkeys(run.case for run in runs):
        for who in ("before", "after"):
            mine = [run for run in runs if run.case == case and run.who == who]
            if not mine:
                continue
            others = {run.number: run.cpu_ms for run in runs if run.case == case and run.who == "before"}
            ratios = [run.cpu_ms / others[run.number] for run in mine if run.number in others and who == "after"]
            line = f"{case[0]} x {case[1]}, {case[2]} in flight, {who}: {_spread([run.seconds for run in mine])} s"
            line += f" (least {mine[0].least:.2f}), CPU {_spread([run.cpu_ms for run in mine])} ms a sample"
            print(line + (f", {_spread(ratios)} times" if ratios else "") + f", n = {len(mine)}", flush=True)


def _spread(values: Sequence[float]) -> str:
    return f"{median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def main() -> None:
    """Measure all cases, round by round."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", help="the command of another installation")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency", type=float, default=0.5)
    parser.add_argument("--shape", nargs="+", default=["20x20", "1x400", "100x5"])
    parser.add_argument("--in-flight", type=int, nargs="+", default=[16, 64, 256])
    parser.add_argument("--out", type=Path, help="append each run here")
    given = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    commands = {"after": CHARBENCH, **({"before": given.before} if given.before else {})}
    runs = []
    with serving(given.latency) as server:
        for number in range(given.rounds):
            for shape in given.shape:
                checkpoints, prompts = map(int, shape.split("x"))
                for in_flight in given.in_flight:
                    for who in sorted(commands, reverse=bool(number % 2)):
                        case = checkpoints, prompts, in_flight
                        runs.append(measured(who, commands[who], server, given.latency, case, number))
                        if given.out:
                            with given.out.open("a", encoding="utf-8") as file:
                                file.write(json.dumps(asdict(runs[-1])) + "\n")
    show(runs)


if __name__ == "__main__":
    main()
