"""Discovers a tree of many small files, and reads one large log with few URLs: processor seconds, and GB/s.

``python benchmarks/discovery_tree.py [FILES] [MEGABYTES]``; the tree is made in a temporary folder, and is read
twice, after a wait: what is younger than two seconds is not remembered.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from charbench import LabFile
from charbench.config.loading import load_config
from charbench.discovery.stage import discover
from charbench.run.session import Session
from charbench_plugins.sources.logs.reader import scan_log

LINE = b"[epoch 1 step 5/120] loss=0.5005 acc=60.0% some more words stand here at that place\n"
URL = b"Saved training checkpoint: tinker://00000001-0000-4000-8000-000000000001:train:0/weights/pirate_dpo\n"


def tree(root: Path, files: int) -> None:
    """Write a tree of notes, two hundred in a folder."""
    for number in range(files):
        folder = root / f"part{number // 10_000}" / f"folder{number // 200}"
        if number % 200 == 0:
            folder.mkdir(parents=True)
        (folder / f"notes{number}.txt").write_bytes(b"Some words, and nothing of interest.\n")


def discovery(root: Path) -> float:
    """Return the processor seconds of one discovery."""
    session = Session(load_config({"lab": root}, (), {}, None))
    sources = session.sources()
    began = time.process_time()
    discover(session.database, sources, session.lab, session.policy, lifecycle=session.lifecycle)
    took = time.process_time() - began
    session.close()
    return took


def main() -> None:
    """Print the figures."""
    files, megabytes = (int(word) for word in [*sys.argv[1:], "100000", "1000"][:2])
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        tree(root / "lab", files)
        time.sleep(3)
        took = (f"{discovery(root / 'lab'):.2f}" for _ in range(6))
        print(f"{files:,} files: {next(took)} s, again {', '.join(took)} s")
        log = root / "large.log"
        block = LINE * (1_000_000 // len(LINE))
        with log.open("wb") as file:
            for number in range(megabytes):
                file.write(block + (URL if number % 50 == 0 else b""))
        rates = []
        for _ in range(3):
            began = time.process_time()
            found = scan_log(LabFile.at(log, log.name)).urls
            rates.append(log.stat().st_size / (time.process_time() - began) / 1e9)
        print(f"a log of {megabytes:,} MB with {len(found)} URLs: {max(rates):.2f} GB/s, at worst {min(rates):.2f}")


if __name__ == "__main__":
    main()
