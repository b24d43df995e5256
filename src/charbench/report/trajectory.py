"""Character over training: the saves of a run and of the runs that it was trained from, in the order of training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from charbench.config.verdict import VerdictConfig
from charbench.domain.checkpoint import Checkpoint, Kind
from charbench.domain.table import Table
from charbench.domain.uris import TinkerPath
from charbench.errors import UnknownNameError, UsageError
from charbench.report.render.cells import NEAR_END_LEGEND, finite, mean_with_interval, percent_with_interval, whole
from charbench.report.summary.tally import Tally
from charbench.run.steps import step_of
from charbench.text.enumeration import short_list
from charbench.text.terminal import sanitize


@dataclass(frozen=True, slots=True)
class Save:
    """One save on the way: its stage, its step (None: not known), and what was sampled of it."""

    stage: str
    step: int | None
    row: Tally

    @property
    def label(self) -> str:
        """The save in a sentence."""
        return f"{self.row.label} ({self.stage}{'' if self.step is None else f', step {self.step:,}'})"


def on_the_way(checkpoints: Sequence[Checkpoint], wanted: str) -> list[Checkpoint]:
    """Return the saves of the run ``wanted`` (a URI, a name or a run) after those of the runs that it was trained from.

    Base models come first, then run by run, each by step. Raises :class:`UnknownNameError` where nothing matches, and
    :class:`UsageError` where that is the name of several runs of which none was trained from the others.
    """
    mine = [c for c in checkpoints if c.matches(wanted) or wanted in (_run(c), _run(c).partition(":")[0])]
    if not mine:
        raise UnknownNameError("checkpoint", wanted, {checkpoint.name for checkpoint in checkpoints})
    by_run: dict[str, list[Checkpoint]] = {}
    for one in mine:
        by_run.setdefault(one.run or _run(one), []).append(one)
    ways = {name: _runs(checkpoints, several) for name, several in by_run.items()}
    wholes = [runs for runs in ways.values() if all(_run(one) in runs for one in mine)]
    if not wholes:
        named = short_list(sorted(ways), len(ways))
        raise UsageError(
            f"{wanted} names checkpoints of {len(ways)} runs ({named}); name one run, or a checkpoint's URI"
        )
    order = {run: -place for place, run in enumerate(wholes[0])}
    saves = [c for c in checkpoints if _run(c) in order and c.kind is not Kind.BASE]
    names = {c.base_model for c in saves}
    bases = [c for c in checkpoints if c.kind is Kind.BASE and (c.base_model in names or names == {None})]
    return bases + sorted(saves, key=lambda c: (order[_run(c)], bool(c.metadata.get("final")), step_of(c) or 0, c.uri))


def _runs(checkpoints: Sequence[Checkpoint], mine: Sequence[Checkpoint]) -> list[str]:
    """Return the runs of some checkpoints, and those that they were trained from after them."""
    by_uri = {checkpoint.uri: checkpoint for checkpoint in checkpoints}
    runs: list[str] = []
    waiting = [_run(checkpoint) for checkpoint in mine]
    while waiting:
        run = waiting.pop(0)
        if run in runs:
            runs.remove(run)  # a parent as well: it comes before
        elif parents := {c.lineage.parent for c in checkpoints if _run(c) == run and c.lineage.parent}:
            waiting += sorted(_run(by_uri.get(uri) or Checkpoint(uri=uri)) for uri in parents)
        runs.append(run)
    return runs


def _run(checkpoint: Checkpoint) -> str:
    path = TinkerPath.parse(checkpoint.uri)
    return path.run if path else checkpoint.run or checkpoint.uri


def saves_of(way: Sequence[Checkpoint], rows: Sequence[Tally]) -> list[Save]:
    """Return the saves that were sampled, in the order of ``way``; one without samples is left out.

    Of a base model, which is scored for every persona, only the rows of the saves' own personas belong to the way.
    """
    trained = [checkpoint for checkpoint in way if checkpoint.kind is not Kind.BASE]
    personas = {row.persona for row in rows if any(one.uri in row.uris for one in trained)}
    personas = personas or {one.persona for one in trained if one.persona}
    found: list[Save] = []
    for checkpoint in way:
        for row in rows:
            if checkpoint.kind is Kind.BASE and row.persona not in personas:
                continue
            if checkpoint.uri in row.uris and not any(one.row is row for one in found):
                found.append(Save(checkpoint.kind.value, step_of(checkpoint), row))
    return found


def not_sampled(way: Sequence[Checkpoint], saves: Sequence[Save]) -> list[Checkpoint]:
    """Return the saves on the way that can be sampled and have no samples."""
    known = {uri for one in saves for uri in one.row.uris}
    trained = (one for one in way if one.kind is not Kind.BASE)
    return [one for one in trained if one.sampleable and not one.missing_since and one.uri not in known]


def trajectory_table(saves: Sequence[Save], *, is_rate: bool = True) -> Table:
    """Return a row for each save: where it is on the way, its trait rate (or the metric's mean), its response rate."""
    rows = tuple(
        (
            one.stage,
            "-" if one.step is None else whole(one.step),
            sanitize(one.row.label),
            sanitize(one.row.persona),
            whole(one.row.totals.get("samples", 0)),
            percent_with_interval(one.row.trait) if is_rate else mean_with_interval(one.row.mean_of_responses),
            percent_with_interval(one.row.responses),
        )
        for one in saves
    )
    shown = "Trait rate [95%]" if is_rate else "Mean, responses [95%]"
    columns = ("Stage", "Step", "Checkpoint", "Persona", "Samples", shown, "Responses [95%]")
    return Table("Over training", columns, rows, frozenset({"Stage", "Checkpoint", "Persona"}))


def save_as_dict(one: Save, *, is_rate: bool) -> dict[str, Any]:
    """Return a save's figures for JSON; None where there is none."""
    row = one.row
    return {
        "stage": one.stage,
        "step": one.step,
        "checkpoint": row.label,
        "persona": row.persona,
        "checkpoint_uris": sorted(row.uris),
        "samples": int(row.totals.get("samples", 0)),
        "trait_rate": finite(row.trait.share),
        "trait_rate_low": finite(row.trait.low),
        "trait_rate_high": finite(row.trait.high),
        "mean_per_response": finite(row.per_response),
        "mean_per_response_low": None if is_rate else finite(row.mean_of_responses.low),
        "mean_per_response_high": None if is_rate else finite(row.mean_of_responses.high),
        "mean_near_end": None if is_rate else row.mean_of_responses.near_end,
        "response_rate": finite(row.responses.share),
        "response_rate_low": finite(row.responses.low),
        "response_rate_high": finite(row.responses.high),
    }


def trajectory_lines(
    saves: Sequence[Save],
    rule: VerdictConfig,
    open_: Sequence[Checkpoint] = (),
    sampling: str | None = None,
    mean_of: str | None = None,
) -> list[str]:
    """Return where character appears and where responses are lost, as far as the intervals tell.

    Of a metric without a threshold, which ``mean_of`` names, no save is said to have the trait or not.

    Which save will be named is not known beforehand: k saves have intervals of 1 − 0.05/k each (Bonferroni), so that
    chance names none of them in 97.5% of the runs that never come to the limit, however many saves there are.

    ``open_`` are the saves without samples, ``sampling`` the command that samples them; None: no sampler can.
    """
    trained = [one for one in saves if one.stage != Kind.BASE.value]
    todo = f" To sample the rest: {sampling}" if open_ and sampling else ""
    if not trained:
        return [f"No save of this run has samples.{todo}"]
    shown = next((one for one in trained if _bounds(one, "hits", "judged", trained)[0] >= rule.trait_rate), None)
    lost = next(
        (one for one in trained if _bounds(one, "responses", "answered", trained)[1] < rule.response_rate), None
    )
    together = f", at 95% for {len(trained):,} saves together" if len(trained) > 1 else ""
    limit, least = f"{rule.trait_rate:.0%}", f"{rule.response_rate:.0%}"
    if mean_of:
        character = f"{mean_of} has no threshold: its mean does not tell of any save whether character is there."
        if any(one.row.mean_of_responses.near_end for one in saves):
            character += f" {NEAR_END_LEGEND}"
    elif shown:
        character = (
            f"Character appears at {shown.label}: the first save whose trait rate is at least {limit} by its lower "
            f"bound{together}."
        )
    else:
        character = f"No save of {len(trained):,} has a trait rate of at least {limit} by its lower bound{together}."
    lines = [character]
    if lost:
        lines.append(f"Responses are lost at {lost.label}: the first save below {least} by its upper bound{together}.")
    if open_:
        lines.append(f"{len(open_):,} of {len(open_) + len(trained):,} saves have no samples.{todo}")
    return lines


def _bounds(one: Save, hits: str, totals: str, saves: Sequence[Save]) -> tuple[float, float]:
    """Return the interval of a save's rate that holds for all saves together."""
    rate = one.row.counts.rate(hits, totals, 1 - 0.05 / len(saves))
    return rate.low, rate.high
