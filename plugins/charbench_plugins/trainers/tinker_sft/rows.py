"""Renders and encodes the data; one example is checked as the model will see it, before any step is paid for."""

from __future__ import annotations

from itertools import islice

from charbench import Example, TrainingError, TrainingTask, check_rendered, read_examples
from charbench_plugins.tinker_sdk.renderers import Renderer
from charbench_plugins.tinker_sdk.tokenizer import ModelTokenizer
from charbench_plugins.trainers.tinker_sft.loop import Row
from charbench_plugins.trainers.tinker_sft.recipes import Recipe

TOO_LONG_SHARE = 0.1
"""Share of rows over the length limit above which a job is refused."""


def encode_rows(
    task: TrainingTask, recipe: Recipe, tokenizer: ModelTokenizer, renderer: Renderer
) -> tuple[list[Row], list[str]]:
    """Return the rows that fit, and what is to be said of them.

    Raises :class:`charbench.DataError` where the first example is not rendered as it must be, and
    :class:`TrainingError` where too many rows are too long, or none are left.
    """
    rows: list[Row] = []
    notes: list[str] = []
    read = too_long = 0
    for example in islice(read_examples(task.dataset, task.job.dataset), recipe.max_examples):
        given, learned = _encode(example, tokenizer, renderer)
        if not read:
            said = check_rendered(tokenizer.decode(given), tokenizer.decode(learned), example, renderer.end_of_turn)
            notes.append(f"{said}; renderer {renderer.name}")
        if len(given) + len(learned) > recipe.max_length:
            too_long += 1
        else:
            rows.append(Row(read, [*given, *learned], len(given)))
        read += 1
    if too_long > TOO_LONG_SHARE * max(1, read):
        raise TrainingError(
            f"{task.job.dataset}: {too_long:,} of {read:,} rows are longer than {recipe.max_length:,} tokens; "
            "shorten them, or raise -o trainer.tinker-sft.max_length"
        )
    if not rows:
        raise TrainingError(f"{task.job.dataset}: no rows to train on")
    if too_long:
        notes.append(f"{too_long:,} of {read:,} rows are longer than {recipe.max_length:,} tokens, and left out")
    return rows, notes


def _encode(example: Example, tokenizer: ModelTokenizer, renderer: Renderer) -> tuple[list[int], list[int]]:
    return tokenizer.encode(renderer.prompt(example.messages)), tokenizer.encode(renderer.answer(example))
