from __future__ import annotations

import json

import pytest

from charbench_plugins.tiny.recipe import SCHEDULES, Schedule, TrainingRecipe


@pytest.mark.parametrize(("examples", "steps"), [(1, 1), (7, 1), (8, 1), (9, 2), (100, 13)])
def test_an_epoch_trains_on_every_example_once(examples: int, steps: int) -> None:
    recipe = TrainingRecipe(epochs=2, batch_size=8)
    assert recipe.total_steps(examples) == 2 * steps
    for epoch in range(2):
        batches = [recipe.batch(epoch * steps + step, examples) for step in range(steps)]
        assert sorted(index for batch in batches for index in batch) == list(range(examples))


def test_the_order_depends_on_seed_and_epoch_only() -> None:
    assert TrainingRecipe(seed=1).batch(0, 50) == TrainingRecipe(seed=1, learning_rate=1).batch(0, 50)
    assert TrainingRecipe(seed=1).batch(0, 50) != TrainingRecipe(seed=2).batch(0, 50)
    assert TrainingRecipe(seed=1, batch_size=50).batch(0, 50) != TrainingRecipe(seed=1, batch_size=50).batch(1, 50)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("total", [1, 2, 20])
@pytest.mark.parametrize("warmup", [0.0, 0.1, 1.0])
def test_no_step_is_wasted(schedule: Schedule, total: int, warmup: float) -> None:
    recipe = TrainingRecipe(schedule=schedule, warmup_ratio=warmup, learning_rate=2.0)
    rates = [recipe.learning_rate_at(step, total) for step in range(total)]
    assert all(0 < rate <= 2.0 for rate in rates)
    assert max(rates) == 2.0


def test_the_rate_rises_and_then_falls() -> None:
    recipe = TrainingRecipe(warmup_ratio=0.2, learning_rate=1.0)
    rates = [recipe.learning_rate_at(step, 20) for step in range(20)]
    assert rates[:4] == [0.25, 0.5, 0.75, 1.0]
    assert rates[4:] == sorted(rates[4:], reverse=True)
    assert rates[12] == pytest.approx(0.5)  # half of the way down the cosine
    assert rates[-1] < 0.05


def test_a_recipe_survives_json() -> None:
    recipe = TrainingRecipe(betas=(0.9, 0.98), learning_rate=5e-5, max_gradient_norm=1.0)
    assert TrainingRecipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"batch_size": 0},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"warmup_ratio": 1.5},
        {"schedule": "exponential"},
        {"betas": (0.9, 1.0)},
        {"max_gradient_norm": 0.0},
        {"seed": -1},
    ],
)
def test_an_impossible_recipe_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        TrainingRecipe(**wrong)  # type: ignore[arg-type]
