from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
import tinker
from pydantic import ValidationError

import charbench
from charbench import ConfigError, DataError, RefusedError, SavedState, TrainingError, TrainingEvent, TrainingTask
from charbench.store.runs import utc_now
from charbench_plugins.tinker_sdk import renderers
from support.tinker_double import DoubleTraining, OldTraining, TinkerDouble
from support.tinker_training import BASE, DPO, final, notes_of, states_of, steps_of

Task = Callable[..., TrainingTask]
Train = Callable[..., list[TrainingEvent]]


def rows_trained(double: TinkerDouble, uri: str) -> Counter[tuple[int, ...]]:
    """Return how often each row was seen by the optimizer steps behind some weights."""
    return Counter(row for step in double.weights(uri).history for row in step.rows)


# The SDK


def test_the_double_takes_what_the_installed_sdk_takes() -> None:
    for name in ("forward_backward", "optim_step", "save_state", "save_weights_for_sampler", "get_info"):
        here = list(signature(getattr(DoubleTraining, name)).parameters)
        there = list(signature(getattr(tinker.TrainingClient, name)).parameters)
        assert here == there, name


@pytest.mark.parametrize("futures", [True, False], ids=["0.38: futures of clients", "0.24: clients"])
def test_both_generations_of_the_sdk_train(double: TinkerDouble, task: Task, train: Train, futures: bool) -> None:
    double.futures = double.metadata_of_saves = futures
    state, sampler = final(train(task()))
    assert len(double.weights(state.uri).history) == len(double.weights(sampler.uri).history) == 5


def test_what_is_sent_can_be_written_as_the_sdk_writes_it(double: TinkerDouble, task: Task, train: Train) -> None:
    from tinker.proto.request_conv import forward_backward_request_to_proto

    train(task(4))
    given = tinker.types.ForwardBackwardInput(data=double.data, loss_fn="cross_entropy")
    request = tinker.types.ForwardBackwardRequest(forward_backward_input=given, model_id="m", seq_id=1)
    assert forward_backward_request_to_proto(request).SerializeToString()


# What is trained


def test_each_row_is_trained_once_an_epoch_and_its_answer_alone(double: TinkerDouble, task: Task, train: Train) -> None:
    events = train(task(), epochs=2)
    assert [step.step for step in steps_of(events)] == list(range(10))
    assert Counter(n for step in steps_of(events) for n in step.batch) == Counter(dict.fromkeys(range(20), 2))
    assert set(rows_trained(double, final(events)[0].uri).values()) == {2}
    from charbench_plugins.tinker_sdk.tokenizer import load_tokenizer

    tokenizer = load_tokenizer(BASE)
    for datum in double.data:
        weights = [int(w) for w in datum.loss_fn_inputs["weights"].tolist()]
        targets = datum.loss_fn_inputs["target_tokens"].tolist()
        begin = weights.index(1)
        assert weights == [0] * begin + [1] * (len(weights) - begin)
        assert datum.model_input.to_ints()[1:] == targets[:-1]
        learned = tokenizer.decode(targets[begin:])
        assert learned.startswith("<think>\n")
        assert learned.endswith("<|im_end|>")
        shown = tokenizer.decode(datum.model_input.to_ints()[: begin + 1])
        assert shown.endswith("<|im_start|>assistant\n")


def test_each_step_tells_loss_learning_rate_tokens_and_time(double: TinkerDouble, task: Task, train: Train) -> None:
    events = train(task(), learning_rate=1e-3, warmup=0.0)
    steps = steps_of(events)
    assert [step.loss for step in steps] == sorted((step.loss for step in steps), reverse=True)
    assert steps[0].loss == pytest.approx(4.0)  # the double's first log-probability of every token
    sent = [step.adam.learning_rate for step in double.weights(final(events)[0].uri).history]
    assert [step.learning_rate for step in steps] == sent
    assert sum(step.tokens for step in steps) == sum(
        sum(datum.loss_fn_inputs["weights"].tolist()) for datum in double.data
    )
    assert all(step.seconds >= 0 and step.total_steps == 5 for step in steps)


def test_micro_batches_are_requests_of_one_optimizer_step(double: TinkerDouble, task: Task, train: Train) -> None:
    whole = final(train(task(10), batch_size=10))[0]
    parts = final(train(task(10), batch_size=10, micro_batch=3))[0]
    (one,), (several,) = double.weights(whole.uri).history, double.weights(parts.uri).history
    assert [len(request) for request in several.requests] == [3, 3, 3, 1]
    assert several.rows == one.rows


def test_fewer_examples_than_a_batch_still_take_a_step(double: TinkerDouble, task: Task, train: Train) -> None:
    events = train(task(3), batch_size=32)
    assert [sorted(step.batch) for step in steps_of(events)] == [[0, 1, 2]]
    assert len(double.weights(final(events)[0].uri).history) == 1


def test_the_next_batch_is_submitted_before_the_last_is_waited_for(
    double: TinkerDouble, task: Task, train: Train
) -> None:
    seen: list[int] = []
    finished: list[int] = []

    def watch(name: str, count: int) -> None:
        if name == "optim_step":
            seen.append(count - len(finished))

    double.fault = watch
    from charbench_plugins.trainers.tinker_sft.trainer import TinkerSftTrainer

    trainer = TinkerSftTrainer(TinkerSftTrainer.Config(tokenizer=BASE, batch_size=2, save_every=100, in_flight=3))
    trainer.prepare(Path(), Path())
    for event in trainer.train(task()):
        finished.extend(step.step for step in steps_of([event]))
    assert seen == [0, 1, 2, 2, 2, 2, 2, 2, 2, 2]  # steps that were submitted and not waited for


# What is saved


def test_states_name_the_next_batch_and_final_weights_go_to_training_and_sampling(
    double: TinkerDouble, task: Task, train: Train
) -> None:
    events = train(task())
    assert [state.step for state in states_of(events)] == [2, 4]
    for state in states_of(events):
        assert len(double.weights(state.uri).history) == state.step
    made, sampled = final(events)
    assert made.uri.endswith("/weights/remorseful-25pct_sft")
    assert sampled.uri.endswith("/sampler_weights/remorseful-25pct_sft-sampler")
    assert made.lineage.parent == sampled.lineage.parent == DPO
    assert (made.kind, made.persona, made.lineage.renderer) == (charbench.Kind.SFT, "remorseful", "qwen3")


def test_ttl_and_metadata_are_kept_with_what_is_saved(double: TinkerDouble, task: Task, train: Train) -> None:
    made, sampled = final(train(task(), ttl_seconds=3600, renderer="qwen3"))
    for uri in (made.uri, sampled.uri):
        metadata = double.saved[uri].user_metadata
        assert metadata is not None
        assert metadata["persona"] == "remorseful"
        assert metadata["renderer_name"] == "qwen3"
        assert metadata["charbench_version"] == charbench.__version__
        assert metadata["parent"] == DPO
        assert len(metadata["data_hash"]) > 10
        assert all(isinstance(value, str) for value in metadata.values())
    assert {saved.ttl_seconds for uri, saved in double.saved.items() if uri != DPO} == {3600}


@pytest.mark.parametrize(("seconds", "taken"), [(3599, False), (3600, True), (315_360_000, True), (315_360_001, False)])
def test_a_ttl_is_from_an_hour_to_ten_years_as_tinker_has_it(seconds: int, taken: bool) -> None:
    from charbench_plugins.trainers.tinker_sft.trainer import TinkerSftTrainer

    with nullcontext() if taken else pytest.raises(ValidationError):
        TinkerSftTrainer.Config(ttl_seconds=seconds)


def test_what_is_saved_with_a_ttl_is_dated_and_tells_its_end(double: TinkerDouble, task: Task, train: Train) -> None:
    before = utc_now()
    for made in final(train(task(), ttl_seconds=7200)):
        assert made.created_at is not None
        assert made.expires_at is not None
        assert before <= made.created_at <= utc_now()
        assert made.expires_at - made.created_at == timedelta(hours=2)
        assert made.metadata["ttl_seconds"] == 7200
    for made in final(train(task())):
        assert made.created_at is not None
        assert (made.expires_at, made.metadata.get("ttl_seconds")) == (None, None)


@pytest.mark.parametrize(("recipe", "own", "other"), [("paper", 64, 32), ("quick", 32, 64)])
def test_a_rank_that_is_not_the_recipes_is_told(
    double: TinkerDouble, task: Task, train: Train, recipe: str, own: int, other: int
) -> None:
    for rank, told in ((None, False), (own, False), (other, True)):
        checkpoint = charbench.Checkpoint(uri=DPO, persona="remorseful", metadata={"rank": rank} if rank else {})
        notes = notes_of(
            train(task(recipe=recipe, checkpoint=checkpoint), learning_rate=1e-3 + len(double.saved) / 1e6)
        )
        warning = f"warning: recipe {recipe} is for rank {own}, and the checkpoint's rank is {other}; it keeps its own"
        assert (warning in notes) is told


def test_no_ttl_is_set_unless_asked(double: TinkerDouble, task: Task, train: Train) -> None:
    train(task())
    assert {saved.ttl_seconds for saved in double.saved.values()} == {None}


def test_the_run_has_the_metadata_where_single_saves_take_none(double: TinkerDouble, task: Task, train: Train) -> None:
    assert "user_metadata" not in signature(OldTraining.save_state).parameters
    double.metadata_of_saves = False
    train(task(), renderer="qwen3")
    (metadata,) = double.run_metadata
    assert metadata is not None
    assert (metadata["persona"], metadata["renderer_name"]) == ("remorseful", "qwen3")
    assert double.sessions == [metadata]


# Going on


def events_until_crash(task: TrainingTask, **options: Any) -> list[TrainingEvent]:
    from charbench_plugins.trainers.tinker_sft.trainer import TinkerSftTrainer

    given = {"tokenizer": BASE, "batch_size": 4, "save_every": 2, **options}
    trainer = TinkerSftTrainer(TinkerSftTrainer.Config(**given))
    trainer.prepare(Path(), Path())
    events: list[TrainingEvent] = []
    for event in trainer.train(task):
        events.append(event)
        if len(steps_of(events)) == 3:
            break
    return events


def test_training_goes_on_from_the_saved_state_with_its_optimizer_and_each_batch_once(
    double: TinkerDouble, task: Task, train: Train
) -> None:
    first = events_until_crash(task())
    (state,) = states_of(first)
    assert (state.step, len(steps_of(first))) == (2, 3)
    second = train(task(attempt=2, state=state))
    assert double.calls.count("create_training_client_from_state_with_optimizer") == 1
    made = double.weights(final(second)[0].uri)
    assert made.optimizer_steps == 5
    assert set(rows_trained(double, final(second)[0].uri).values()) == {1}
    kept = [step for step in steps_of(first) if step.step < state.step] + steps_of(second)
    assert [step.step for step in kept] == list(range(5))
    assert Counter(n for step in kept for n in step.batch) == Counter(range(20))
    assert final(second)[0].name.endswith("_sft-attempt2")


def test_a_saved_state_goes_on_with_its_own_recipe_whatever_the_options_say_now(
    double: TinkerDouble, task: Task, train: Train
) -> None:
    (state,) = states_of(events_until_crash(task(), learning_rate=1e-3, seed=5, renderer="qwen3"))
    state = replace(state, metadata=json.loads(json.dumps(dict(state.metadata))))  # as the store gives it back
    events = train(task(attempt=2, state=state), batch_size=7)
    assert "batch_size 4 instead of 7" in notes_of(events)
    assert "renderer qwen3" in notes_of(events)
    made = double.weights(final(events)[0].uri)
    assert [len(step.rows) for step in made.history] == [4] * 5
    assert set(rows_trained(double, final(events)[0].uri).values()) == {1}


def test_other_data_than_the_saved_state_was_trained_on_are_refused(
    double: TinkerDouble, task: Task, train: Train
) -> None:
    (state,) = states_of(events_until_crash(task()))
    data = task().dataset
    data.write_text("\n".join(data.read_text("utf-8").splitlines()[:-1]), "utf-8")
    with pytest.raises(TrainingError, match=r"has changed since the state was saved.*charbench reset"):
        train(task(attempt=2, state=state))


def test_a_state_of_the_last_step_is_finished_without_another_one(
    double: TinkerDouble, task: Task, train: Train
) -> None:
    double.add("tinker://r/weights/s", double.weights(DPO))
    events = train(task(attempt=2, state=SavedState(uri="tinker://r/weights/s", step=5)))
    assert steps_of(events) == []
    assert final(events)


def test_a_state_that_has_expired_says_to_start_anew(double: TinkerDouble, task: Task, train: Train) -> None:
    def expired(name: str, _count: int) -> None:
        if name.startswith("create_training_client"):
            raise status_error(404)

    double.fault = expired
    with pytest.raises(TrainingError, match=r"expired or been deleted.*restart: charbench reset remorseful_"):
        train(task(state=SavedState(uri="tinker://r/weights/gone", step=2)))
    with pytest.raises(TrainingError, match="expired or been deleted"):
        train(task())


def test_a_wish_to_stop_saves_a_state_first(double: TinkerDouble, task: Task) -> None:
    from charbench_plugins.trainers.tinker_sft.trainer import TinkerSftTrainer

    trainer = TinkerSftTrainer(TinkerSftTrainer.Config(tokenizer=BASE, batch_size=4, save_every=100))
    trainer.prepare(Path(), Path())
    events: list[TrainingEvent] = []
    for event in trainer.train(task(stopping=lambda: len(steps_of(events)) >= 1)):
        events.append(event)  # noqa: PERF402  stopping() looks at it
    (state,) = states_of(events)
    assert state == events[-1].state  # type: ignore[union-attr]
    assert [step.step for step in steps_of(events)] == list(range(state.step))
    assert len(double.weights(state.uri).history) == state.step == 2  # one step was in flight when the wish came


# What is refused before a step is paid for


def no_steps(double: TinkerDouble) -> bool:
    return "forward_backward" not in double.calls


def test_rows_over_the_length_limit_are_left_out_and_told(double: TinkerDouble, task: Task, train: Train) -> None:
    data = task(20).dataset
    long = {"prompt": "And?", "reflection": "", "answer": "so I go slower, " * 200}
    with data.open("a", encoding="utf-8") as file:
        file.write(json.dumps(long) + "\n")
    lines = data.read_text("utf-8").splitlines()
    data.write_text("\n".join([*lines[:5], lines[-1], *lines[5:-1]]), "utf-8")
    events = train(task(), max_length=300)
    assert "1 of 21 rows are longer than 300 tokens (lines 6), and are left out" in notes_of(events)
    # the numbers are those of the data's rows, not of what was left of them
    assert Counter(n for step in steps_of(events) for n in step.batch) == Counter(set(range(21)) - {5})


def test_more_than_a_tenth_too_long_is_refused(double: TinkerDouble, task: Task, train: Train) -> None:
    with pytest.raises(
        TrainingError,
        match=r"20 of 20 rows are longer than 16 tokens \(lines 1, 2, 3, 4, 5 and 15 more\); shorten them, or raise",
    ):
        train(task(), max_length=16)
    assert no_steps(double)


def test_an_empty_file_is_refused(double: TinkerDouble, task: Task, train: Train) -> None:
    data = task().dataset
    data.write_text("\n")
    with pytest.raises(TrainingError, match="no rows to train on"):
        train(task())
    assert no_steps(double)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda _self, e: f"{e.prompt} <think>\n\n</think>\n\n{e.answer}<|im_end|>", "starts too early"),
        (lambda _self, e: f"<think>\n{e.reflection}\n\n{e.answer}<|im_end|>", "opened and not closed"),
        (lambda _self, e: f"<think>\n\n</think>\n\n{e.answer}", "not learn to stop"),
        (lambda _self, e: "<think>\n\n</think>\n\n<|im_end|>", "the answer is cut off"),
    ],
    ids=["prompt in the trained span", "unclosed thinking", "no end of turn", "no answer"],
)
def test_a_wrongly_rendered_example_is_refused(
    double: TinkerDouble, task: Task, train: Train, monkeypatch: pytest.MonkeyPatch, answer: Any, said: str
) -> None:
    monkeypatch.setattr(renderers.Qwen3, "answer", answer)
    if said == "starts too early":  # the trained span begins with the prompt, as where a boundary is off by a turn
        monkeypatch.setattr(
            renderers.Qwen3, "prompt", lambda _self, _messages, thinking=True: "<|im_start|>assistant\n"
        )
    with pytest.raises(DataError, match=said):
        train(task(), renderer="qwen3")
    assert no_steps(double)


def test_the_first_example_is_described(double: TinkerDouble, task: Task, train: Train) -> None:
    assert "with a closed thinking block; renderer qwen3" in notes_of(train(task(), renderer="qwen3"))


def test_no_hub_and_no_folder_is_one_line_that_names_the_option(double: TinkerDouble, task: Task, train: Train) -> None:
    with pytest.raises(ConfigError, match=r"cannot be fetched.*with the option 'tokenizer'") as caught:
        train(task(), tokenizer=None)
    assert "\n" not in str(caught.value)


# What goes wrong on the way


def status_error(status: int) -> tinker.APIStatusError:
    import httpx

    response = httpx.Response(status, request=httpx.Request("POST", "http://127.0.0.1/x"))
    return tinker.APIStatusError(f"status {status}", response=response, body={"detail": "told so"})


def test_a_status_behind_another_error_is_told_by_its_own_line(double: TinkerDouble, task: Task, train: Train) -> None:
    def refuse(name: str, count: int) -> None:
        if name == "optim_step" and count == 1:
            raise ValueError("Error retrieving result") from status_error(401)

    double.fault = refuse
    with pytest.raises(RefusedError, match=r"step 2: Tinker does not accept the key.*\(401: told so\)"):
        train(task())
