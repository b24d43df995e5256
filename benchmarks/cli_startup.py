"""How long ``charbench --help`` takes, against the time click alone takes to import.

python benchmarks/cli_startup.py [TIMES]
"""

from __future__ import annotations

import subprocess
import sys
import time
from statistics import median

from measure import CHARBENCH, tell


def seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


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
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20))
