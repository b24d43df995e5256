"""Discovers a tree of many small files, and reads one large log with few URLs: processor seconds, and GB/s.

``python benchmarks/discovery_tree.py [FILES] [MEGABYTES]``; the trees are made in a temporary folder, and are read
twice, after a wait: what is younger than two seconds is not remembered. One tree holds notes alone, the other what a
project holds: programs, settings, tables and rows.
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


NOTES = {"notes{}.txt": b"Some words, and nothing of interest.\n"}
PROJECT = {
    "module{}.py": b"import os\n\n\ndef main() -> None:\n    print(os.getcwd())\n",
    "run{}.sh": b"#!/bin/sh\nset -eu\npython train.py --lr 1e-4\n",
    "settings{}.json": b'{"name": "app", "version": "1.0.0", "scripts": {"build": "vite build"}}\n',
    "table{}.csv": b"id,name,amount\n1,shoe,3\n2,hat,4\n",
    "rows{}.jsonl": b'{"step": 1, "loss": 0.5}\n{"step": 2, "loss": 0.4}\n',
    "notes{}.txt": b"Some words, and nothing of interest.\n",
    "readme{}.md": b"# Notes\n\nSome words.\n",
    "config{}.yaml": b"model: llama\nlr: 1e-4\n",
}


def tree(root: Path, files: int, kinds: dict[str, bytes]) -> None:
    """Write a tree of files of some kinds in turn, two hundred in a folder."""
    names = list(kinds.items())
    for number in range(files):
        folder = root / f"part{number // 10_000}" / f"folder{number // 200}"
        if number % 200 == 0:
            folder.mkdir(parents=True)
        name, content = names[number % len(names)]
        (folder / name.format(number)).write_bytes(content)


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
        for name, kinds in (("notes", NOTES), ("a project's files", PROJECT)):
            tree(root / name, files, kinds)
            time.sleep(3)
            took = [f"{discovery(root / name):.2f}" for _ in range(6)]
            print(f"{files:,} files, {name}: {took[0]} s, again {', '.join(took[1:])} s")
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
