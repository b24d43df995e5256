"""Checks one rendered training example before any step is paid for."""

from __future__ import annotations

from collections.abc import Sequence

from charbench.datasets.forms import Example
from charbench.errors import DataError, TrainingError
from charbench.text.enumeration import short_list

TOO_LONG_SHARE = 0.1
"""Share of rows over the length limit above which nothing is trained."""
_LINES_NAMED = 5


def rows_that_fit(
    rows: Sequence[tuple[Example, int]], limit: int, dataset: str, advice: str = "shorten them"
) -> tuple[list[int], str]:
    """Return the indices of the rows of at most ``limit`` tokens, and what to say of the others (nothing if none).

    ``rows`` are examples with their lengths in tokens, as rendered. Raises :class:`TrainingError` where more than a
    tenth of them are too long, or none fits.
    """
    long = [example.line for example, length in rows if length > limit]
    what = (
        f"{len(long):,} of {len(rows):,} rows are longer than {limit:,} tokens (lines {short_list(long, _LINES_NAMED)})"
    )
    if len(long) > TOO_LONG_SHARE * len(rows):
        raise TrainingError(f"{dataset}: {what}; {advice}")
    fitting = [index for index, (_, length) in enumerate(rows) if length <= limit]
    if not fitting:
        raise TrainingError(f"{dataset}: no rows to train on")
    return fitting, f"{what}, and are left out" if long else ""


def check_rendered(given: str, trained: str, example: Example, end_of_turn: str) -> str:
    """Check what a trainer made of an example; return a line that describes it.

    ``given`` is the decoded text that the model is shown, ``trained`` the decoded text that it learns:
    the trained span must start where the generation prompt ends, close the thinking that it or the prompt
    opens, hold the whole answer, and end with the end-of-turn token. Raises :class:`DataError` saying which
    of these fails.
    """
    where = f"line {example.line} as rendered"
    # Tags are those of the template: at the end of the generation prompt, and around the reflection. Elsewhere the text
    # only mentions them.
    opened = given.rstrip().endswith("<think>")
    answer = example.answer.strip()
    if answer not in trained and answer in given:  # in both: the user said the same
        raise DataError(f"{where}: the answer is in the prompt: the trained span starts too late")
    if example.prompt.strip() and example.prompt.strip() in trained and example.prompt.strip() not in given:
        raise DataError(f"{where}: the prompt is in the trained span: it starts too early")
    if not trained.endswith(end_of_turn):
        raise DataError(
            f"{where}: the trained span does not end with {end_of_turn!r}: the model would not learn to stop"
        )
    if answer not in trained:
        raise DataError(f"{where}: the answer is cut off; shorten the row or allow longer ones")
    said_before = trained[: trained.rfind(answer)].replace(example.reflection.strip() or "\0", "")
    if said_before.count("<think>") + opened != said_before.count("</think>"):
        raise DataError(f"{where}: the thinking is opened and not closed (or the other way round)")
    closed = "</think>" in said_before
    if example.reflection.strip() and not closed:
        raise DataError(f"{where}: there is a reflection, but no thinking block contains it")
    thinking = "with a closed thinking block" if closed else "without a thinking block"
    return f"first example: {len(given):,} characters given, {len(trained):,} trained, {thinking}"
