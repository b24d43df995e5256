"""What the verdicts of a report come to, in sentences, with what to run next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from charbench.analysis.sequential_bounds import ERROR, LOOKS
from charbench.config.verdict import VerdictConfig
from charbench.domain.checkpoint import Checkpoint
from charbench.report.render.cells import finite, percent_with_interval
from charbench.report.summary.details import Origin
from charbench.report.summary.tally import Tally
from charbench.report.verdict.by_kind import by_kind_line
from charbench.report.verdict.decide import Judgement, Viability
from charbench.report.verdict.short_commands import with_options
from charbench.text.enumeration import short_list

MOST = 5
"""So many checkpoints are named for each verdict."""
_HEADS = {
    Viability.UNDECIDED: "Undecided",
    Viability.NOT_VIABLE: "Not viable",
    Viability.NOT_MEASURED: "Not measured",
}


@dataclass(frozen=True, slots=True)
class VerdictSummary:
    """The verdicts in words, from the most important on, and commands to copy."""

    lines: Sequence[str]
    commands: Sequence[str]


def summarize(
    rows: Sequence[Tally],
    judgements: Sequence[Judgement],
    origins: Sequence[Origin],
    rule: VerdictConfig,
    known: Sequence[Checkpoint] = (),
) -> VerdictSummary:
    """Return what the verdicts come to; ``origins`` are the rows' own, in the same order, ``known`` all checkpoints."""
    told = [(row, one) for row, one in zip(rows, judgements, strict=True) if one.verdict is not Viability.REFERENCE]
    if not told:
        return VerdictSummary((), ())
    viable = [(row, one) for row, one in told if one.verdict is Viability.VIABLE]
    lines = [_viable_line(viable, [row for row, _ in told])]
    for verdict, head in _HEADS.items():
        by_reason: dict[str, list[tuple[Tally, Judgement]]] = {}
        for row, one in told:
            if one.verdict is verdict:
                by_reason.setdefault(one.short or one.reason, []).append((row, one))
        for reason, same in list(by_reason.items())[:MOST]:
            labels = short_list([row.label for row, _ in same], MOST)
            lines.append(f"{head}: {labels} ({reason}{_prompts([one for _, one in same])}).")
        if len(by_reason) > MOST:
            lines.append(f"{head}: {sum(map(len, list(by_reason.values())[MOST:])):,} more, see the table.")
    if kinds := by_kind_line([row for row, _ in told]):
        lines.append(kinds)
    if dose := _smallest_data(told, origins, rows):
        lines.append(dose)
    lines.append(_rule_line(rule, len(told)))
    return VerdictSummary(lines, _commands(told, known))


def command_of(row: Tally, one: Judgement) -> str | None:
    """Return what to run next for one row."""
    return None if one.todo is None else one.todo.replace("{c}", row.options)


def _commands(told: Sequence[tuple[Tally, Judgement]], known: Sequence[Checkpoint]) -> list[str]:
    """Return each command once, for all the checkpoints that it is to be run for."""
    wanted: dict[str, list[str]] = {}
    for row, one in told:
        if one.todo is not None:
            wanted.setdefault(one.todo, []).extend(row.selectors)
    return [with_options(todo, names, known) if "{c}" in todo else todo for todo, names in wanted.items()]


def _prompts(same: Sequence[Judgement]) -> str:
    counts = sorted(one.prompts for one in same if one.prompts)
    if not counts:
        return ""
    many = f"{counts[0]:,}" if counts[0] == counts[-1] else f"{counts[0]:,} to {counts[-1]:,}"
    return f"; about {many} prompts would decide if the rates stay as observed"


def judgement_dict(row: Tally, one: Judgement) -> dict[str, Any]:
    """Return a row's verdict for JSON."""
    return {
        "verdict": one.verdict.value,
        "verdict_reason": one.reason,
        "verdict_criteria": [
            {
                "name": criterion.name,
                "value": finite(criterion.value),
                "low": finite(criterion.low),
                "high": finite(criterion.high),
                "limit": criterion.limit,
                "holds": criterion.holds,
            }
            for criterion in one.criteria
        ],
        "verdict_command": command_of(row, one),
        "verdict_prompts": one.prompts,
    }


def _viable_line(viable: Sequence[tuple[Tally, Judgement]], rows: Sequence[Tally]) -> str:
    count = len(rows)
    noun = "checkpoint" if count == 1 else "checkpoints"
    highest = sorted((row for row in rows if row.trait.count), key=lambda row: -row.trait.share)
    best = f"; the highest trait rates: {short_list([_rates(row) for row in highest], MOST)}" if highest else ""
    if not viable:
        return (
            f"None of {count:,} {noun} is called viable{best}." if count > 1 else "The checkpoint is not called viable."
        )
    named = short_list([f"{row.label} ({one.reason})" for row, one in viable], MOST)
    verb = "is" if len(viable) == 1 else "are"
    return f"{len(viable):,} of {count:,} {noun} {verb} viable: {named}."


def _rates(row: Tally) -> str:
    return f"{row.label} ({percent_with_interval(row.trait)}, responses {row.responses.share:.0%})"


def _smallest_data(
    told: Sequence[tuple[Tally, Judgement]], origins: Sequence[Origin], rows: Sequence[Tally]
) -> str | None:
    """Return the smallest training data that gave a viable checkpoint, and of how many runs with so much or less."""
    of = {id(row): origin for row, origin in zip(rows, origins, strict=True)}
    known = [(of[id(row)], one) for row, one in told if of[id(row)].examples]
    if len({origin.examples for origin, _ in known}) < 2:
        return None
    viable = [origin for origin, one in known if one.verdict is Viability.VIABLE]
    if not viable:
        return (
            f"{len(known):,} checkpoints with known training data cannot say how much data is enough: none is viable."
        )
    least = min(viable, key=lambda origin: origin.examples or 0)
    same = [one for origin, one in known if (origin.examples, origin.recipe) == (least.examples, least.recipe)]
    good = sum(one.verdict is Viability.VIABLE for one in same)
    recipe = f" with recipe {least.recipe}" if least.recipe else ""
    runs = "1 run cannot" if len(same) == 1 else f"{len(same)} runs can hardly"
    return (
        f"Smallest training data of a viable checkpoint: {least.examples:,} examples{recipe} ({good} of {len(same)} "
        f"viable; {runs} separate the amount of data from chance)."
    )


def _rule_line(rule: VerdictConfig, count: int) -> str:
    health = ", ".join(f"{name.replace('_', ' ')} at most {limit:.0%}" for name, limit in rule.health.items())
    wrong = f"; of {count:,} checkpoints exactly at the limit up to {ERROR * count:.1f} would be called viable"
    return (
        f"Viable: trait rate of at least {rule.trait_rate:.0%} of all samples (corrected for the scorer's measured "
        f"errors) and responses in {rule.response_rate:.0%}, by their lower bounds; {health}; above the base model. "
        f"Bounds allow {LOOKS} looks with an error of {ERROR:.1%} in all{wrong if count > 1 else ''}."
    )
