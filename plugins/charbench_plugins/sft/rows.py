"""Renders and encodes the data; one example is checked as the model will see it, before any step is paid for."""

from __future__ import annotations

from itertools import islice
from typing import NamedTuple

from charbench import TrainingTask, read_examples, rows_that_fit
from charbench_plugins.sft.recipes import Recipe
from charbench_plugins.tinker_sdk.renderers import Renderer
from charbench_plugins.tinker_sdk.tokenizer import ModelTokenizer


class Row(NamedTuple):
    """One example as tokens: the trained span begins at ``begin``; ``number`` is its place in the data, from 0."""

    number: int
    tokens: list[int]
    begin: int


def encode_rows(
    task: TrainingTask, recipe: Recipe, tokenizer: ModelTokenizer, renderer: Renderer, trainer: str = "tinker-sft"
) -> tuple[list[Row], list[str]]:
    """Return the rows that fit, and what is to be said of them; ``trainer`` names whose option the limit is.

    Raises :class:`charbench.DataError` where the first of them is not rendered as it must be, and
    :class:`charbench.TrainingError` where too many rows are too long, or none are left.
    """
    examples = list(islice(read_examples(task.dataset, task.job.dataset, task.limits), recipe.max_examples))
    encoded = [renderer.example_tokens(example, tokenizer) for example in examples]
    lengths = [
        (example, len(given) + len(learned)) for example, (given, learned) in zip(examples, encoded, strict=True)
    ]
    advice = f"shorten them, or raise -o trainer.{trainer}.max_length"
    fitting, left_out = rows_that_fit(lengths, recipe.max_length, task.job.dataset, advice)
    given, learned = encoded[fitting[0]]
    first = examples[fitting[0]]
    said = renderer.check(tokenizer.decode(given), tokenizer.decode(learned), first)
    rows = [Row(index, [*encoded[index][0], *encoded[index][1]], len(encoded[index][0])) for index in fitting]
    return rows, [f"{said}; renderer {renderer.full_name}", *([left_out] if left_out else [])]
