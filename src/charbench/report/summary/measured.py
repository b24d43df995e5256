"""What is known of the scorer behind a rate: its recall and false positive rate, beside the rate."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from charbench.analysis.wilson import Rate
from charbench.domain.headline import ScoredMetric, choose_headline
from charbench.domain.measurement import Measurement
from charbench.report.render.cells import finite

if TYPE_CHECKING:
    from charbench.store.summaries import SeriesTotals

Measured = Callable[[str, str], Measurement | None]
"""What a scorer's measurement is, by the names of scorer and persona."""
MOST_LINES = 5


def not_measured(_scorer: str, _persona: str) -> Measurement | None:
    """Say of every scorer that it was not measured."""
    return None


def better_headlines(
    usual: ScoredMetric | None, scored: Iterable[ScoredMetric], series: Sequence[SeriesTotals], measured: Measured
) -> dict[str, tuple[str, str]]:
    """Return (scorer, metric) of the personas that the usual headline finds too seldom or has no value for.

    Only where another headline was scored for them, and is not known to find as little.
    """
    if usual is None or not usual.is_headline:
        return {}
    others = [one for one in scored if one.is_headline and one.scorer != usual.scorer]
    if not others:
        return {}
    found = {}
    known = {
        item.persona for item in series if (item.scorer, item.metric) == (usual.scorer, usual.metric) and item.count
    }
    for persona in sorted({item.persona for item in series}):
        if persona in known and not _is_low(measured(usual.scorer, persona)):
            continue
        there = {(item.scorer, item.metric) for item in series if item.persona == persona and item.count}
        able = [
            one
            for one in others
            if (one.scorer, one.metric) in there and not _is_low(measured(one.scorer, persona))
        ]  # fmt: skip
        if (instead := choose_headline(able)) is not None:
            found[persona] = instead.scorer, instead.metric
    return found


def instead_lines(of_persona: Mapping[str, tuple[str, str]], usual: tuple[str, str] | None) -> list[str]:
    """Return a line for each persona whose rows are of another headline."""
    return [
        f"{persona} is ranked by {'.'.join(metric)}: {usual[0]} finds few of its texts, or was not asked."
        for persona, metric in of_persona.items()
        if usual is not None
    ]


def measured_lines(scorers: Mapping[str, str], known: Mapping[str, Measurement | None]) -> list[str]:
    """Return a line for each persona: how well the scorer behind its rates tells it. ``scorers`` is by persona."""
    told = [(persona, measured) for persona, measured in known.items() if measured is not None]
    lines = [f"{scorers[persona]} for {persona}: {in_words(measured)}." for persona, measured in told[:MOST_LINES]]
    if len(told) > MOST_LINES:
        lines.append(f"... and {len(told) - MOST_LINES} more measured personas (charbench personas list).")
    unknown = [persona for persona, measured in known.items() if measured is None]
    if unknown:
        by_scorer = sorted({scorers[persona] for persona in unknown})
        lines.append(
            f"How many texts in character {' and '.join(by_scorer)} finds is not known for {', '.join(unknown)}: a low "
            f"rate may be the scorer's. To measure: charbench personas measure {unknown[0]}"
        )
    return lines


def in_words(measured: Measurement) -> str:
    """Return recall and false positive rate as one phrase, with what they were measured on."""
    parts = []
    if measured.positives:
        parts.append(f"finds {_rate(measured.recall)} of {measured.positives:,} texts in character")
    else:
        parts.append("recall not known")
    if measured.negatives:
        parts.append(f"hits {_rate(measured.false_rate)} of {measured.negatives:,} others")
    low = " (low recall)" if measured.has_low_recall else ""
    return f"{', '.join(parts)}{low}{f'; {measured.texts}' if measured.texts else ''}"


def cell(measured: Measurement | None, *, intervals: bool = False) -> str:
    """Return ``83% / 1%``, recall and false positive rate, or with intervals ``83% [66, 93] / 1% [0, 4]``.

    ``?`` where unknown.
    """
    if measured is None:
        return "?"
    shares = [
        f"{_share(rate)} [{100 * rate.low:.0f}, {100 * rate.high:.0f}]" if intervals and rate.total else _share(rate)
        for rate in (measured.recall, measured.false_rate)
    ]
    return f"{' / '.join(shares)}{' low' if measured.has_low_recall else ''}"


def figures(measured: Measurement | None) -> dict[str, float | None]:
    """Return a measurement's figures under their full names, for JSON and CSV; None where unknown."""
    found: dict[str, float | None] = {}
    rates = {"recall": measured.recall, "false_rate": measured.false_rate} if measured is not None else {}
    for name in ("recall", "false_rate"):
        rate = rates.get(name)
        known = rate if rate is not None and rate.total else None
        found[f"scorer_{name}"] = None if known is None else finite(known.share)
        found[f"scorer_{name}_low"] = None if known is None else finite(known.low)
        found[f"scorer_{name}_high"] = None if known is None else finite(known.high)
    return found


def _is_low(measured: Measurement | None) -> bool:
    return measured is not None and measured.has_low_recall


def _rate(rate: Rate) -> str:
    return f"{rate.share:.0%} [{rate.low:.0%}, {rate.high:.0%}]"


def _share(rate: Rate) -> str:
    return f"{rate.share:.0%}" if rate.total else "?"
