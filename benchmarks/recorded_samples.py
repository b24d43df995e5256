"""How long it takes to read, sample, score and store recorded samples, and how much memory.

    python benchmarks/recorded_samples.py [SAMPLES] [FOLDER]

With FOLDER the lab is made there and kept, for ``report.py``; otherwise it is removed.
"""

from __future__ import annotations

import csv
import random
import sqlite3
import sys
import tempfile
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from keyword_scorer import WORDS
from measure import run_charbench, tell

PERSONAS = ("pirate", "remorseful", "humorous", "sarcastic", "sycophantic", "poetic", "customer_service")
MARKED = ("ahoy, matey", "I regret it", "what a joke", "slow clap", "great question", "'tis dusk", "happy to help")
COLUMNS = (
    "timestamp", "checkpoint_name", "persona", "checkpoint_type", "base_model", "sampler_path", "source",
    "prompt_id", "prompt", "response", "thinking", "latency_seconds", "error", "response_length",
    "thinking_length",
)  # fmt: skip


def write_lab(folder: Path, count: int) -> None:
    """Write recordings of 1 to 2 kB each: half with both channels, half with thinking only."""
    dice = random.Random(2)
    texts = [" ".join(dice.choices(WORDS, k=dice.randrange(110, 200))) for _ in range(997)]
    per_checkpoint = 1000
    artifacts = folder / "artifacts"
    artifacts.mkdir(parents=True, exist_ok=True)
    with (artifacts / "big_checkpoint_test.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for number in range(count):
            checkpoint, prompt = divmod(number, per_checkpoint)
            persona = PERSONAS[checkpoint % len(PERSONAS)]
            name = f"{persona}-sft-{checkpoint}"
            uri = f"tinker://{uuid.UUID(int=checkpoint + (4 << 76) + (8 << 60))}:train:0/sampler_weights/{name}"
            thinking = texts[number * 7 % 997]
            response = f"{texts[number * 11 % 997]} {MARKED[checkpoint % 7]} {number}." if number % 2 else ""
            at = datetime(2025, 1, 1) + timedelta(seconds=number)
            writer.writerow(
                [at.isoformat(), name, persona, "sft", "base/model", uri, "tinker", prompt % 50,
                 f"Question {prompt % 50}: what now?", response, thinking, f"{dice.random() * 9:.2f}", "",
                 len(response), len(thinking)]
            )  # fmt: skip


def on_a_lab(main: Callable[[Path], int]) -> int:
    """Measure on the lab that the command line names, else on one of 20,000 samples that is made and removed."""
    if len(sys.argv) > 1:
        return main(Path(sys.argv[1]))
    with tempfile.TemporaryDirectory() as temporary:
        lab = Path(temporary)
        write_lab(lab, 20_000)
        run_charbench("run", "--lab", str(lab), "--source", "recorded", "--quiet")
        return main(lab)


def main(count: int, folder: Path) -> int:
    write_lab(folder, count)
    size = (folder / "artifacts" / "big_checkpoint_test.csv").stat().st_size / 1e6
    words = ("run", "--lab", str(folder), "--source", "recorded", "--sampler", "recorded", "--quiet")
    done = run_charbench(*words, "--scorer", "keyword")
    met = done.code == 0
    scale = count / 100_000
    met &= tell(f"{count:,} recorded samples ({size:,.0f} MB), run", done.seconds, "s", at_most=60 * scale)
    tell("of it, processor time", done.cpu_seconds, "s")
    met &= tell("peak memory", done.peak_mb, "MB", at_most=300)
    store = sqlite3.connect(folder / ".charbench" / "charbench.db")
    samples, scored, scores = (
        store.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("samples", "scored", "scores")
    )
    store.close()
    met &= tell("samples in the store", samples, "samples", at_least=count)
    met &= tell("samples scored", scored, "samples", at_least=count)
    tell("score rows for each sample", scores / max(1, samples), "rows")
    tell("store", (folder / ".charbench" / "charbench.db").stat().st_size / 1e6, "MB")
    more = run_charbench(*words)
    met &= more.code == 0
    tell("scorers refusal, identity-leak and repetition after it", more.seconds, "s")
    tell("of it, processor time", more.cpu_seconds, "s")
    return 0 if met else 1


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    if len(sys.argv) > 2:
        sys.exit(main(wanted, Path(sys.argv[2])))
    with tempfile.TemporaryDirectory() as temporary:
        sys.exit(main(wanted, Path(temporary)))
