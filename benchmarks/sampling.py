"""What sampling costs: CPU and memory of a whole ``charbench eval`` beside a bare loop over the openai client.

    python benchmarks/sampling.py [PROMPTS]

A server in a process of its own answers every chat completion after 50 ms. charbench asks it 10,000 prompts,
stores the samples, scores them with keywords and reports; the bare loop sends the same requests with the
openai client and the same transport (aiohttp), and throws the answers away. CPU is user and system time of the
whole process, its start included, divided by the samples. The bare loop runs before and after, and the mean of
the two is the measure, so that a change in the machine's load shows.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from chat_server import prompt, serving
from measure import CHARBENCH, tell

TARGET = 1.5
BARE = Path(__file__).parent / "peers" / "bare.py"


def cpu_of(*command: str) -> tuple[float, float, float]:
    """Run a command; return its CPU seconds (user and system), its peak megabytes, and its seconds."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status):
        sys.exit(said.decode())
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, time.perf_counter() - started


def measure(url: str, prompts: int, at_once: int, folder: Path) -> bool:
    """Measure one number of requests in flight; return whether the targets are met."""
    bare = (sys.executable, str(BARE), url, str(folder / "prompts.txt"), str(at_once))
    ours = (
        CHARBENCH, "eval", "--lab", str(folder), "--store", str(folder / f"{at_once}.db"), "-c", "model:m",
        "-p", "pirate", "--sampler", "thinking", "--scorer", "keyword", "--prompts", str(folder / "prompts.txt"), "-q",
        "-o", f"sampler.thinking.base_url={url}", "-o", f"sampler.thinking.concurrency={at_once}",
    )  # fmt: skip
    before, _, bare_seconds = cpu_of(*bare)
    cpu, peak, seconds = cpu_of(*ours)
    after, _, _ = cpu_of(*bare)
    plain = (before + after) / 2
    print(f"-- {prompts:,} prompts, {at_once} in flight")
    tell("bare loop over the openai client, CPU a sample", 1000 * plain / prompts, "ms")
    tell("charbench eval, CPU a sample", 1000 * cpu / prompts, "ms")
    met = tell("charbench to bare loop", cpu / plain, "times", at_most=TARGET)
    met &= tell("peak memory", peak, "MB", at_most=250)
    tell("bare loop", bare_seconds, "s")
    tell("charbench eval", seconds, "s")
    return met


def main(prompts: int) -> int:
    """Start the server, and measure at 64 and at 256 in flight."""
    met = True
    with serving() as server, tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "prompts.txt").write_text("".join(f"{prompt(number)}\n" for number in range(prompts)))
        for at_once in (64, 256):
            met &= measure(server.url, prompts, at_once, folder)
    return 0 if met else 1


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
