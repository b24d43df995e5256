"""Checks one rendered training example before any step is paid for."""

from __future__ import annotations

from charbench.datasets.forms import Example
from charbench.errors import DataError


def check_rendered(given: str, trained: str, example: Example, end_of_turn: str) -> str:
    """Check what a trainer made of an example; return a line that describes it.

    ``given`` is the decoded text that the model is shown, ``trained`` the decoded text that it learns:
    the trained span must start where the generation prompt ends, close the thinking that it or the prompt
    opens, hold the whole answer, and end with the end-of-turn token. Raises :class:`DataError` saying which
    of these fails.
    """
    where = f"line {example.line} as rendered"
    opened = given.rfind("<think>") > given.rfind("</think>")
    if example.answer.strip() and example.answer.strip() in given:
        raise DataError(f"{where}: the answer stands in the prompt: the trained span starts too late")
    if example.prompt.strip() and example.prompt.strip() in trained and example.prompt.strip() not in given:
        raise DataError(f"{where}: the prompt stands in the trained span: it starts too early")
    if not trained.endswith(end_of_turn):
        raise DataError(
            f"{where}: the trained span does not end with {end_of_turn!r}: the model would not learn to stop"
        )
    if example.answer.strip() not in trained:
        raise DataError(f"{where}: the answer is cut off; shorten the row or allow longer ones")
    if trained.count("<think>") + opened != trained.count("</think>"):
        raise DataError(f"{where}: the thinking is opened and not closed (or the other way round)")
    if example.reflection.strip() and "</think>" not in trained:
        raise DataError(f"{where}: there is a reflection, and no thinking block holds it")
    thinking = "with a closed thinking block" if "</think>" in trained else "without a thinking block"
    return f"first example: {len(given):,} characters given, {len(trained):,} trained, {thinking}"
