"""Puts a comparison together from what was asked and what the store holds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from shlex import quote

from sqlalchemy.engine import Connection

from charbench.analysis.planned_tests import least_prompts
from charbench.analysis.tiers import LEVEL
from charbench.analysis.unpaired import TOO_FEW
from charbench.domain.checkpoint import Kind
from charbench.domain.headline import choose_headline, headline_notes
from charbench.report.compare.across import across_sides
from charbench.report.compare.groups import GroupBy, group_sides
from charbench.report.compare.markers import MarkerLifts, marker_lifts
from charbench.report.compare.metric import Measure, choose_measure
from charbench.report.compare.pairs import NOT_COMPARED, OTHER_MARKERS, GroupComparison, compare_all, shared_prompts
from charbench.report.compare.prompts import PromptGap, widest_gaps
from charbench.report.compare.select import choose_sides, comparable, one_sampler
from charbench.report.compare.sides import Side, read_sides, same_answers
from charbench.report.compare.standing import standing_notes
from charbench.report.compare_runs import OVER_RUNS, lack_prompts, runs_of_sides, training_runs
from charbench.report.earlier_code import Today, earlier_code, earlier_lines
from charbench.report.judges import JudgedBy, judge_lines, judged_by
from charbench.report.provenance import ServedRow, provenance_lines
from charbench.report.settings import setting_lines
from charbench.run.plan import select_checkpoints
from charbench.store.by_prompt import series_of
from charbench.store.findings import read_checkpoints
from charbench.store.selection import Selection, select_settings
from charbench.store.served import served_by
from charbench.store.summaries import GroupTotals, scored_metrics


@dataclass(frozen=True, slots=True)
class ComparisonRequest:
    """What is to be compared. ``words`` are names, URIs or runs; none with ``by`` means all checkpoints."""

    words: Sequence[str] = ()
    by: GroupBy | None = None
    metric: str | None = None
    sampler: str | None = None
    personas: Sequence[str] = ()
    prompts: int = 3
    settings: Sequence[str] = ()
    across: str | None = None
    """What is turned: the words' settings that differ in it alone are compared."""


@dataclass(frozen=True, slots=True)
class ComparisonReport:
    """The comparison, the prompts on which its sides differ most, and what is worth saying of both.

    ``order`` holds the sides in the order in which they were asked for: doses from the smallest on. ``markers``
    is empty unless there are exactly two sides that were asked the same prompts for one persona.
    """

    question: ComparisonRequest
    comparison: GroupComparison
    gaps: list[PromptGap]
    order: list[Side]
    markers: list[MarkerLifts] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    judges: list[JudgedBy] = field(default_factory=list)
    """Who judged the metric, for each persona."""
    selection: Selection | None = None
    """The settings that are compared; None across settings, where each side names its own."""


def build_comparison(
    connection: Connection, question: ComparisonRequest, today: Today | None = None
) -> ComparisonReport:
    """Read the store and compare. Raises :class:`charbench.errors.UsageError` for what cannot be compared.

    ``today`` tells what code is installed: what earlier code has made is named.
    """
    notes: list[str] = []
    selection = select_settings(connection, question.personas, question.settings)
    series = series_of(connection, selection.scorings)
    scored = scored_metrics(connection, selection.scorings)
    measure = choose_measure(series, question.metric, scored)
    if question.metric is None:
        notes += headline_notes(choose_headline(scored), scored, scored)
    checkpoints = read_checkpoints(connection)
    groups = [g for g in comparable(selection.groups) if _is_of(g, question.personas)]
    if question.across is not None:
        words = question.words
        sides = across_sides(connection, words, checkpoints, question.across, selection, notes)
    elif question.by:
        wanted = select_checkpoints(checkpoints, question.words, ())
        uris = {checkpoint.uri for checkpoint in wanted}
        sides = group_sides(connection, wanted, [g for g in groups if g.uri in uris], question.by, notes)
    else:
        sides = choose_sides(question.words, checkpoints, groups, notes)
    if question.across is None:
        one_sampler(sides, question.sampler, notes)
    personas = _personas(sides, question.personas, measure.series)
    read_sides(connection, sides, measure, personas)
    runs = {}
    if question.by in (GroupBy.EXAMPLES, GroupBy.RECIPE):
        by_uri = training_runs(checkpoints)
        runs = runs_of_sides(connection, sides, by_uri, measure, personas)
    comparison = compare_all(sides, measure, runs)
    if question.by in (GroupBy.EXAMPLES, GroupBy.RECIPE):
        notes += _of_runs(comparison, sides, runs, question.by, by_uri)
    gaps = widest_gaps(connection, sides, measure, question.prompts) if question.prompts else []
    notes += _remarks(comparison)
    notes += standing_notes(comparison, groups, as_rows=question.by is None and question.across is None)
    judges = [one for one in judged_by(connection, selection, measure.name, alone=True) if one.persona in personas]
    notes += judge_lines(judges)
    scorer = measure.name.partition(".")[0]
    first = {(one.scorer, one.metric): one.first for one in scored}
    by_first_score = sorted(series, key=lambda of: (of.scorer != scorer, first[of.scorer, of.metric]))
    markers = marker_lifts(connection, sides, by_first_score, notes)
    shown_groups = [group.id for side in sides for group in side.groups]
    mine = {name: one for name, one in selection.settings.items() if name in personas}
    notes += earlier_lines(earlier_code(connection, mine, shown_groups, today or Today(), [scorer]))
    served = served_by(connection, shown_groups)
    notes += provenance_lines([ServedRow(side.label, [g.id for g in side.groups]) for side in sides], served)
    if question.across is None:  # else every side names its own
        notes += setting_lines(selection)
    shown = None if question.across is not None else selection
    return ComparisonReport(question, comparison, gaps, sides, markers, notes, judges, shown)


def _of_runs(
    comparison: GroupComparison,
    sides: Sequence[Side],
    runs: Mapping[int, Sequence[Side]],
    by: GroupBy,
    known: Mapping[str, str | None],
) -> list[str]:
    """Return what a comparison of groups can and cannot say of the next training run."""
    several = {id(sides[place]) for place in runs}
    of_several = [
        pair
        for pair in comparison.pairs
        if {id(comparison.sides[pair.first]), id(comparison.sides[pair.second])} <= several
    ]
    over_runs = [pair for pair in of_several if pair.difference.test.endswith(OVER_RUNS)]
    single = [side.label for place, side in enumerate(sides) if place not in runs]
    notes = []
    if single:
        notes.append(
            f"One training run each cannot separate {by} from seed ({', '.join(single)}): the difference is that of "
            f"these checkpoints on other prompts, not of {by} in another training run."
        )
    if over_runs:
        notes.append(
            "Where both groups have several training runs, runs are the unit: the test and the interval are for other "
            "runs of the same kind on these prompts."
        )
        if lack_prompts(runs.values()):
            notes.append(
                "Not all of these runs were asked the same prompts: they are compared on those that half or more of "
                "each group's runs were asked, and what a run lacks is made up for by how the others answered it "
                "(additive least squares)."
            )
        made = {g.uri for mine in runs.values() for run in mine for g in run.groups if g.kind != Kind.BASE.value}
        if unknown := [uri for uri in made if not known.get(uri)]:
            notes.append(
                f"Nothing tells which training run made {len(unknown):,} of these checkpoints: each is taken for a run "
                "of its own. If several are saves of one run, the intervals are too narrow."
            )
    if others := len(of_several) - len(over_runs):
        notes.append(
            f"In {others:,} of {len(comparison.pairs):,} pairs training runs share no prompts judged for the same "
            f"persona, so prompts are the unit: the difference is that of these checkpoints on other prompts, not of "
            f"{by} in another training run. To compare the runs of one persona: -p NAME."
        )
    return notes


def _is_of(group: GroupTotals, personas: Sequence[str]) -> bool:
    return not personas or group.persona is None or group.kind == "base" or group.persona in personas


def _personas(sides: Sequence[Side], chosen: Sequence[str], scored: Iterable[str]) -> list[str]:
    """Return the personas that checkpoints without one of their own are compared for."""
    own = {group.persona for side in sides for group in side.groups if group.persona and group.kind != "base"}
    return list(chosen) or sorted(own) or sorted(scored) or ["(unknown)"]


def _left_out(side: Side, measure: Measure) -> str:
    """Say what is left out, and how far the rate could be from what it would be with it."""
    line = f"{side.label}: {side.missing:,} samples could not be scored and are left out"
    bounds = side.bounds if measure.is_rate and not measure.is_responses else None
    if bounds is None:
        return f"{line}."
    return (
        f"{line}: with them the trait rate is between {bounds[0]:.0%} (none has it) and {bounds[1]:.0%} (all have it)."
    )


def _not_scored(side: Side) -> str:
    """Return the line on samples without a score; where a checkpoint is of no persona, a score has to name one."""
    what = "1 sample is" if side.unscored == 1 else f"{side.unscored:,} samples are"
    ownerless = sorted({group.uri for group in side.groups if not group.persona and group.kind != "base"})
    of = f" -p {side.personas.split('/')[0]} -c {quote(ownerless[0])}" if ownerless and side.personas else ""
    why = f" (of no persona: {len(ownerless):,} of the checkpoints)" if of else ""
    return f"{side.label}: {what} not scored yet and left out{why}; run: charbench score{of}"


def _of_rests(a: Side, b: Side) -> bool:
    """Return whether two sides differ in prompts alone, and have some in common."""
    return same_answers(a, b) and bool(shared_prompts(a, b))


def _remarks(comparison: GroupComparison) -> list[str]:
    """Return what is to be known of the figures: low precision, what is not scored, and what made no pair."""
    notes = []
    for side in comparison.sides:
        if side.unscored:
            notes.append(_not_scored(side))
        if side.missing:
            notes.append(_left_out(side, comparison.measure))
    pairs = zip(comparison.sides, comparison.erosions, strict=True)
    if any(eroded and eroded.kept.total and (side.unscored or side.missing) for side, eroded in pairs):
        notes.append(
            "Response | thinking: of the prompts all of whose responses have a score; the others are left out."
        )
    compared = [pair for pair in comparison.pairs if pair.difference.test not in NOT_COMPARED]
    compared = [pair for pair in compared if not pair.difference.test.endswith(OVER_RUNS)]
    if others := sum(pair.difference.test == OTHER_MARKERS for pair in comparison.pairs):
        notes.append(
            f"{others:,} of {len(comparison.pairs):,} pairs are judged by different markers or rubrics, each persona's "
            "own: their figures are not tested against each other."
        )
    if few := sum(pair.difference.test == TOO_FEW for pair in comparison.pairs):
        notes.append(
            f"{few:,} of {len(comparison.pairs):,} pairs share no prompts, and have too few for a test of means of "
            "such values: they are not compared."
        )
    paired = [pair for pair in compared if pair.difference.paired]
    rests = sum(_of_rests(comparison.sides[pair.first], comparison.sides[pair.second]) for pair in compared)
    if rests:
        notes.append(
            f"In {rests:,} pairs some prompts are in both sets: they have the same answers on both sides and tell no "
            "difference, so only the others are compared (a set within the other: with the other's rest), unpaired; "
            "the sides' own rates are over all of theirs."
        )
    unpaired = len(compared) - len(paired) - rests
    if unpaired:
        which = "All pairs" if unpaired == len(comparison.pairs) else f"{unpaired:,} of {len(comparison.pairs):,} pairs"
        notes.append(
            f"{which} share no prompts judged for the same persona: they are compared unpaired, "
            "which needs more prompts for the same power."
        )
    partly = [
        p for p in paired if p.difference.count < max(len(comparison.sides[i].known) for i in (p.first, p.second))
    ]
    if partly:
        notes.append(
            f"In {len(partly):,} pairs only the prompts that both sides were asked are compared; the sides' own rates "
            "are over all of theirs."
        )
    fewest = min((pair.difference.clusters for pair in paired), default=0)
    if paired and fewest < (least := least_prompts(LEVEL, len(comparison.pairs))):
        in_families = any(p.difference.count > p.difference.clusters == fewest for p in paired)
        what = "families of prompts" if in_families else "independent prompts"
        over = f" after Holm over {len(comparison.pairs):,} pairs" if len(comparison.pairs) > 1 else ""
        notes.append(
            f"With {fewest:,} {what} no two can differ significantly{over}, whatever the samples: "
            f"the minimum is {least}."
        )
    low_precision = [pair for pair in compared if pair.difference.low_precision and not math.isnan(pair.difference.p)]
    if low_precision:
        least = min(pair.difference.clusters for pair in low_precision)
        notes.append(
            f"Low precision: with {least:,} prompts or families of prompts, or families of very uneven size, intervals "
            "are wide and only large differences show (20 independent samples or 30 families of like size are more)."
        )
    return notes
