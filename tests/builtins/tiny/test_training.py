from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from charbench_plugins.tiny import examples as examples_module
from charbench_plugins.tiny.examples import TrainingExample
from charbench_plugins.tiny.lora import LoraAdapter
from charbench_plugins.tiny.model import TinyModel
from charbench_plugins.tiny.recipe import TrainingRecipe
from charbench_plugins.tiny.training import TinyTraining

Examples = list[TrainingExample]


def new_run(model: TinyModel, examples: Examples, recipe: TrainingRecipe) -> TinyTraining:
    return TinyTraining(model, LoraAdapter.new(model.config), examples, recipe)


def finish(run: TinyTraining) -> list[float]:
    losses = []
    while not run.done:
        losses.append(run.step().loss)
    return losses


def assert_same_weights(one: LoraAdapter, other: LoraAdapter) -> None:
    assert one.factors.keys() == other.factors.keys()
    for path in one.factors:
        np.testing.assert_array_equal(one.factors[path].down, other.factors[path].down)
        np.testing.assert_array_equal(one.factors[path].up, other.factors[path].up)


@pytest.mark.slow
def test_the_loss_falls_and_every_step_is_reported(model: TinyModel, examples: Examples) -> None:
    run = new_run(model, examples, TrainingRecipe(epochs=2, batch_size=8, warmup_ratio=0.2))
    reports = [run.step() for _ in range(run.total_steps)]
    assert reports[-1].loss < 0.8 * reports[0].loss
    assert [report.step for report in reports] == list(range(6))
    assert [len(report.batch_ids) for report in reports] == [8, 8, 4, 8, 8, 4]
    assert max(report.learning_rate for report in reports) == 5e-3
    first = [examples[index] for index in reports[0].batch_ids]
    assert reports[0].tokens == sum(len(example.token_ids) - example.trained_from for example in first)
    assert all(report.seconds > 0 for report in reports)
    with pytest.raises(RuntimeError, match="all 6 steps"):
        run.step()


def test_two_runs_with_one_seed_give_the_same_weights(model: TinyModel, examples: Examples) -> None:
    runs = [new_run(model, examples[:6], TrainingRecipe(epochs=2, batch_size=4, seed=3)) for _ in range(2)]
    assert finish(runs[0]) == finish(runs[1])
    assert_same_weights(runs[0].adapter, runs[1].adapter)


def test_fewer_examples_than_a_batch_are_trained_on(model: TinyModel, examples: Examples) -> None:
    run = new_run(model, examples[:1], TrainingRecipe(epochs=1, batch_size=32))
    run.step()
    assert run.done
    assert any(factors.up.any() for factors in run.adapter.factors.values())


@pytest.mark.slow
def test_a_resumed_run_ends_where_an_uninterrupted_one_does(
    model: TinyModel, examples: Examples, tmp_path: Path
) -> None:
    recipe = TrainingRecipe(epochs=2, batch_size=4, warmup_ratio=0.1, max_gradient_norm=1.0)
    straight = new_run(model, examples[:10], recipe)
    losses = finish(straight)
    broken = new_run(model, examples[:10], recipe)
    for _ in range(4):
        broken.step()
        broken.save_state(tmp_path / "state")
    resumed = TinyTraining.resume(tmp_path / "state", model, examples[:10], recipe)
    assert resumed.next_step == 4
    assert finish(resumed) == losses[4:]
    assert_same_weights(resumed.adapter, straight.adapter)
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_a_save_that_fails_leaves_the_earlier_state(
    model: TinyModel, examples: Examples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run(model, examples[:4], TrainingRecipe(batch_size=4))
    run.step()
    run.save_state(tmp_path / "state")
    run.step()

    def full_disk(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("charbench_plugins.tiny.run_state.TrainingState.save", full_disk)
    with pytest.raises(OSError, match="no space left"):
        run.save_state(tmp_path / "state")
    assert TinyTraining.resume(tmp_path / "state", model, examples[:4]).next_step == 1
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_a_process_killed_between_the_renames_loses_nothing(
    model: TinyModel, examples: Examples, tmp_path: Path
) -> None:
    run = new_run(model, examples[:4], TrainingRecipe(batch_size=4))
    run.step()
    run.save_state(tmp_path / "state")
    (tmp_path / "state").rename(tmp_path / "state.previous")  # as the kill leaves it
    (tmp_path / "state.draft").mkdir()
    (tmp_path / "state.draft" / "half").touch()
    assert TinyTraining.resume(tmp_path / "state", model, examples[:4]).next_step == 1
    run.save_state(tmp_path / "state")
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_a_state_of_other_examples_or_another_recipe_is_refused(
    model: TinyModel, examples: Examples, tmp_path: Path
) -> None:
    new_run(model, examples[:4], TrainingRecipe(batch_size=4)).save_state(tmp_path / "state")
    with pytest.raises(ValueError, match="other examples"):
        TinyTraining.resume(tmp_path / "state", model, examples[:5])
    with pytest.raises(ValueError, match="another recipe"):
        TinyTraining.resume(tmp_path / "state", model, examples[:4], TrainingRecipe(batch_size=2))
    with pytest.raises(FileNotFoundError, match="no saved training state"):
        TinyTraining.resume(tmp_path / "nothing", model, examples[:4])


@pytest.mark.slow
def test_training_goes_on_from_a_loaded_adapter(model: TinyModel, examples: Examples, tmp_path: Path) -> None:
    recipe = TrainingRecipe(epochs=2, batch_size=8)
    first = new_run(model, examples, recipe)
    losses = finish(first)
    first.adapter.save(tmp_path)
    second = TinyTraining(model, LoraAdapter.load(tmp_path), examples, recipe)
    assert second.step().loss < 0.8 * losses[0]


def test_a_batch_in_pieces_trains_like_a_whole_one(
    model: TinyModel, examples: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = TrainingRecipe(batch_size=6)
    whole = new_run(model, examples[:6], recipe)
    pieces = new_run(model, examples[:6], recipe)
    monkeypatch.setattr(examples_module, "_PIECE_SIZE", 10_000_000)
    assert len(examples_module.split_batch(examples[:6])) == 1
    report = whole.step()
    monkeypatch.setattr(examples_module, "_PIECE_SIZE", 1)
    assert len(examples_module.split_batch(examples[:6])) == 6
    assert pieces.step().loss == pytest.approx(report.loss, rel=1e-5)
    for path, factors in whole.adapter.factors.items():
        np.testing.assert_allclose(pieces.adapter.factors[path].up, factors.up, atol=1e-4)


def test_data_that_cannot_be_trained_on_is_refused(model: TinyModel) -> None:
    adapter = LoraAdapter.new(model.config)
    with pytest.raises(ValueError, match="no examples"):
        TinyTraining(model, adapter, [])
    with pytest.raises(ValueError, match="example 0 has 1025 tokens; the limit is 1024"):
        TinyTraining(model, adapter, [TrainingExample((1,) * 1025, 5)])
    with pytest.raises(ValueError, match="does not know"):
        TinyTraining(model, adapter, [TrainingExample((1, 2, 5000), 1)])
    with pytest.raises(ValueError, match="a prompt and a completion"):
        TrainingExample((1, 2, 3), 3)
