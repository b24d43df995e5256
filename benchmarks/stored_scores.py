"""What it takes to score samples that are in the store with the default scorers, by one process and by two at once.

    python benchmarks/stored_scores.py [SAMPLES]

The samples are those of ``recorded_samples.py``. Told is the processor time of the whole command, its start, the report
and the page included, for each sample; and, by the clock, how much faster two processes are that share one store. The
clock says little where anything else is at work.
"""

from __future__ import annotations

import shutil
import sqlite3
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from measure import Finished, run_charbench, tell
from recorded_samples import write_lab


def stored(lab: Path, count: int) -> Path:
    """Make a lab whose samples are in the store, without a score; return its store."""
    write_lab(lab, count)
    for words in (("discover", "--source", "recorded"), ("sample", "--sampler", "recorded", "--quiet")):
        assert run_charbench(*words, "--lab", str(lab)).code == 0
    return lab / ".charbench" / "charbench.db"


def score(lab: Path, store: Path, processes: int) -> list[Finished]:
    """Score a copy of the store with so many processes at once; return how each of them went."""
    copy = store.with_name(f"by_{processes}.db")
    shutil.copy(store, copy)
    words = "score", "--quiet", "--lab", str(lab), "--store", str(copy)
    with ThreadPoolExecutor(processes) as threads:
        ended = list(threads.map(lambda _: run_charbench(*words), range(processes)))
    assert all(one.code == 0 for one in ended)
    return ended


def scored(store: Path) -> int:
    """Return how many samples all four scorers have scored."""
    connection = sqlite3.connect(store)
    query = "SELECT count(*) FROM (SELECT sample_id FROM scored GROUP BY sample_id HAVING count(*) = 4)"
    (count,) = connection.execute(query).fetchone()
    connection.close()
    return int(count)


def main(count: int) -> int:
    """Measure one process, then two."""
    with tempfile.TemporaryDirectory() as temporary:
        lab = Path(temporary)
        store = stored(lab, count)
        (alone,) = score(lab, store, 1)
        met = tell(f"{count:,} stored samples: CPU a sample", 1e6 * alone.cpu_seconds / count, "µs", at_most=150)
        tell("peak memory", alone.peak_mb, "MB")
        both = score(lab, store, 2)
        tell("two processes: CPU a sample", 1e6 * sum(one.cpu_seconds for one in both) / count, "µs")
        tell("two processes, by the clock: times as fast", alone.seconds / max(one.seconds for one in both), "times")
        for processes in (1, 2):
            done = scored(store.with_name(f"by_{processes}.db"))
            met &= tell(f"samples scored by all scorers, {processes} at work", done, "samples", at_least=count)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
