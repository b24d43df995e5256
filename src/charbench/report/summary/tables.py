"""The tables of a report."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from charbench.domain.table import Table
from charbench.report.captions import report_caption, samples_caption
from charbench.report.render.cells import (
    NOTHING,
    OTHER_PROMPTS,
    count_of,
    decimal,
    mean_with_interval,
    percent,
    percent_with_interval,
    states_bar,
    whole,
)
from charbench.report.summary.measured import cell
from charbench.report.summary.rows import By, Report
from charbench.report.summary.standing import tiers_of_report
from charbench.report.summary.tally import Tally

_Figure = tuple[str, Callable[[Tally], str]]
_SAMPLES: tuple[_Figure, ...] = (
    ("Samples", lambda row: whole(row.totals.get("samples", 0))),
    ("Responses [95%]", lambda row: percent_with_interval(row.responses)),
    ("Avg response", lambda row: whole(row.mean("response_chars"))),
    ("Avg thinking", lambda row: whole(row.mean("thinking_chars"))),
    ("Latency", lambda row: f"{decimal(row.latency)} s" if row.totals.get("latency_count") else "–"),
)
_STATES: _Figure = ("States", lambda row: states_bar(row.totals))
_RATES: tuple[_Figure, ...] = (
    *_SAMPLES,
    ("Trait rate [95%]", lambda row: percent_with_interval(row.trait)),
    ("With traits", lambda row: count_of(row.trait_given_response)),
    ("Given response", lambda row: percent(row.trait_given_response)),
    ("Per response", lambda row: decimal(row.per_response)),
    _STATES,
    ("In thinking", lambda row: percent(row.trait_in_thinking)),
)
_BOUNDS: _Figure = ("Unscored as no … yes", lambda row: _bounds(row))
_MEANS: tuple[_Figure, ...] = (
    *_SAMPLES,
    ("Mean, responses [95%]", lambda row: mean_with_interval(row.mean_of_responses)),
    ("Mean, thinking", lambda row: decimal(row.per_thinking, 3)),
    ("Texts scored", lambda row: whole(row.response.get("count", 0) + row.thinking.get("count", 0))),
    _STATES,
)


_EXPENDABLE = (
    "Latency", "Per response", "Avg response", "Avg thinking", "Given response", "Versions", "Kind", "Checkpoints",
    "In thinking", "With traits", "Texts scored", "Recall / false", "States", "Tier",
)  # fmt: skip
_FOLDED_FOR = ("Avg response", "Avg thinking")


def _bounds(row: Tally) -> str:
    """``18% … 48%``: what the trait rate is if no response without a score has the trait, and if all have."""
    return NOTHING if row.bounds is None else f"{row.bounds[0]:.0%} … {row.bounds[1]:.0%}"


def report_tables(report: Report, verdicts: Sequence[str] = ()) -> list[Table]:
    """Return the persona table, the checkpoint table unless the report is by persona, and the health table.

    ``verdicts`` are those of the checkpoint rows, in their order; without them there is no such column.
    """
    tables = [_persona_table(report)]
    if report.by is not By.PERSONA:
        tables.append(_checkpoint_table(report, tiers_of_report(report), verdicts))
    if (health := _health_table(report)) is not None:
        tables.append(health)
    return tables


def _persona_table(report: Report) -> Table:
    def checkpoints(row: Tally) -> str:
        return whole(len(row.names if report.by is By.NAME else row.uris))

    known = bool(report.measured)
    figures = _columns(report)
    rows = tuple(
        (row.persona, checkpoints(row), *_cells(figures, row), *([cell(report.measured.get(row.persona))] * known))
        for row in report.personas
    )
    titles = ("Persona", "Checkpoints", *_titles(figures), *(["Recall / false"] * known))
    return Table(
        "Personas", titles, rows, frozenset({"Persona"}), (), _EXPENDABLE, report_caption(report),
        folded_for=_FOLDED_FOR, continued=True,
    )  # fmt: skip


def _checkpoint_table(report: Report, tiers: Sequence[int | None], verdicts: Sequence[str] = ()) -> Table:
    several = len({sampler for row in report.checkpoints for sampler in row.samplers}) > 1
    versions = any(len(row.uris) > 1 for row in report.checkpoints)
    tiered = any(tier is not None for tier in tiers)
    columns = ["Verdict"] if verdicts else []
    columns += ["Tier"] if tiered else []
    columns += ["Checkpoint", "Persona", "Kind"]
    columns += ["Sampler"] if several else []
    columns += ["Versions"] if versions else []
    rows = []
    figures = _columns(report)
    given = verdicts or [""] * len(tiers)
    for row, tier, verdict in zip(report.checkpoints, tiers, given, strict=True):
        cells = [verdict] if verdicts else []
        cells += [NOTHING if tier is None else str(tier)] if tiered else []
        cells += [
            row.label + (OTHER_PROMPTS if row.shared is not None else ""),
            row.persona,
            "/".join(sorted(row.kinds)),
        ]
        cells += ["/".join(sorted(row.samplers))] if several else []
        cells += [whole(len(row.uris))] if versions else []
        rows.append((*cells, *_cells(figures, row)))
    left = frozenset({"Verdict", "Checkpoint", "Persona", "Kind", "Sampler"})
    title = "Checkpoints by name" if report.by is By.NAME else "Checkpoints"
    alike = ("Persona",) if len({row.persona for row in report.checkpoints}) == 1 else ()
    expendable = (*_EXPENDABLE[:-1], *alike, *_EXPENDABLE[-1:])
    titles = (*columns, *_titles(figures))
    caption = report_caption(report)
    return Table(title, titles, tuple(rows), left, (), expendable, caption, folded_for=_FOLDED_FOR)


def _health_table(report: Report) -> Table | None:
    """Return the health metrics of every row that has responses; None where nothing was measured."""
    rows = report.personas if report.by is By.PERSONA else report.checkpoints
    measured = [row for row in rows if any(count.count for count in row.health.values())]
    if not measured:
        return None
    titles = [metric.title for metric in measured[0].health]
    what = "Persona" if report.by is By.PERSONA else "Checkpoint"
    repeated = what == "Checkpoint" and len({row.label for row in measured}) < len(measured)  # a base model's rows
    body = tuple(
        (row.label, *([row.persona] if repeated else []), *(percent(count.rate) for count in row.health.values()))
        for row in measured
    )
    columns = (what, *(["Persona"] if repeated else []), *titles)
    title = "Health: share of the responses with ..."
    return Table(title, columns, body, frozenset({what, "Persona"}), caption=samples_caption(report))


def _columns(report: Report) -> tuple[_Figure, ...]:
    if report.is_rate and any(row.bounds for row in (*report.personas, *report.checkpoints)):
        place = [title for title, _ in _RATES].index("Trait rate [95%]") + 1
        return (*_RATES[:place], _BOUNDS, *_RATES[place:])
    return _RATES if report.is_rate else _MEANS if report.metric else (*_SAMPLES, _STATES)


def _titles(figures: Sequence[_Figure]) -> list[str]:
    return [title for title, _ in figures]


def _cells(figures: Sequence[_Figure], row: Tally) -> list[str]:
    return [figure(row) for _, figure in figures]
