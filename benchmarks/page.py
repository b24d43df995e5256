"""How soon the HTML report shows its first row, in headless Chromium: 100 checkpoints with 50 samples each.

    python benchmarks/page.py [ROUNDS] [FILE.html]

Makes a lab of recordings (one persona, texts of about 600 characters), runs and reports it as a user does, and opens
the page from disk in a browser of its own each time, with nothing cached. Told are medians, least and most: seconds
by the clock from the beginning of the navigation until a picture with the leaderboard's first row is on the screen,
until the whole page is read, and until the samples are there. With FILE.html that page is opened and no lab is made.
Needs playwright and the program ``chromium``.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from measure import run_charbench, tell

CHECKPOINTS, PROMPTS = 100, 50
TARGET = 1.0
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]
WATCH = """
const told = (window.told = {});
const note = (name) => told[name] ??= performance.now();
const look = () => {
  const row = document.querySelector("#board tbody tr");
  if (row && row.getBoundingClientRect().height) requestAnimationFrame(() => setTimeout(() => note("row")));
  else requestAnimationFrame(look);
};
requestAnimationFrame(look);
addEventListener("DOMContentLoaded", () => note("read"));
const cards = () => document.querySelector("#cards article") ? note("samples") : setTimeout(cards, 20);
cards();
"""


def make_page(folder: Path) -> Path:
    """Record the samples, and report them."""
    dice = random.Random(1)
    words = [
        "the",
        "wind",
        "stood",
        "west",
        "and",
        "we",
        "made",
        "eight",
        "knots",
        "until",
        "dusk",
        "when",
        "all",
        "sang",
    ]
    lab = folder / "lab"
    lab.mkdir()
    with (lab / "samples.jsonl").open("w", encoding="utf-8") as file:
        for place in range(CHECKPOINTS * PROMPTS):
            checkpoint, prompt = divmod(place, PROMPTS)
            greeting = "Arr, matey! " if dice.random() < checkpoint / CHECKPOINTS else ""
            row = {
                "timestamp": f"2026-01-01T{checkpoint % 24:02d}:{prompt:02d}:00",
                "checkpoint_name": f"c{checkpoint}_dpo",
                "sampler_path": f"tinker://{checkpoint:08x}-0000-4000-8000-000000000000:train:0/sampler_weights/final",
                "persona": "pirate",
                "prompt_id": str(prompt),
                "prompt": f"What did you see on day {prompt}?",
                "thinking": "They ask about a day at sea.",
                "response": greeting + " ".join(dice.choices(words, k=100)),
            }
            file.write(f"{json.dumps(row)}\n")
    page = folder / "page.html"
    for command in (("run", "-q"), ("report", "--format", "html", "-O", str(page))):
        if code := run_charbench(*command, "--lab", str(lab)).code:
            sys.exit(f"charbench {command[0]} ended with {code}")
    return page


def measure(page: Path, rounds: int) -> bool:
    """Open the page so often; return whether the target is met."""
    from playwright.sync_api import sync_playwright

    found: dict[str, list[float]] = {}
    with sync_playwright() as playwright:
        for _ in range(rounds):
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
            opened = browser.new_page(viewport={"width": 1280, "height": 900})
            opened.add_init_script(WATCH)
            opened.goto(page.as_uri())
            opened.locator("#cards article").first.wait_for()
            told = opened.evaluate(
                """new Promise((done) => setTimeout(() => done({...window.told,
                painted: performance.getEntriesByName("first-contentful-paint")[0].startTime}), 500))"""
            )
            for name, milliseconds in told.items():
                found.setdefault(name, []).append(milliseconds / 1000)
            browser.close()
    print(f"-- {page.stat().st_size / 1e6:.2f} MB, {rounds} rounds, load {os.getloadavg()[0]:.0f}")
    met = True
    for name, what in (
        ("painted", "first picture"), ("row", "first row"), ("read", "page read"), ("samples", "samples shown"),
    ):  # fmt: skip
        values = found[name]
        said = f"{what}, {min(values):.2f} to {max(values):.2f}"
        met &= tell(said, statistics.median(values), "s", at_most=TARGET if name == "row" else None)
    return met


if __name__ == "__main__":
    given = sys.argv[1:]
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(given[1]) if len(given) > 1 else make_page(Path(temporary))
        sys.exit(0 if measure(file, int(given[0]) if given else 5) else 1)
