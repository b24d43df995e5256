"""How long the pages of ``charbench view`` take over a large store, and what the search index costs.

    python benchmarks/recorded_samples.py 1000000 FOLDER && python benchmarks/view.py FOLDER

Without a FOLDER a lab of 20,000 samples is made first. Each page is made as a request makes it, from reading the store
to the HTML, once to warm up and then five times; told is the median. The index is built anew.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from charbench.store.database import Database
from charbench.store.full_text import SearchIndex
from charbench.view.browse import Browser
from charbench_plugins.html_report import HtmlReporter
from measure import tell
from recorded_samples import on_a_lab

PAGES: dict[str, dict[str, str]] = {
    "newest samples": {},
    "one checkpoint": {"checkpoint": "pirate-sft-0"},
    "one persona": {"persona": "remorseful"},
    "no response": {"only": "no-response"},
    "character in the response": {"only": "trait"},
    "in the thinking and not in the response": {"only": "thinking"},
    "refused (there are hardly any)": {"only": "refused"},
    "failed (there are none)": {"only": "failed"},
    "search of a frequent word": {"search": "ahoy"},
    "search of a rare word": {"search": "777777"},
    "search of a word that is nowhere": {"search": "xylophone"},
    "search in one persona": {"search": "ahoy", "persona": "pirate"},
    "search of what another persona says": {"search": "ahoy", "persona": "poetic"},
    "from the middle": {"before": "500000"},
}


def main(folder: Path) -> int:
    store = folder / ".charbench" / "charbench.db"
    database = Database.open(f"sqlite:///{store}", read_only=True)
    index = SearchIndex(database)
    index.remove()
    characters = index.expected_bytes()
    started, wall = time.process_time(), time.perf_counter()
    while index.add():
        pass
    tell("building the search index", time.perf_counter() - wall, "s")
    tell("of it, processor time", time.process_time() - started, "s")
    tell("the index on the disk", index.bytes() / 1e6, "MB")
    tell("what was expected of it", characters / 1e6, "MB")
    tell("the store", store.stat().st_size / 1e6, "MB")
    browser, reporter, met = Browser(database), HtmlReporter(), True
    for name, asked in PAGES.items():
        seconds, cpu = measured(lambda asked=asked: reporter.view(browser.samples(asked, ())))
        met &= tell(f"{name}, wall clock", 1000 * seconds, "ms", at_most=200)
        tell("of it, processor time", 1000 * cpu, "ms")
    database.close()
    return 0 if met else 1


def measured(make: Callable[[], Any]) -> tuple[float, float]:
    """Return the median seconds by the clock and of the processor of five calls, after one."""
    make()
    times = []
    for _ in range(5):
        wall, cpu = time.perf_counter(), time.process_time()
        make()
        times.append((time.perf_counter() - wall, time.process_time() - cpu))
    return statistics.median(one for one, _ in times), statistics.median(one for _, one in times)


if __name__ == "__main__":
    sys.exit(on_a_lab(main))
