"""What sampling costs: CPU and memory of whole charbench commands beside a bare loop over the openai client.

    python benchmarks/sampling.py [PROMPTS] [ROUNDS]

A server in a process of its own answers every chat completion after 50 ms. ``charbench sample`` asks it 2,000 prompts
and stores the samples; ``charbench eval`` scores them too, with keywords or with the default scorers, reports, and
writes the page. The bare loop sends the same requests with the openai client and the same transport (aiohttp), and
throws the answers away. CPU is user and system time of the whole process, its start included. Each command runs once in
each round, in another order from round to round, and is divided by the bare loop of its round, so that a change in the
machine's load does no harm; a round before them counts for nothing, and leaves the bytecode that pip would have. Told
are medians, least and most.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import median

from chat_server import prompt, serving
from measure import CHARBENCH, as_installed, tell

BARE = Path(__file__).parent / "peers" / "bare.py"
TIMES, PEAK = 1.0, 130.0
"""Targets: of the bare loop's CPU at most, for ``charbench sample``; megabytes at most, for all commands."""


def cpu_of(*command: str) -> tuple[float, float, float]:
    """Run a command; return its CPU seconds (user and system), its peak megabytes, and its seconds."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=as_installed())
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status):
        sys.exit(said.decode())
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, time.perf_counter() - started


def commands(url: str, at_once: int, prompts: Path, folder: Path) -> dict[str, tuple[str, ...]]:
    """Return the commands that are compared, by name; those of charbench make a store of their own in ``folder``."""
    given = (
        "--lab", str(folder), "-c", "model:m", "-p", "pirate", "--sampler", "thinking", "--prompts", str(prompts), "-q",
        "-o", f"sampler.thinking.base_url={url}", "-o", f"sampler.thinking.concurrency={at_once}", "--store",
    )  # fmt: skip
    return {
        "bare": (sys.executable, str(BARE), url, str(prompts), str(at_once)),
        "sample": (CHARBENCH, "sample", *given, str(folder / "sample.db")),
        "eval, keyword": (CHARBENCH, "eval", "--scorer", "keyword", *given, str(folder / "keyword.db")),
        "eval": (CHARBENCH, "eval", *given, str(folder / "eval.db")),
    }


def measure(url: str, prompts: int, at_once: int, rounds: int) -> bool:
    """Measure one number of requests in flight; return whether the targets are met."""
    cpu: dict[str, list[float]] = defaultdict(list)
    peak: dict[str, float] = defaultdict(float)
    for number in range(rounds + 1):
        with tempfile.TemporaryDirectory() as temporary:
            file = Path(temporary) / "prompts.txt"
            file.write_text("".join(f"{prompt(number)}\n" for number in range(prompts)))
            named = list(commands(url, at_once, file, Path(temporary)).items())
            first = number % len(named)
            for name, words in named[first:] + named[:first]:
                taken, megabytes, _ = cpu_of(*words)
                if number:
                    cpu[name].append(taken)
                    peak[name] = max(peak[name], megabytes)
    print(f"-- {prompts:,} prompts, {at_once} in flight, {rounds} rounds")
    met = True
    for name in cpu:
        tell(f"{name}: CPU a prompt", 1000 * median(cpu[name]) / prompts, "ms")
    for name in ("sample", "eval, keyword", "eval"):
        ratios = [ours / bare for ours, bare in zip(cpu[name], cpu["bare"], strict=True)]
        told = f"{name}: to the bare loop, {min(ratios):.2f} to {max(ratios):.2f}"
        met &= tell(told, median(ratios), "times", at_most=TIMES if name == "sample" else None)
        met &= tell(f"{name}: peak memory", peak[name], "MB", at_most=PEAK)
    return met


def main(prompts: int, rounds: int) -> int:
    """Start the server, and measure at 64 and at 256 in flight."""
    with serving() as server:
        met = [measure(server.url, prompts, at_once, rounds) for at_once in (64, 256)]
    return 0 if all(met) else 1


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    given = [int(word) for word in sys.argv[1:]]
    sys.exit(main(*given, *(2000, 5)[len(given) :]))
