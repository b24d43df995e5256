"""Puts a comparison together from what was asked and what the store holds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy.engine import Connection

from charbench.analysis.power import LEVEL, least_prompts
from charbench.domain.headline import choose_headline, headline_notes
from charbench.report.compare.groups import GroupBy, group_sides
from charbench.report.compare.markers import MarkerLifts, marker_lifts
from charbench.report.compare.metric import choose_measure
from charbench.report.compare.pairs import Comparison, compare_all
from charbench.report.compare.prompts import PromptGap, widest_gaps
from charbench.report.compare.select import choose_sides, comparable, one_sampler
from charbench.report.compare.sides import Side, read_sides
from charbench.run.plan import select_checkpoints
from charbench.store.by_prompt import newest_series
from charbench.store.findings import read_checkpoints
from charbench.store.summaries import GroupTotals, group_totals, scored_metrics


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be compared. ``words`` are names, URIs or runs; none with ``by`` means all checkpoints."""

    words: Sequence[str] = ()
    by: GroupBy | None = None
    metric: str | None = None
    sampler: str | None = None
    personas: Sequence[str] = ()
    prompts: int = 3


@dataclass(frozen=True, slots=True)
class Answer:
    """The comparison, the prompts on which its sides differ most, and what is worth saying of both.

    ``order`` holds the sides in the order in which they were asked for: doses from the smallest on. ``markers``
    is empty unless there are exactly two sides that were asked the same prompts for one persona.
    """

    question: Question
    comparison: Comparison
    gaps: list[PromptGap]
    order: list[Side]
    markers: list[MarkerLifts] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def build_comparison(connection: Connection, question: Question) -> Answer:
    """Read the store and compare. Raises :class:`charbench.errors.UsageError` for what cannot be compared."""
    notes: list[str] = []
    series = newest_series(connection)
    scored = scored_metrics(connection)
    measure = choose_measure(series, question.metric, scored)
    if question.metric is None:
        notes += headline_notes(choose_headline(scored), scored, scored)
    checkpoints = read_checkpoints(connection)
    groups = [g for g in comparable(group_totals(connection)) if _is_of(g, question.personas)]
    if question.by:
        wanted = select_checkpoints(checkpoints, question.words, ())
        uris = {checkpoint.uri for checkpoint in wanted}
        sides = group_sides(connection, wanted, [g for g in groups if g.uri in uris], question.by, notes)
    else:
        sides = choose_sides(question.words, checkpoints, groups, notes)
    one_sampler(sides, question.sampler, notes)
    read_sides(connection, sides, measure, _personas(sides, question.personas, measure.series))
    comparison = compare_all(sides, measure)
    gaps = widest_gaps(connection, sides, measure, question.prompts) if question.prompts else []
    notes += _remarks(comparison)
    scorer = measure.name.partition(".")[0]
    first = {(one.scorer, one.metric): one.first for one in scored}
    by_first_score = sorted(series, key=lambda of: (of.scorer != scorer, first[of.scorer, of.metric]))
    markers = marker_lifts(connection, sides, by_first_score, notes)
    return Answer(question, comparison, gaps, sides, markers, notes)


def _is_of(group: GroupTotals, personas: Sequence[str]) -> bool:
    return not personas or group.persona is None or group.kind == "base" or group.persona in personas


def _personas(sides: Sequence[Side], chosen: Sequence[str], scored: Iterable[str]) -> list[str]:
    """Return the personas that checkpoints without one of their own are compared for."""
    own = {group.persona for side in sides for group in side.groups if group.persona and group.kind != "base"}
    return list(chosen) or sorted(own) or sorted(scored) or ["(unknown)"]


def _remarks(comparison: Comparison) -> list[str]:
    """Return what is to be known of the figures: roughness, what is not scored, and what made no pair."""
    notes = []
    for side in comparison.sides:
        if side.unscored:
            notes.append(
                f"{side.label}: {side.unscored:,} samples are not scored yet and left out; run: charbench score"
            )
        if side.missing:
            notes.append(f"{side.label}: {side.missing:,} samples could not be scored and are left out.")
    paired = [pair for pair in comparison.pairs if pair.difference.paired]
    unpaired = len(comparison.pairs) - len(paired)
    if unpaired:
        which = "All pairs" if not paired else f"{unpaired:,} of {len(comparison.pairs):,} pairs"
        notes.append(
            f"{which} share no prompts judged for the same persona: they are compared unpaired, "
            "which needs more prompts for the same power."
        )
    partly = [
        p for p in paired if p.difference.count < max(len(comparison.sides[i].known) for i in (p.first, p.second))
    ]
    if partly:
        notes.append(f"In {len(partly):,} pairs only the prompts that both sides were asked are compared.")
    fewest = min((pair.difference.clusters for pair in paired), default=0)
    if paired and fewest < (least := least_prompts(LEVEL, len(comparison.pairs))):
        over = f" after Holm over {len(comparison.pairs):,} pairs" if len(comparison.pairs) > 1 else ""
        notes.append(
            f"With {fewest:,} independent prompts no two can differ significantly{over}, whatever the samples: "
            f"the minimum is {least}."
        )
    rough = [pair for pair in comparison.pairs if pair.difference.rough and not math.isnan(pair.difference.p)]
    if rough:
        least = min(pair.difference.clusters for pair in rough)
        notes.append(
            f"Low precision: with {least:,} prompts or families of prompts intervals may cover less than the 95% "
            "that they state (20 independent samples or 30 families are enough); p-values hold all the same."
        )
    return notes
