"""How long ``charbench --help`` takes, against the time click alone takes to import; processor time of other commands.

python benchmarks/cli_startup.py [TIMES]
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from measure import CHARBENCH, run_charbench, tell
from recorded_samples import write_lab

LIGHT = (
    ("run", "--help"), ("report", "--help"), ("plugins", "--help"), ("plugins", "list"), ("personas", "list"),
)  # fmt: skip
"""Commands that read no store."""
READING = (("status",), ("report",), ("checkpoints", "list"), ("verdict",), ("history",))
"""Commands that read the store of a small lab: 20 recorded samples, scored."""


def seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def processor_time(words: Sequence[str], times: int, *, at_most: float) -> bool:
    """Tell the median of so many runs after one that keeps what later commands need not find out again."""
    run_charbench(*words)
    figure = median(run_charbench(*words).cpu_seconds for _ in range(times))
    shown = " ".join(word for word in words if "/" not in word and word != "--lab")
    return tell(f"charbench {shown}, processor time", figure * 1000, "ms", at_most=at_most)


def main(times: int) -> int:
    commands = {"help": [CHARBENCH, "--help"], "click": [sys.executable, "-c", "import click"]}
    for command in commands.values():
        seconds(command)  # the first one reads from disk
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(times):  # by turns, so that a busy moment hits both
        for name, command in commands.items():
            taken[name].append(seconds(command))
    helped, imported = median(taken["help"]), median(taken["click"])
    tell("python -c 'import click'", imported * 1000, "ms")
    met = tell("charbench --help", helped * 1000, "ms", at_most=200)
    met &= tell("charbench --help over import click", helped / imported, "times", at_most=2)
    for words in LIGHT:
        met &= processor_time(words, times, at_most=200)
    with tempfile.TemporaryDirectory() as lab:
        write_lab(Path(lab), 20)
        run_charbench("run", "--lab", lab, "--source", "recorded", "--quiet")
        for words in READING:
            met &= processor_time((*words, "--lab", lab), times, at_most=450)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20))
