"""Write the tables of docs/explanation/number-of-prompts.md from benchmarks/results/power.json.

    python benchmarks/power_page.py [--check]

With --check nothing is written: the exit code is 1 where the page does not hold what the results say.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "power.json"
PAGE = ROOT / "docs" / "explanation" / "number-of-prompts.md"
LARGE = 20
TABLES = {
    "held out": ("held_out", "last"),
    "tried": ("advice", "many_pairs", "alone"),
    "skewed": ("skewed",),
    "asked unevenly": ("uneven", "uneven_held_out"),
}
KINDS = ("paired rate", "paired mean", "unpaired rate", "unpaired mean")
Figure = dict[str, Any]


def main() -> int:
    figures = json.loads(RESULTS.read_text("utf-8"))
    text = PAGE.read_text("utf-8")
    tables = {"summary": summary(figures), "ranges": ranges(figures)}
    tables |= {name: designs([one for one in figures if one["part"] in parts]) for name, parts in TABLES.items()}
    made = text
    for name, lines in tables.items():
        made = filled(made, name, lines)
    if "--check" in sys.argv[1:]:
        return int(made != text)
    PAGE.write_text(made, encoding="utf-8")
    return 0


def filled(text: str, name: str, lines: list[str]) -> str:
    """Return the page with the lines between the marks of this name."""
    begin, end = f"<!-- {name} -->\n", "<!-- end -->"
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise SystemExit(f"{PAGE.name} has no {begin.strip()} ... {end}")
    return before + begin + "\n".join(lines) + "\n" + end + after


def summary(figures: list[Figure]) -> list[str]:
    """Return what was found of each kind: mean, lowest and highest share of the designs."""
    lines = [
        "| kind | designs | large pilot: mean (lowest to highest), within 78 to 85% ± 2 errors | of its own size |",
        "| --- | ---: | --- | --- |",
    ]
    asked = [one for one in figures if one["part"] in {part for parts in TABLES.values() for part in parts}]
    for kind in KINDS:
        pairs = paired(one for one in asked if one["kind"] == kind).values()
        large, own = (list(filter(None, side)) for side in zip(*pairs, strict=True))
        lines.append(f"| {kind} | {len(pairs)} | {spanned(large)} | {spanned(own)} |")
    return lines


def spanned(figures: list[Figure]) -> str:
    shares = [one["significant"] for one in figures if one["significant"] is not None]
    right = sum(one["significant"] is not None and within(one) for one in figures)
    without = f"; no number for {len(figures) - len(shares)}" if len(figures) > len(shares) else ""
    mean = sum(shares) / len(shares)
    return f"{mean:.0%} ({min(shares):.0%} to {max(shares):.0%}), {right} of {len(shares)} within{without}"


def within(one: Figure) -> bool:
    """Whether the share is between 78 and 85%, or two standard errors from that."""
    return bool(abs(one["significant"] - 0.815) <= 0.035 + 2 * one["monte_carlo_error"])


def designs(figures: list[Figure]) -> list[str]:
    """Return a row for each design: what a large pilot advises, and one of the design's own size."""
    lines = [
        "| design | N of a large pilot | finds it | N of a pilot of its own size, middle 80% | finds it |",
        "| --- | ---: | --- | --- | --- |",
    ]
    for name, (large, own) in sorted(paired(figures).items(), key=lambda one: order(one[0])):
        advised = f"{large['advised'][1]:,}" if large and large["advised"] else ""
        spread = ""
        if own and own["advised"]:
            spread = f"{own['advised'][0]:,} to {own['advised'][2]:,}"
            spread += f" ({own['n']} of {own['labs']} get one)" if own["n"] < own["labs"] else ""
        elif own:
            spread = "no number is given"
        lines.append(f"| {name} | {advised} | {share(large)} | {spread} | {share(own)} |")
    return lines


def paired(figures: Iterable[Figure]) -> dict[str, tuple[Figure | None, Figure | None]]:
    """Return each design's figures by a large pilot and by one of its own size; of two, that of more labs."""
    found: dict[str, tuple[Figure | None, Figure | None]] = {}
    for one in sorted(figures, key=lambda one: one["labs"]):
        large, own = found.get(one["design"], (None, None))
        found[one["design"]] = (one, own) if one["pilot"] == LARGE else (large, one)
    return found


def order(design: str) -> tuple[int, str]:
    kind = next(number for number, one in enumerate(KINDS) if design.startswith(one))
    return kind, re.sub(r"\d+", lambda digits: f"{int(digits[0]):05}", design)


def share(one: Figure | None) -> str:
    if one is None or one["significant"] is None:
        return ""
    return f"{one['significant']:.1%} ± {100 * one['monte_carlo_error']:.1f}"


def ranges(figures: list[Figure]) -> list[str]:
    """Return how often the range of a pilot of the design's own size holds the true number."""
    lines = [
        "| design | true N | N, middle 80% | range, median | holds it | too low | too high |",
        "| --- | ---: | --- | --- | --- | ---: | ---: |",
    ]
    for one in (one for one in figures if one["part"] == "ranges"):
        name = one["design"] + (f" ({one['n']} of {one['labs']} get one)" if one["n"] < one["labs"] else "")
        advised, between = one["advised"], one["range"]
        lines.append(
            f"| {name} | {one['true']:,} | {advised[0]:,} to {advised[2]:,} | "
            f"{between[0]:,} to {between[1]:,} | {one['holds']:.1%} ± {100 * one['monte_carlo_error']:.1f} | "
            f"{one['too_low']:.1%} | {one['too_high']:.1%} |"
        )
    return lines


if __name__ == "__main__":
    sys.exit(main())
