"""How long ``charbench report`` takes over a large store.

    python benchmarks/recorded_samples.py 1000000 FOLDER && python benchmarks/report.py FOLDER

Without a FOLDER a lab of 20,000 samples is made first.
"""

from __future__ import annotations

import sys
from pathlib import Path

from measure import run_charbench, tell
from recorded_samples import on_a_lab


def main(folder: Path) -> int:
    met = True
    for by in ("checkpoint", "name", "persona"):
        runs = [run_charbench("report", "--lab", str(folder), "--by", by) for _ in range(3)]
        met &= all(run.code == 0 for run in runs)
        tell(f"charbench report --by {by}, best of 3", min(run.seconds for run in runs), "s")
        met &= tell("of it, processor time", min(run.cpu_seconds for run in runs), "s", at_most=1.5)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(on_a_lab(main))
