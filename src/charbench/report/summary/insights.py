"""What a table does not say by itself: a line for each row whose character stands in the thinking only."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from charbench.report.summary.rows import Report
from charbench.report.summary.tally import Tally
from charbench.store.diagnoses import Causes

IN_THINKING = 0.5
IN_RESPONSE = 0.2


def only_in_thinking(report: Report, causes: Causes, commands: Mapping[int, str], most: int = 5) -> list[str]:
    """Return a line for each row whose character stands in its thinking and not in its responses.

    It is called erosion only where ``charbench diagnose`` (``causes``: the newest cause in the report's settings) has
    ruled everything else out. ``commands`` has, by the ``id`` of a row, what diagnoses it.
    """
    rows = [row for row in report.checkpoints if is_only_in_thinking(row)]
    lines = []
    for row in rows[:most]:
        told = sorted(causes_of(row, causes))
        find = commands.get(id(row)) or f"charbench diagnose {row.options}"
        why = f"diagnosed: {', '.join(told)}" if told else f"to find the cause: {find}"
        lines.append(
            f"{_who(row, report.checkpoints)}: the character is in the thinking of {row.trait_in_thinking.share:.0%} "
            f"of the samples, in the response of {row.trait.share:.0%} ({why})"
        )
    if len(rows) > most:
        lines.append(f"... and {len(rows) - most:,} more with the character in the thinking only")
    return lines


def _who(row: Tally, rows: Sequence[Tally]) -> str:
    """Return a row's label, with what tells it from others of that label: its persona, its sampler, how many it is."""
    same = [one for one in rows if one.label == row.label]
    more = [row.persona] if len({one.persona for one in same}) > 1 else []
    mine = [one for one in same if one.persona == row.persona]
    more += ["/".join(sorted(row.samplers))] if len(mine) > 1 else []
    more += [f"{len(row.uris):,} checkpoints"] if len(row.uris) > 1 else []
    return f"{row.label} ({', '.join(more)})" if more else row.label


def causes_of(row: Tally, causes: Causes) -> set[str]:
    """Return what the diagnoses of a row's checkpoints have found."""
    return {causes[row.persona, uri] for uri in row.uris if (row.persona, uri) in causes}


def is_only_in_thinking(row: Tally) -> bool:
    """Whether the trait stands in the thinking only; False where half of the responses have no score or more."""
    if not row.judged.samples or 2 * row.judged.left_out >= row.answered:
        return False
    return row.trait_in_thinking.share >= IN_THINKING and row.trait.share < IN_RESPONSE


def in_no_rate(report: Report) -> list[str]:
    """Return a line on each row whose replies were in part filtered or tool calls, with their share."""
    lines = []
    for row in report.checkpoints or report.personas:
        replies = int(row.totals.get("samples", 0)) - row.failed
        for name, what in (("filtered", "were ended by a content filter"), ("tool_call", "are tool calls")):
            if count := int(row.totals.get(name, 0)):
                lines.append(
                    f"{row.label}: {count:,} of {replies:,} replies ({count / replies:.0%}) {what}: excluded from all "
                    "rates"
                )
    return lines


def without_score(report: Report, old: Collection[str] = ()) -> list[str]:
    """Return a line on the responses that the report's metric has no value for; nothing where it has all.

    ``old`` are the scorers whose scores were given by an earlier version of their code.
    """
    left_out = sum(row.judged.left_out for row in report.personas)
    responses = sum(row.responses.count for row in report.personas)
    if not left_out or report.metric is None:
        return []
    again = " --rescore" if report.metric.partition(".")[0] in old else ""
    of, none = ("trait rates", "no verdict") if report.is_rate else ("its means", "no value")
    line = (
        f"{left_out:,} of {responses:,} responses have no {report.metric} (not scored, or {none}): "
        f"they are excluded from {of}. Run charbench score{again}."
    )
    return [line]
