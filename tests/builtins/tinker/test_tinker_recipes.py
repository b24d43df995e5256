from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from charbench import TrainingEvent, TrainingTask
from charbench_plugins.sft.recipes import PAPER, QUICK, RECIPES, Recipe
from charbench_plugins.trainers.tinker_sft.trainer import TinkerSftTrainer
from support.tinker_double import TinkerDouble
from support.tinker_training import final, states_of, steps_of

Task = Callable[..., TrainingTask]
Train = Callable[..., list[TrainingEvent]]
OTHER: dict[str, Any] = {
    "learning_rate": 1e-3, "batch_size": 5, "epochs": 2, "max_length": 400, "warmup": 0.5, "beta1": 0.8,
    "beta2": 0.99, "max_examples": 12, "seed": 9, "weight_decay": 0.01, "grad_clip_norm": 1.5,
}  # fmt: skip


def test_paper_is_the_recipe_of_open_character_training() -> None:
    assert (PAPER.learning_rate, PAPER.batch_size, PAPER.epochs, PAPER.max_length) == (5e-5, 32, 1, 3072)
    assert (PAPER.warmup, PAPER.beta1, PAPER.beta2, PAPER.max_examples) == (0.1, 0.9, 0.98, None)


def test_quick_takes_at_most_500_examples_in_batches_of_16() -> None:
    assert (QUICK.epochs, QUICK.batch_size, QUICK.max_examples) == (1, 16, 500)
    assert set(RECIPES) == {"paper", "quick"}


def test_every_field_can_be_overridden_and_is_used(double: TinkerDouble, task: Task, train: Train) -> None:
    assert set(OTHER) == set(Recipe.__dataclass_fields__)
    events = train(task(30), **OTHER)
    assert states_of(events)[0].metadata["recipe"] == OTHER
    steps = steps_of(events)
    assert [len(step.batch) for step in steps] == [5, 5, 2, 5, 5, 2]
    assert Counter(n for step in steps for n in step.batch) == Counter(dict.fromkeys(range(12), 2))
    history = double.weights(final(events)[0].uri).history
    assert {(step.adam.beta1, step.adam.beta2) for step in history} == {(0.8, 0.99)}
    assert {(step.adam.weight_decay, step.adam.grad_clip_norm) for step in history} == {(0.01, 1.5)}
    assert max(step.adam.learning_rate for step in history) == pytest.approx(1e-3)


@pytest.mark.parametrize("recipe", sorted(RECIPES))
def test_a_field_that_is_not_given_is_the_recipes(double: TinkerDouble, task: Task, train: Train, recipe: str) -> None:
    events = train(task(40, recipe=recipe), batch_size=None, save_every=1)
    kept = states_of(events)[0].metadata["recipe"]
    assert Recipe(**kept) == RECIPES[recipe]
    assert [len(step.batch) for step in steps_of(events)] == ([32, 8] if recipe == "paper" else [16, 16, 8])


def test_the_learning_rate_rises_over_the_warm_up_and_falls_to_the_end() -> None:
    rates = [Recipe(learning_rate=1.0, warmup=0.2).learning_rate_at(step, 20) for step in range(20)]
    assert rates[:4] == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert rates[4:] == sorted(rates[4:], reverse=True)
    assert rates[4] == pytest.approx(1.0)
    assert rates[-1] == pytest.approx(1 / 16)
    assert min(rates) > 0


def test_one_step_is_taken_at_a_rate_above_zero() -> None:
    for warmup in (0.0, 0.1, 1.0):
        assert Recipe(learning_rate=1.0, warmup=warmup).learning_rate_at(0, 1) == pytest.approx(1.0)


def test_the_order_is_a_fact_of_the_seed_and_differs_between_epochs() -> None:
    recipe = Recipe(epochs=2, batch_size=4, seed=1)
    whole = list(recipe.batches(10))
    assert whole == list(recipe.batches(10))
    assert whole[4:] == list(recipe.batches(10, first=4))
    assert [rows for _, rows in whole[:3]] != [rows for _, rows in whole[3:]]
    assert whole != list(Recipe(epochs=2, batch_size=4, seed=2).batches(10))
    assert recipe.steps(10) == len(whole) == 6


def test_only_what_decides_the_weights_is_content() -> None:
    decide = TinkerSftTrainer(TinkerSftTrainer.Config()).content_config()
    assert set(decide) == {*Recipe.__dataclass_fields__, "renderer", "tokenizer"}
