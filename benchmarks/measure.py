"""What the benchmarks share: printing a figure beside its target, and running charbench as a user does."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

CHARBENCH = str(Path(sys.executable).with_name("charbench"))


def tell(
    subject: str, figure: float, unit: str, *, at_most: float | None = None, at_least: float | None = None
) -> bool:
    """Print one line; return whether the target is met."""
    met = (at_most is None or figure <= at_most) and (at_least is None or figure >= at_least)
    target = f"at most {at_most:g}" if at_most is not None else f"at least {at_least:g}" if at_least is not None else ""
    verdict = "" if not target else f"  target {target} {unit}: {'met' if met else 'MISSED'}"
    print(f"{subject:<58} {figure:>10.3f} {unit}{verdict}", flush=True)
    return met


def as_installed() -> dict[str, str]:
    """Return an environment in which Python keeps bytecode, as pip leaves it, and requests go to no proxy."""
    return {name: text for name, text in os.environ.items()
            if name != "PYTHONDONTWRITEBYTECODE" and not name.lower().endswith("_proxy")}  # fmt: skip


@dataclass(frozen=True)
class Finished:
    """How a command went: seconds by the clock and of the processor, peak resident megabytes, exit code."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    code: int


def run_charbench(*arguments: str) -> Finished:
    """Run the command line in a process of its own, its output thrown away."""
    started = time.perf_counter()
    process = subprocess.Popen([CHARBENCH, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    return Finished(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, process.returncode)
