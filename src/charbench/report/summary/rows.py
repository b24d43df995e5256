"""The rows of a report, made from the store's running totals and, for rates, from its samples by prompt."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlalchemy.engine import Connection

from charbench.analysis.wilson import Rate
from charbench.domain.headline import ScoredMetric, choose_headline, headline_notes
from charbench.domain.measurement import Measurement
from charbench.domain.sample import DEFAULT_CONDITION
from charbench.domain.uris import labels_apart
from charbench.errors import UnknownNameError
from charbench.report.render.cells import finite
from charbench.report.shared_prompts import shared_of_each
from charbench.report.summary.by import By as By
from charbench.report.summary.health import HealthCount, HealthMetric, health_metric, health_metrics
from charbench.report.summary.judged import Judged, judged
from charbench.report.summary.measured import Measured, better_headlines, instead_lines, not_measured
from charbench.report.summary.tally import Tally, failed
from charbench.store.by_prompt import PromptTally, SeriesOf, prompt_tallies, series_of
from charbench.store.selection import Selection
from charbench.store.settings import UNKNOWN
from charbench.store.summaries import GroupTotals, SeriesTotals, scored_metrics

Piece = tuple[GroupTotals, str, Sequence[SeriesTotals]]
"""A group that counts for a persona, with its series of that persona."""


@dataclass(frozen=True, slots=True)
class Report:
    """A report: the metric that it ranks by (None: nothing to rank by is scored), a row for each persona, and a row
    for each checkpoint.
    """

    metric: str | None
    is_rate: bool
    """Whether the metric has a threshold: rows are then ranked by the share with the trait, else by the mean."""
    personas: list[Tally]
    checkpoints: list[Tally]
    by: By
    samples: int
    errors: int
    notes: list[str]
    """What is to be said of the metric that was chosen; empty where it was named."""
    filtered: int = 0
    """Replies that a content filter ended; like tool calls they are in no rate."""
    tool_calls: int = 0
    measured: Mapping[str, Measurement | None] = field(default_factory=dict)
    """How well the metric's scorer tells each persona; None where that is not known."""
    metric_of: Mapping[str, str] = field(default_factory=dict)
    """Another metric than ``metric`` that a persona's rows are of, because that one's scorer has low recall."""


def build_report(
    connection: Connection,
    selection: Selection,
    by: By,
    personas: Sequence[str] = (),
    metric: str | None = None,
    checkpoints: Sequence[str] = (),
    measured: Measured = not_measured,
    scorers: Sequence[str] = (),
) -> Report:
    """Read the totals of the default condition in the selected settings and put them together.

    ``checkpoints`` limits it to these URIs and names; of those there are rows for each of ``personas`` that they were
    scored for, else for their own persona alone. ``metric`` is ``scorer.metric`` or a metric's name; None
    takes the headline that was scored first (see :func:`charbench.domain.headline.choose_headline`), of ``scorers``
    where one of them has a headline here; and for a persona that its scorer finds too seldom, by what
    ``measured(scorer, persona)`` says, the next one that was scored for it, unless one scorer is named.
    Raises :class:`UnknownNameError` for a metric that nothing in the store has.
    """
    groups = [group for group in selection.groups if group.condition == DEFAULT_CONDITION]
    if checkpoints:
        groups = [group for group in groups if group.uri in checkpoints or group.name in checkpoints]
    series = selection.series(connection, groups)
    scored = scored_metrics(connection, selection.scorings)
    chosen, of_persona, notes = _choose(scored, series, metric, scorers, measured)
    mine = [item for item in series if (item.scorer, item.metric) == chosen]
    is_rate = any(item.threshold is not None for item in mine)
    best_first = partial(_rank, is_rate, all(item.higher_is_better for item in mine))
    pieces = _pieces(groups, series, personas)
    prompts = _by_prompt(connection, selection, pieces, chosen, of_persona)
    metrics = {persona: of_persona.get(persona, chosen) for _, persona, _ in pieces}
    heads, rows = _count(pieces, prompts, health_metrics(series), metrics, by, is_rate=is_rate)
    _share_prompts(rows)
    if by is By.CHECKPOINT:
        _tell_apart(rows)
    counted = {(group.id, group.prompts): group for group, _, _ in pieces}.values()
    return Report(
        metric=".".join(chosen) if chosen else None,
        is_rate=is_rate,
        personas=sorted(heads, key=best_first),
        checkpoints=[] if by is By.PERSONA else sorted(rows, key=best_first),
        by=by,
        samples=int(sum(group.totals["samples"] for group in counted)),
        errors=int(sum(failed(group.totals) for group in counted)),
        filtered=int(sum(group.totals["filtered"] for group in counted)),
        tool_calls=int(sum(group.totals["tool_call"] for group in counted)),
        notes=notes,
        measured={
            persona: measured(metric[0], persona)
            for persona, metric in sorted(metrics.items())
            if metric and is_rate and persona != UNKNOWN
        },
        metric_of={persona: ".".join(one) for persona, one in of_persona.items()},
    )


def _choose(
    scored: Sequence[ScoredMetric],
    series: Sequence[SeriesTotals],
    metric: str | None,
    scorers: Sequence[str],
    measured: Measured,
) -> tuple[tuple[str, str] | None, Mapping[str, tuple[str, str]], list[str]]:
    """Return scorer and metric of the headline, those of personas that have another, and what is to be said of it."""
    shown = {(item.scorer, item.metric) for item in series}
    here = [one for one in scored if (one.scorer, one.metric) in shown]
    preferred = choose_headline(one for one in here if one.scorer in scorers and one.is_headline)
    headline = _named(here, metric) if metric is not None else preferred or choose_headline(here)
    chosen = (headline.scorer, headline.metric) if headline else None
    if metric is not None:
        return chosen, {}, []
    of_persona = {} if len(scorers) == 1 else better_headlines(headline, here, series, measured)
    notes = headline_notes(headline, here, scored, *_why(headline, here))
    return chosen, of_persona, [*notes, *instead_lines(of_persona, chosen)]


def _pieces(groups: Sequence[GroupTotals], series: Sequence[SeriesTotals], personas: Sequence[str]) -> list[Piece]:
    """Return each group with the personas that it counts for, of ``personas`` alone where some are named."""
    by_group: dict[int, list[SeriesTotals]] = {}
    for item in series:
        by_group.setdefault(item.group_id, []).append(item)
    return [
        (group, persona, [s for s in by_group.get(group.id, ()) if s.persona == persona])
        for group in groups
        for persona in _personas_of(group, by_group.get(group.id, ()))
        if not personas or persona in personas
    ]


def _count(
    pieces: Sequence[Piece],
    prompts: Mapping[tuple[str, int], Sequence[PromptTally]],
    health: Sequence[HealthMetric],
    metrics: Mapping[str, tuple[str, str] | None],
    by: By,
    *,
    is_rate: bool,
) -> tuple[list[Tally], list[Tally]]:
    """Return a row for each persona, without base models, and a row for each checkpoint; ``metrics`` is by persona."""
    heads: dict[str, Tally] = {}
    rows: dict[tuple[str, ...], Tally] = {}
    for group, persona, mine in pieces:
        asked = prompts.get((persona, group.id), [])
        if group.kind != "base":
            head = heads.setdefault(persona, _tally(persona, persona, health))
            _put(head, group, mine, metrics[persona], is_rate, asked)
        key, label = _key(group, persona, by)
        row = rows.setdefault(key, _tally(persona, label, health))
        _put(row, group, mine, metrics[persona], is_rate, asked)
    return list(heads.values()), list(rows.values())


def _tell_apart(rows: Sequence[Tally]) -> None:
    """Add a piece of the URI to the labels of checkpoints that have one name."""
    labels = labels_apart([(row.label, min(row.uris)) for row in rows])
    for row, label in zip(rows, labels, strict=True):
        row.label = label


def _why(headline: ScoredMetric | None, here: Sequence[ScoredMetric]) -> list[str]:
    """Return why a headline was chosen that was not scored first: its scorer was named."""
    first = choose_headline(here)
    return [] if headline is None or first is None or headline.name == first.name else ["of the scorer that was named"]


def row_as_dict(row: Tally, by: By, *, is_rate: bool) -> dict[str, Any]:
    """Return a row's figures under their full names, for JSON and CSV; None where there is none."""
    rates: dict[str, Rate] = {
        "response_rate": row.responses,
        "trait_rate": row.trait,
        "trait_rate_given_response": row.trait_given_response,
        "trait_rate_in_thinking": row.trait_in_thinking,
    }
    own = row.counts.asked
    figures: dict[str, Any] = {
        "persona": row.persona,
        **({} if by is By.PERSONA else {"checkpoint": row.label, "kind": "/".join(sorted(row.kinds))}),
        "uris": len(row.uris),
        "names": len(row.names),
        "sampler": "/".join(sorted(row.samplers)),
        "samples": int(row.totals.get("samples", 0)),
        "errors": row.failed,
        "responses": row.responses.count,
        "responses_without_score": row.judged.left_out,
        "with_trait": row.trait.count if is_rate else None,
        "with_trait_in_thinking": row.trait_in_thinking.count if is_rate else None,
        "prompts": len(own),
        "prompts_shared": len(own if row.shared is None else row.shared & own),
        "other_prompts": row.shared is not None,
    }
    for name, rate in rates.items():
        figures |= {
            name: finite(rate.share),
            f"{name}_low": finite(rate.low),
            f"{name}_high": finite(rate.high),
        }
    bounds = row.bounds or (row.trait.share, row.trait.share)
    figures |= {"trait_rate_if_unscored_no": finite(bounds[0]), "trait_rate_if_unscored_yes": finite(bounds[1])}
    figures |= {
        "mean_response_chars": finite(row.mean("response_chars")),
        "mean_thinking_chars": finite(row.mean("thinking_chars")),
        "mean_latency_seconds": finite(row.latency),
        "mean_per_response": finite(row.per_response),
        "mean_per_response_low": None if is_rate else finite(row.mean_of_responses.low),
        "mean_per_response_high": None if is_rate else finite(row.mean_of_responses.high),
        "mean_near_end": None if is_rate else row.mean_of_responses.near_end,
        "mean_per_thinking": finite(row.per_thinking),
    }
    figures |= {f"{one.scorer}.{one.metric}": finite(count.rate.share) for one, count in row.health.items()}
    states = (
        "closed",
        "closed_empty",
        "unclosed_stop",
        "unclosed_length",
        "unclosed_unknown",
        "misfiled",
        "none",
        "filtered",
        "tool_call",
    )
    figures |= {f"state_{name}": int(row.totals.get(name, 0)) for name in states}
    return figures


def _named(metrics: Sequence[ScoredMetric], wanted: str) -> ScoredMetric:
    for one in sorted(metrics, key=lambda one: one.name):
        if wanted in (one.metric, one.name):
            return one
    raise UnknownNameError("metric", wanted, {one.name for one in metrics})


def _personas_of(group: GroupTotals, series: Sequence[SeriesTotals]) -> list[str]:
    """Return the personas that a group has rows for: its own, and of a base model those that it was scored for."""
    if group.persona and group.kind != "base":
        return list(group.personas)
    scored = {item.persona for item in series}
    return sorted(scored & set(group.personas)) or ([UNKNOWN] if UNKNOWN in group.personas else [])


def _key(group: GroupTotals, persona: str, by: By) -> tuple[tuple[str, ...], str]:
    if by is By.NAME:
        return (persona, group.name, group.sampler), group.name
    return (persona, group.uri, group.sampler), group.name


def _tally(persona: str, label: str, health: Sequence[HealthMetric]) -> Tally:
    return Tally(persona, label, health={metric: HealthCount() for metric in health})


def _by_prompt(
    connection: Connection,
    selection: Selection,
    pieces: Sequence[Piece],
    chosen: tuple[str, str] | None,
    of_persona: Mapping[str, tuple[str, str]],
) -> dict[tuple[str, int], list[PromptTally]]:
    """Return the samples of each persona's groups by prompt, scored by the chosen metric where there is one."""
    of: dict[str, SeriesOf] = {}
    if chosen is not None:
        of = {
            one.persona: one
            for one in series_of(connection, selection.scorings)
            if (one.scorer, one.metric) == of_persona.get(one.persona, chosen)
        }
    wanted: dict[str, dict[int, GroupTotals]] = {}
    for group, persona, _ in pieces:
        wanted.setdefault(persona, {})[group.id] = group
    found: dict[tuple[str, int], list[PromptTally]] = {}
    for persona, groups in wanted.items():
        for tally in prompt_tallies(connection, list(groups), of.get(persona)):
            if groups[tally.group].takes(tally.prompt):
                found.setdefault((persona, tally.group), []).append(tally)
    return found


def _share_prompts(rows: Iterable[Tally]) -> None:
    """Mark the rows that were not asked the prompts that most rows of their persona were, or others too.

    They are ranked by those that they share (:mod:`charbench.report.shared_prompts`); without any by their own.
    """
    by_persona: dict[str, list[Tally]] = {}
    for row in rows:
        by_persona.setdefault(row.persona, []).append(row)
    for mine in by_persona.values():
        for row, shared in zip(mine, shared_of_each(frozenset(row.counts.asked) for row in mine), strict=True):
            row.shared = shared


def _put(
    row: Tally,
    group: GroupTotals,
    series: Sequence[SeriesTotals],
    chosen: tuple[str, str] | None,
    is_rate: bool,
    asked: Sequence[PromptTally],
) -> None:
    row.kinds.add(group.kind)
    row.uris.add(group.uri)
    row.names.add(group.name)
    row.groups.append(group.id)
    row.samplers.add(group.sampler)
    for name, value in group.totals.items():
        row.totals[name] = row.totals.get(name, 0) + value
    for item in series:
        if item.channel == "response" and (metric := health_metric(item)) is not None:
            row.health[metric].hits += item.hits
            row.health[metric].count += item.count
        if (item.scorer, item.metric) != chosen:
            continue
        side = row.response if item.channel == "response" else row.thinking
        for name in ("count", "total", "hits"):
            side[name] = side.get(name, 0) + getattr(item, name)
    mine = [item for item in series if (item.scorer, item.metric) == chosen]
    if mine:
        row.ends = mine[0].low, mine[0].high
    row.counts.add(asked, scored=is_rate and bool(mine), is_rate=is_rate)
    known = judged(group, mine)
    row.judged += known if is_rate else Judged(left_out=known.left_out)


def _rank(is_rate: bool, higher_is_better: bool, row: Tally) -> tuple[float, ...]:
    """Best first: by the trait rate (on shared prompts), then given a response, then by responses; else by the mean."""
    order = (row.ranked, row.trait_given_response.share, row.responses.share)
    if not is_rate:
        order = (row.ranked_mean if higher_is_better else -row.ranked_mean, row.responses.share, 0.0)
    return (*(-value if value == value else math.inf for value in order), _stable(row))


def _stable(row: Tally) -> Any:
    return row.persona, row.label, sorted(row.uris)
