"""Reads mutated inputs, and looks for exceptions that nobody documented, slowness, and text that cannot be stored.

    python -m tools.fuzz [--seconds 120] [--seed 1] [--target NAME] [--save FOLDER]

The same seed makes the same inputs; how many of them are read depends on the time there is. An input that finds
something is saved in FOLDER. Exit code 1 if there are findings.
"""

from __future__ import annotations

import argparse
import random
import re
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from tools.fuzz.mutation import mutated
from tools.fuzz.targets import TARGETS, Target

CPU_SECONDS = 5.0
"""Processor seconds that one input may take; they hold up to 256 KiB."""
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_SAME = 3
"""Inputs that are saved of those that fail at the same line."""


class TooSlowError(BaseException):
    """An input has taken its time; no exception of the program's own, so that none of its handlers takes it."""


@dataclass
class Tally:
    """What became of a target's inputs; ``found`` counts findings by the line that they come from."""

    inputs: int = 0
    refused: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    found: dict[str, int] = field(default_factory=dict)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise :class:`TooSlowError` where the block takes more processor time."""

    def too_slow(*_: object) -> None:
        raise TooSlowError(f"more than {seconds:g} s of processor time")

    before = signal.signal(signal.SIGPROF, too_slow)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def check_storable(value: Any) -> None:
    """Raise :class:`AssertionError` where a text in a value cannot be stored by every database."""
    if isinstance(value, Enum):
        return
    if isinstance(value, str):
        assert not _UNSTORABLE.search(value), "a NUL or half a surrogate pair would be stored"
    elif isinstance(value, dict):
        for item in (*value, *value.values()):
            check_storable(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            check_storable(item)
    elif is_dataclass(value):
        for each in fields(value):
            check_storable(getattr(value, each.name))


def try_one(target: Target, content: bytes, folder: Path, tally: Tally) -> str | None:
    """Read one input; return the traceback of what is found."""
    tally.inputs += 1
    began = time.process_time()
    try:
        with within(CPU_SECONDS):
            for value in target.read(content, folder):
                check_storable(value)
    except target.expected as error:
        tally.refused += 1
        if _UNSTORABLE.search(str(error)):
            return f"the message of {type(error).__name__} cannot be stored: {error!r}\n"
    except (Exception, TooSlowError):  # noqa: BLE001  every exception that is not documented is a finding
        return traceback.format_exc()
    finally:
        took = time.process_time() - began
        tally.seconds += took
        tally.slowest = max(tally.slowest, took)
    return None


def fuzz(target: Target, seed: int, seconds: float, save: Path) -> Tally:
    """Read inputs of one target for so many seconds of processor time."""
    tally, pick = Tally(), random.Random(f"{target.name} {seed}")
    until = time.process_time() + seconds
    with tempfile.TemporaryDirectory() as folder:
        while time.process_time() < until:
            content = mutated(pick, target.seeds)
            if trace := try_one(target, content, Path(folder), tally):
                where = _origin(trace)
                tally.found[where] = tally.found.get(where, 0) + 1
                if tally.found[where] <= _SAME:
                    _save(save / f"{target.name}-{seed}-{tally.inputs}", content, trace)
    return tally


def _origin(trace: str) -> str:
    """Return the last line of the product's code in a traceback, and what was raised."""
    ours = re.findall(r'File "[^"]*?((?:charbench|charbench_plugins|tools)/[^"]+)", line (\d+)', trace)
    place = ":".join(ours[-1]) if ours else "?"
    return f"{place} {trace.rstrip().splitlines()[-1][:120]}"


def _save(path: Path, content: bytes, trace: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".input").write_bytes(content)
    path.with_suffix(".txt").write_text(trace, encoding="utf-8", errors="replace")
    print(f"finding: {path}.input\n{trace}", file=sys.stderr, flush=True)


def main() -> int:
    """Fuzz the targets one after the other, and print the table."""
    options = argparse.ArgumentParser(prog="python -m tools.fuzz", description=(__doc__ or "").splitlines()[0])
    options.add_argument("--seconds", type=float, default=120, help="processor time for all targets together")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--target", choices=sorted(TARGETS), action="append", help="only this one (repeatable)")
    options.add_argument(
        "--save", type=Path, default=Path("fuzz-findings"), help="folder for inputs that find something"
    )
    given = options.parse_args()
    chosen = [TARGETS[name] for name in given.target or TARGETS]
    failed = False
    print(f"{'target':<18}{'inputs':>10}{'refused':>10}{'CPU s':>9}{'slowest s':>11}{'findings':>10}")
    for target in chosen:
        tally = fuzz(target, given.seed, given.seconds / len(chosen), given.save)
        figures = f"{tally.inputs:>10,}{tally.refused:>10,}{tally.seconds:>9.1f}{tally.slowest:>11.2f}"
        print(f"{target.name:<18}{figures}{sum(tally.found.values()):>10,}", flush=True)
        for where, count in tally.found.items():
            print(f"  {count:,} x {where}")
        failed |= bool(tally.found)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
