"""``charbench power``: how many prompts a difference needs, and what the present ones can show."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click

from charbench.cli import options, output
from charbench.errors import StoreError, UsageError

if TYPE_CHECKING:
    from charbench.domain.table import Table
    from charbench.report.compare.power import Variation

    _Row = tuple[Variation, float, list[tuple[int | None, int | None]]]
    """How samples vary, a difference, and the prompts that show it (at least, at most) for each number of epochs."""

EPOCHS = (1, 2, 4, 8)
DIFFERENCES = (0.1, 0.2, 0.3)


@click.command("power")
@options.where
@click.option("-p", "--persona", "personas", multiple=True, metavar="NAME", help="Only checkpoints of this persona.")
@click.option(
    "--difference", "differences", type=float, multiple=True, metavar="D",
    help="Difference to show: 0.2 is 20 points of a rate. [default: 0.1, 0.2, 0.3]",
)  # fmt: skip
@click.option(
    "--metric",
    metavar="SCORER.METRIC",
    help="What to compare, or 'responses'. [default: the headline that was scored first]",
)
@click.option("--sampler", metavar="NAME", help="This sampler's samples. [default: the one most have]")
@options.setting
@click.option("--rate", type=click.FloatRange(0, 1), help="Assume this rate instead of reading the store.")
@click.option("--epochs", type=click.IntRange(1, 10_000), help="Samples per prompt. [default: 1, 2, 4, 8]")
@click.option(
    "--comparisons",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Number of comparisons for Holm's adjustment.",
)
@click.option(
    "--power",
    type=click.FloatRange(0.01, 0.999),
    default=0.8,
    show_default=True,
    help="Statistical power: probability of detecting the difference.",
)
@options.as_json
def command(
    differences: tuple[float, ...],
    metric: str | None,
    sampler: str | None,
    settings: tuple[str, ...],
    rate: float | None,
    epochs: int | None,
    comparisons: int,
    power: float,
    json_output: bool,
    **given: Any,
) -> None:
    """Compute how many prompts two checkpoints must both answer to show a difference, and what the present set shows.

    The variance of the samples is read from the store, per persona, or assumed with --rate.
    """
    from charbench.analysis.planned_tests import least_prompts
    from charbench.analysis.tiers import LEVEL
    from charbench.report.compare.power import assumed
    from charbench.report.render.terminal import print_prose

    wanted = differences or DIFFERENCES
    if any(not difference > 0 or not math.isfinite(difference) for difference in wanted):
        raise UsageError("option --difference: a number above 0 is needed, such as 0.2")
    is_rate, name = True, "a rate"
    variations: list[Variation] = []
    if rate is None:
        is_rate, name, variations = _measured(metric, sampler, settings, given)
    if is_rate and max(wanted) > 1:
        raise UsageError("option --difference: rates differ by at most 1")
    level = LEVEL / comparisons
    asked = (epochs,) if epochs else EPOCHS
    rows = [
        (variation, difference, [variation.needed(difference, times, level, power) for times in asked])
        for difference in wanted
        for variation in (variations or [assumed(rate if rate is not None else 0.5, difference)])
    ]
    least = least_prompts(LEVEL, comparisons)
    if json_output:
        head = {"metric": name, "power": power, "level": LEVEL, "comparisons": comparisons, "least_prompts": least}
        present = [_as_dict(variation, level, power) for variation in variations]
        output.print_json(head | {"present": present, "needed": _needed(rows, asked)})
        return
    _print(name, rows, asked, variations, level, power, is_rate=is_rate)
    print_prose(f"No two checkpoints can differ significantly with fewer than {least:,} prompts, whatever the samples.")
    _say_what_is_assumed(rows, observed=rate is None)


def _measured(
    metric: str | None, sampler: str | None, settings: tuple[str, ...], given: dict[str, Any]
) -> tuple[bool, str, list[Variation]]:
    """Return whether the metric is a rate, its name, and how it varies in the store, for each persona."""
    from charbench.report.compare.power import measured

    session = options.open_session(**given)
    personas = [persona.name for persona in session.selected_personas()]
    try:
        database = session.existing_database()
    except StoreError as error:
        raise UsageError(f"{error}; or assume a rate: charbench power --rate 0.5") from None
    with database.read() as connection:
        measure, variations = measured(connection, metric, personas, sampler, settings)
    if not variations:
        raise UsageError("no persona has two checkpoints with shared prompts; assume a rate instead: --rate 0.5")
    return measure.is_rate, measure.name, variations


def _say_what_is_assumed(rows: list[_Row], *, observed: bool) -> None:
    """Say on stderr what the numbers rest on."""
    output.say(
        "Computed for the test that compare uses, with families counted, if the rates and how they vary stay as "
        + ("observed." if observed else "assumed.")
    )
    few = {variation.label: variation.limits for variation, _, _ in rows if variation.limits}
    for label, (least, most) in few.items():
        output.say(
            f"{label}: few prompts tell little of how much answers vary; the true numbers are likely "
            f"{least:.2g} to {most:.2g} times these."
        )
    if any(low != high for _, _, counts in rows for low, high in counts):
        output.say(
            "Where two numbers are given, the variance between samples of one prompt is unknown: sample some prompts "
            "twice or more (--epochs) to estimate it."
        )


def _needed(rows: list[_Row], epochs: tuple[int, ...]) -> list[dict[str, Any]]:
    """Return the prompts needed, for each difference and number of epochs."""
    return [
        {"persona": v.label, "difference": d, "epochs": times, "prompts_at_least": low, "prompts_at_most": high}
        for v, d, counts in rows
        for times, (low, high) in zip(epochs, counts, strict=True)
    ]


def _print(
    name: str,
    rows: list[_Row],
    epochs: tuple[int, ...],
    variations: list[Variation],
    level: float,
    power: float,
    *,
    is_rate: bool,
) -> None:
    from charbench.domain.table import Table
    from charbench.report.render.cells import three_digits
    from charbench.report.render.terminal import print_table

    def shown(difference: float) -> str:
        if math.isinf(difference):
            return "none"
        return f"{100 * difference:.0f} points" if is_rate else three_digits(difference)

    if variations:
        print_table(_present(name, variations, level, power, shown))
    heads = ("Difference", "Persona" if variations else "Rates", *(_times(n) for n in epochs))
    cells = tuple(
        (
            shown(d),
            v.label,
            *(_prompts(low) if low == high else f"{_prompts(low)} to {_prompts(high)}" for low, high in counts),
        )
        for v, d, counts in rows
    )
    title = f"Prompts that show a difference in {name}, {power:.0%} of the time"
    print_table(Table(title, heads, cells, frozenset({"Persona", "Rates"})))


def _present(name: str, variations: list[Variation], level: float, power: float, shown: Any) -> Table:
    from charbench.domain.table import Table

    columns = ("Persona", "Checkpoints", "Prompts", "Samples per prompt", "Smallest difference shown")
    rows = tuple(
        (v.label, str(v.checkpoints), str(v.prompts), f"{v.epochs:.3g}", shown(v.smallest(level, power)))
        for v in variations
    )
    return Table(f"What the present prompts can show: {name}", columns, rows, frozenset({"Persona"}))


def _prompts(count: int | None) -> str:
    return "over 10 million" if count is None else f"{count:,}"


def _times(epochs: int) -> str:
    return "1 epoch" if epochs == 1 else f"{epochs} epochs"


def _as_dict(variation: Variation, level: float, power: float) -> dict[str, Any]:
    smallest = variation.smallest(level, power)
    return {
        "persona": variation.label,
        "checkpoints": variation.checkpoints,
        "prompts": variation.prompts,
        "answers_a_prompt": variation.epochs,
        "variance_of_a_prompt": variation.variance,
        "variance_between_prompts": variation.parts.prompts if variation.parts else None,
        "variance_of_answers": variation.parts.answers if variation.parts else None,
        "design_effect": variation.effect,
        "times_likely": list(variation.limits) if variation.limits else None,
        "smallest_difference": smallest if math.isfinite(smallest) else None,
    }
