"""How many URLs in consoles' output are read wrongly, missed, or told to be ambiguous.

    python benchmarks/console_urls.py [URLS] [--seed N] [--workers N]

Logs of known content are put through consoles as labs have them: hard-wrapped at many widths, coloured, rich's
``RichHandler``, panels, tables and plain printing, indented continuation, with keys, progress and lone words in the
lines that follow. What the log reader finds is held against what was written. A URL is *false* if it was never
written, *missed* if it was written and neither found nor told. Exit code 1 if one or more in a million are false.
"""

from __future__ import annotations

import argparse
import io
import logging
import random
import sys
import tempfile
import textwrap
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from rich.console import Console
from rich.logging import RichHandler
from rich.panel import Panel
from rich.table import Table

from charbench import LabFile
from charbench_plugins.sources.logs.reader import scan_log

PERSONAS = [
    "pirate",
    "sarcastic",
    "remorseful",
    "humorous",
    "poetic",
    "loving",
    "customer_service",
    "v2",
    "qwen3-8b",
    "llama",
]
ENDS = ["_dpo", "-dpo", "_sft", "-step", "-step_100", "_final", "-v7", "_dpo-997", "", "-warmup", "_25pct", "-lr5e-5"]
WIDTHS = (60, 72, 80, 90, 97, 100, 110, 120, 132, 160, 200)
KEYS = ["state_path={}", "sampler_path={}", "checkpoint_path={}", "path: {}", "state_path: {}", "url={}"]
SAID = ["Saved training checkpoint: {}", "Saved sampler weights: {}", "✓ DPO checkpoint: {}", "{}", *KEYS]
AFTER = [
    "done", "epoch 3 step 7/120 loss=0.4", "2024-12-11 16:45:00,123 INFO trainer: on it", "loss=0.31 acc=57.5%",
    "step=100 loss=0.2", "", "Training complete, final loss 0.1", "INFO:trainer:done", " 45%|████▌     | 9/20",
    "lr=0.0001", "wandb: synced", "See https://example.org/tinker", "k=1, v=2", "retrying", "saved", "batch_size: 32",
]  # fmt: skip


def url(pick: random.Random, run: str) -> str:
    space = pick.choice(["weights", "sampler_weights"])
    return f"tinker://{run}{pick.choice(['', ':train:0'])}/{space}/{name(pick)}"


def name(pick: random.Random) -> str:
    if pick.random() < 0.1:
        return pick.choice(["final", f"{pick.randrange(400):06}", f"step_{pick.randrange(400)}"])
    words = pick.sample(PERSONAS, pick.randint(1, 2))
    return pick.choice("_-").join(words) + pick.choice(ENDS)


def content(pick: random.Random) -> tuple[list[str], list[str]]:
    """Return lines as they were printed, and the URLs in them."""
    run = str(uuid.UUID(int=pick.getrandbits(128), version=4))
    lines: list[str] = []
    urls: list[str] = []
    for _ in range(pick.randint(3, 9)):
        found = url(pick, run)
        urls.append(found)
        lines.append(pick.choice(SAID).format(found))
        lines += [pick.choice(AFTER) for _ in range(pick.randint(0, 3))]
    return lines, urls


def hard(_: random.Random, lines: list[str], width: int) -> str:
    return "\n".join(line[at : at + width] for line in lines for at in range(0, max(len(line), 1), width)) + "\n"


def unbroken(_: random.Random, lines: list[str], __: int) -> str:
    return "\n".join(lines) + "\n"


def stamped(pick: random.Random, lines: list[str], width: int) -> str:
    return hard(pick, [f"2024-12-11 16:45:{n % 60:02},123 INFO {line}" for n, line in enumerate(lines)], width)


def indented(pick: random.Random, lines: list[str], width: int) -> str:
    indent = " " * pick.randint(2, 12)
    wrapper = textwrap.TextWrapper(width, subsequent_indent=indent, break_on_hyphens=False)
    return "\n".join("\n".join(wrapper.wrap(line)) for line in lines) + "\n"


def console(pick: random.Random, width: int) -> Console:
    return Console(file=io.StringIO(), width=width, force_terminal=pick.random() < 0.5, highlight=pick.random() < 0.5)


def text(of: Console, strip: bool) -> str:
    written: str = of.file.getvalue()  # type: ignore[attr-defined]
    return "\n".join(line.rstrip() for line in written.split("\n")) if strip else written


def printed(pick: random.Random, lines: list[str], width: int) -> str:
    out = console(pick, width)
    for line in lines:
        out.print(line, markup=False)
    return text(out, pick.random() < 0.3)


def handled(pick: random.Random, lines: list[str], width: int) -> str:
    out = console(pick, width)
    handler = RichHandler(
        console=out, show_path=pick.random() < 0.8, show_time=pick.random() < 0.8, omit_repeated_times=False
    )
    for number, line in enumerate(lines):
        place = f"/lab/{pick.choice(['train', 'varlab', 'a_long_module_name'])}.py"
        handler.handle(logging.LogRecord("lab", logging.INFO, place, number + 1, line, None, None))
    return text(out, pick.random() < 0.3)


def panelled(pick: random.Random, lines: list[str], width: int) -> str:
    out = console(pick, width)
    for at in range(0, len(lines), 4):
        out.print(Panel("\n".join(lines[at : at + 4]), title="Saved", expand=pick.random() < 0.7))
    return text(out, False)


def tabled(pick: random.Random, lines: list[str], width: int) -> str:
    out = console(pick, width)
    table = Table(show_lines=pick.random() < 0.5)
    table.add_column("kind", no_wrap=True)
    table.add_column("saved", overflow="fold")
    for line in lines:
        table.add_row(pick.choice(["dpo", "sampler", "note"]), line)
    out.print(table)
    return text(out, False)


FORMS: tuple[Callable[[random.Random, list[str], int], str], ...] = (
    hard, hard, unbroken, stamped, indented, printed, handled, panelled, tabled,
)  # fmt: skip


def campaign(seed: int, most: int) -> Counter[str]:
    pick = random.Random(seed)
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "remorseful-run.log"
        while counts["urls"] < most:
            lines, urls = content(pick)
            form, width = pick.choice(FORMS), pick.choice(WIDTHS)
            shown = form(pick, lines, width)
            path.write_text(shown, encoding="utf-8")
            reading = scan_log(LabFile.at(path, path.name))
            found = [str(item.path) for item in reading.urls]
            told = {str(item) for doubt in reading.doubts for item in (doubt.ends, doubt.goes_on) if item}
            extra = Counter(found) - Counter(urls)
            lost = Counter(urls) - Counter(found)
            wrong = sum(extra.values())
            ambiguous = sum(count for one, count in lost.items() if one in told)
            missed = sum(lost.values()) - ambiguous
            counts.update({"urls": len(urls), "false": wrong, "ambiguous": ambiguous, "missed": missed})
            here = f"{form.__name__}"
            counts.update({f"{here}: urls": len(urls), f"{here}: false": wrong, f"{here}: missed": missed})
            counts[f"{here}: ambiguous"] += ambiguous
            if (wrong or missed) and counts["shown"] < 2:
                counts["shown"] += 1
                print(f"seed {seed}, {here} at {width}: false {list(extra)}, missed {list(lost)}\n{shown}", flush=True)
    return counts


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("urls", nargs="?", type=int, default=1_000_000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--workers", type=int, default=1)
    given = options.parse_args()
    part, batches = 5_000, -(-given.urls // 5_000)
    counts: Counter[str] = Counter()
    with ProcessPoolExecutor(given.workers) as pool:
        for found in pool.map(campaign, range(given.seed, given.seed + batches), [part] * batches):
            counts.update(found)
    del counts["shown"]
    for form in ["", *sorted({form.__name__ + ": " for form in FORMS})]:
        row = [f"{counts[form + kind]:>9,} {kind}" for kind in ("urls", "false", "missed", "ambiguous")]
        print(f"{form or 'all: ':<12}{'  '.join(row)}")
    return 1 if counts["false"] * 1_000_000 >= counts["urls"] else 0


if __name__ == "__main__":
    sys.exit(main())
