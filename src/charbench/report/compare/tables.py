"""A comparison as tables, for the terminal and for Markdown."""

from __future__ import annotations

from charbench.analysis.differences import Difference
from charbench.analysis.tiers import LEVEL
from charbench.domain.table import Table
from charbench.report.captions import comparison_caption
from charbench.report.compare.build import ComparisonReport
from charbench.report.compare.groups import GroupBy
from charbench.report.compare.pairs import GroupComparison, Pair
from charbench.report.compare.prompts import PromptGap
from charbench.report.compare.words import difference_cell, estimate_cell, sentence
from charbench.report.compare_runs import OVER_RUNS
from charbench.report.render.cells import OTHER_PROMPTS, count_of, p_value, percent_with_interval, whole
from charbench.text.enumeration import short_list
from charbench.text.terminal import sanitize

MOST_PAIRS = 45
MOST_SENTENCES = 6
_TEXT = 280

_EXPENDABLE = (
    "Response | thinking [95%]", "Prompts", "Kind", "With it", "Persona", "Thinking − response [95%]",
)  # fmt: skip


def comparison_tables(answer: ComparisonReport) -> list[Table]:
    """Return the table of sides and that of pairs."""
    return [_sides(answer), _pairs(answer)]


def _sides(answer: ComparisonReport) -> Table:
    comparison, by = answer.comparison, answer.question.by
    measure = comparison.measure
    columns = ["Tier", by.value.capitalize() if by else "Checkpoint", "Persona"]
    columns += ["Kind"] if by is not GroupBy.KIND else []
    columns += ["Checkpoints"] if by or any(len(side.uris) > 1 for side in comparison.sides) else []
    columns += ["Samples", "Prompts", measure.column]
    columns += ["With it"] if measure.is_rate else []
    columns += [] if measure.is_responses else ["Responses"]
    columns += (
        ["Thinking − response [95%]", "Response | thinking [95%]"]
        if any(one is not None for one in comparison.erosions)
        else []
    )
    rows = {}
    for index, side in enumerate(comparison.sides):
        cells = {
            "Tier": str(comparison.tiers[index]),
            columns[1]: side.label,
            "Persona": side.personas if side.personas.count("/") < 3 else f"{side.personas.count('/') + 1} personas",
            "Kind": side.kinds,
            "Checkpoints": whole(len(side.uris)),
            "Samples": whole(side.samples),
            "Prompts": whole(len(side.known)) + (OTHER_PROMPTS if comparison.shared[index] is not None else ""),
            measure.column: estimate_cell(comparison.estimates[index]),
            "With it": f"{side.hits:,}/{side.judged:,}",
            "Responses": f"{side.responses / side.samples:.0%}" if side.samples else "–",
            "Thinking − response [95%]": "–",
            "Response | thinking [95%]": "–",
        }
        if (eroded := comparison.erosions[index]) is not None:
            cells["Thinking − response [95%]"] = difference_cell(eroded.gap, is_rate=True)
            cells["Response | thinking [95%]"] = (
                f"{count_of(eroded.kept)} {percent_with_interval(eroded.kept)}" if eroded.kept.total else "–"
            )
        rows[id(side)] = tuple(cells[name] for name in columns)
    order = answer.order if by else comparison.sides
    title = f"Checkpoints by {by.value}" if by else "Checkpoints compared"
    left = frozenset({columns[1], "Persona", "Kind"})
    cells_of_all = tuple(rows[id(side)] for side in order)
    expendable = tuple(name for name in _EXPENDABLE if name != columns[1])
    return Table(
        f"{title}: {measure.name}", tuple(columns), cells_of_all, left, (), expendable, comparison_caption(answer)
    )


def _pairs(answer: ComparisonReport) -> Table:
    comparison = answer.comparison
    shown = shown_pairs(comparison)
    several = len(comparison.pairs) > 1
    is_rate = comparison.measure.is_rate
    title = (
        "Pairs"
        if len(shown) == len(comparison.pairs)
        else f"Pairs, the {len(shown)} most significant of {len(comparison.pairs):,}"
    )
    columns = ("First", "Second", "Compared", f"Difference{', points' if is_rate else ''} [95%]", "p")
    columns += (*(("p (Holm)",) if several else ()), "Test", "Verdict")
    rows = []
    for pair in shown:
        d = pair.difference
        rows.append((
            comparison.sides[pair.first].label,
            comparison.sides[pair.second].label,
            _compared(d),
            difference_cell(d, is_rate=is_rate),
            p_value(d.p),
            *((p_value(pair.adjusted),) if several else ()),
            d.test,
            _verdict(pair),
        ))  # fmt: skip
    left = frozenset({"First", "Second", "Compared", "Test", "Verdict"})
    return Table(title, columns, tuple(rows), left, (), ("Test", "Compared"), comparison_caption(answer))


def _compared(difference: Difference) -> str:
    if difference.paired:
        return f"{difference.count:,} prompts, paired"
    what = "training runs" if difference.test.endswith(OVER_RUNS) else "samples, unpaired"
    return f"{difference.count:,} {what}"


def _verdict(pair: Pair) -> str:
    if not pair.was_compared:
        return "not compared"
    return "significantly different" if pair.apart else "no significant difference"


def shown_pairs(comparison: GroupComparison) -> list[Pair]:
    """Return the pairs that fit into a table: all, or those with the smallest p-values."""
    if len(comparison.pairs) <= MOST_PAIRS:
        return comparison.pairs
    known = [pair for pair in comparison.pairs if pair.adjusted == pair.adjusted]
    return sorted(known, key=lambda pair: (pair.difference.p, pair.first, pair.second))[:MOST_PAIRS]


def sentences(answer: ComparisonReport) -> list[str]:
    """Return what the comparison says, in plain sentences: of each of a few pairs, else of each tier."""
    comparison = answer.comparison
    if len(comparison.pairs) <= MOST_SENTENCES:
        return [sentence(comparison, pair) for pair in comparison.pairs]
    apart = sum(pair.apart for pair in comparison.pairs)
    over = f"p below {LEVEL} after Holm over all of them"
    lines = [f"{apart:,} of {len(comparison.pairs):,} pairs are significantly different ({over})."]
    for tier in sorted(set(comparison.tiers)):
        names = [side.label for side, mine in zip(comparison.sides, comparison.tiers, strict=True) if mine == tier]
        if len(names) > 1 and not _all_compared(comparison, tier):
            lines.append(f"Tier {tier}: {short_list(names, 8)}: not every two of them are compared.")
        elif len(names) > 1:
            lines.append(f"Tier {tier}: {short_list(names, 8)}: no significant difference between any two of them.")
        else:
            lines.append(f"Tier {tier}: {names[0]}.")
    return lines


def _all_compared(comparison: GroupComparison, tier: int) -> bool:
    """Whether there is a test of every two sides of a tier."""
    mine = {place for place, given in enumerate(comparison.tiers) if given == tier}
    return all(pair.was_compared for pair in comparison.pairs if {pair.first, pair.second} <= mine)


def gap_lines(gap: PromptGap, *, is_rate: bool) -> tuple[str, list[tuple[str, str]]]:
    """Return what was asked, and for each of the two sides its heading and its answer, fit to be printed."""
    asked = next((text.prompt for text in gap.texts if text), gap.name)
    answers = []
    for side, unit, text in zip((gap.high, gap.low), gap.units, gap.texts, strict=True):
        value = f"{unit.value:.0%}" if is_rate else f"{unit.value:.2f}"
        mean = f", mean {unit.mean:.2f}" if is_rate and unit.mean == unit.mean else ""
        answers.append((f"{side.label}: {value}{mean}", _shortened(text.response) if text else "(no sample)"))
    return sanitize(" ".join(asked.split())), answers


def _shortened(text: str) -> str:
    words = sanitize(" ".join(text.split()))
    if not words:
        return "(no response)"
    return words if len(words) <= _TEXT else f"{words[:_TEXT]}…"


def gap_table(answer: ComparisonReport) -> Table:
    """Return the prompts on which the sides differ most, side by side."""
    rows = []
    for gap in answer.gaps:
        asked, ((high, first), (low, second)) = gap_lines(gap, is_rate=answer.comparison.measure.is_rate)
        rows.append((asked, f"{high}\n{first}", f"{low}\n{second}"))
    columns = ("Prompt", "Highest", "Lowest")
    return Table("Largest differences", columns, tuple(rows), frozenset(columns))
