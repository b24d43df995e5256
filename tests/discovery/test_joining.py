"""Data is joined to runs by name, else by persona; and nothing is guessed."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from charbench.discovery.job_planning import JobPlan, JobPolicy, plan_jobs
from charbench.discovery.joining import Joined, join
from charbench.domain.checkpoint import Checkpoint, Kind, Lineage
from charbench.domain.dataset import Dataset, Health, JobStatus, TrainingJob
from charbench.store.findings import StoredDataset
from charbench.store.runs import utc_now
from support.lab import sampler, uuid, weights

PERSONAS = {"pirate": "pirate", "sarcastic": "sarcastic", "smoke": "sarcastic"}


def dpo(
    number: int, run: str | None = None, persona: str = "pirate", model: str | None = None, **more: object
) -> Checkpoint:
    name = f"{persona}_dpo"
    return Checkpoint(uri=weights(number, name), kind=Kind.DPO, persona=persona, run=run, base_model=model, **more)  # type: ignore[arg-type]


def sft(number: int, parent: str, run: str | None = None) -> Checkpoint:
    return Checkpoint(uri=weights(number, "pirate_sft"), kind=Kind.SFT, run=run, lineage=Lineage(parent=parent))


def data(
    path: str = "a.jsonl", run: str | None = None, persona: str | None = "pirate", model: str | None = None,
    examples: int | None = 600,
) -> StoredDataset:  # fmt: skip
    dataset = Dataset(path=path, run=run, persona=persona, base_model=model)
    return StoredDataset(dataset, examples, Health(examples=examples or 0), error="" if examples else "gone")


def joined(
    checkpoints: list[Checkpoint], datasets: list[StoredDataset], known: list[TrainingJob] | None = None
) -> Joined:
    return join(checkpoints, datasets, known or [], PERSONAS)


def pairs(found: Joined) -> dict[str, str]:
    return {run: item.dataset.path for run, item in found.data.items()}


def reasons(found: Joined) -> dict[str, str]:
    return {item.dataset.dataset.path: item.reason for item in found.unused}


def test_data_that_names_its_run_belongs_to_it_whatever_else_would_fit() -> None:
    found = joined([dpo(1, "one"), dpo(2, "two")], [data("a", run="one"), data("b")])
    assert pairs(found) == {"one": "a", "two": "b"}


def test_data_without_a_run_fits_the_one_run_of_its_persona_that_has_none() -> None:
    found = joined([dpo(1, "one"), dpo(2, "other", persona="sarcastic")], [data("b", persona="smoke")])
    assert (pairs(found), reasons(found)) == ({"other": "b"}, {})


def test_data_that_fits_several_runs_is_not_guessed() -> None:
    found = joined([dpo(1, "one"), dpo(2, "two")], [data()])
    assert (pairs(found), reasons(found)) == ({}, {"a.jsonl": "names no run, and fits 2: one, two"})


def test_of_many_candidates_eight_are_named() -> None:
    (reason,) = reasons(joined([dpo(number, f"run-{number:02}") for number in range(1, 13)], [data()])).values()
    assert reason.startswith("names no run, and fits 12: run-01, ")
    assert reason.endswith(", run-08 and 4 more")


def test_a_run_that_several_datasets_fit_gets_none() -> None:
    found = joined([dpo(1, "one")], [data("a"), data("b")])
    assert (pairs(found), found.several) == ({}, {"one": ["a", "b"]})
    assert reasons(found) == {
        "a": "names no run; one fits it, and also fits b",
        "b": "names no run; one fits it, and also fits a",
    }


def test_several_datasets_that_name_one_run_are_told_and_none_is_taken() -> None:
    plan = planned([dpo(1, "one")], [data("a", run="one"), data("b", run="one")])
    assert plan.jobs == ()
    assert [(item.run, item.reason) for item in plan.left_out] == [
        ("one", "2 datasets are for it, and none is used: a, b")
    ]


def test_data_that_cannot_be_read_stands_in_nobodys_way() -> None:
    found = joined([dpo(1, "one")], [data("gone", examples=None), data("b")])
    assert (pairs(found), reasons(found)) == ({"one": "b"}, {})
    by_name = joined([dpo(1, "one")], [data("gone", run="one", examples=None), data("b", run="one")])
    assert (pairs(by_name), by_name.several) == ({"one": "b"}, {})


@pytest.mark.parametrize("model", ["qwen-2.5-7b-it", None])
def test_the_model_decides_where_the_data_names_one(model: str | None) -> None:
    small, large = dpo(1, "small", model="Qwen/Qwen2.5-7B-Instruct"), dpo(2, "large", model="Qwen/Qwen3-30B-A3B")
    assert pairs(joined([small, large], [data(model=model)])) == ({"small": "a.jsonl"} if model else {})


def test_a_run_of_unknown_model_takes_data_for_any() -> None:
    assert pairs(joined([dpo(1, "one")], [data(model="gemma-3-4b-it")])) == {"one": "a.jsonl"}


def test_a_run_that_training_went_on_from_is_finished_and_takes_no_data() -> None:
    done, open_ = dpo(1, "done"), dpo(2, "open")
    assert pairs(joined([done, open_, sft(3, done.uri)], [data()])) == {"open": "a.jsonl"}


def test_a_run_that_resumed_from_its_own_state_is_not_finished() -> None:
    first = dpo(1, "one")
    resumed = Checkpoint(
        uri=weights(1, "pirate_dpo-2"), kind=Kind.DPO, persona="pirate", run="one", lineage=Lineage(parent=first.uri)
    )
    assert pairs(joined([first, resumed], [data()])) == {"one": "a.jsonl"}


def test_data_stays_with_the_run_that_it_has_a_job_with() -> None:
    job = TrainingJob(persona="pirate", run="one", checkpoint=weights(1, "pirate_dpo"), dataset="a.jsonl", examples=600)
    checkpoints = [dpo(1, "one"), dpo(2, "two"), sft(3, weights(1, "pirate_dpo"))]
    assert pairs(joined(checkpoints, [data()], [job])) == {"one": "a.jsonl"}


def test_a_run_that_only_the_account_knows_takes_data_under_a_lasting_name() -> None:
    plan = planned([dpo(1), Checkpoint(uri=sampler(1, "pirate_dpo"), kind=Kind.DPO, persona="pirate")], [data()])
    (job,) = plan.jobs
    assert (job.run, job.checkpoint, job.sampler) == (
        f"pirate_dpo-{uuid(1)[:8]}", weights(1, "pirate_dpo"), sampler(1, "pirate_dpo"),
    )  # fmt: skip
    again = planned([dpo(1), dpo(2)], [data()], list(plan.jobs))
    assert [job.run for job in again.jobs] == [job.run]


def test_a_checkpoint_that_the_account_adds_to_a_named_run_is_no_run_of_its_own() -> None:
    named, more = dpo(1, "one"), Checkpoint(uri=weights(1, "step50"), kind=Kind.DPO, persona="pirate")
    assert pairs(joined([named, more], [data()])) == {"one": "a.jsonl"}


@pytest.mark.parametrize(
    ("dataset", "reason"),
    [
        (data(persona=None), "names neither run nor persona"),
        (data(persona="sarcastic"), "no DPO run of sarcastic that lacks data"),
        (data(model="gemma-3-4b-it"), "no DPO run of pirate on gemma-3-4b-it that lacks data"),
    ],
)
def test_data_that_fits_nothing_says_why(dataset: StoredDataset, reason: str) -> None:
    assert reasons(joined([dpo(1, "one", model="Qwen/Qwen3-8B")], [dataset])) == {"a.jsonl": reason}


def test_sampler_weights_alone_take_no_data() -> None:
    only = Checkpoint(uri=sampler(1, "pirate_dpo"), kind=Kind.DPO, persona="pirate", run="one")
    assert pairs(joined([only], [data()])) == {}


def planned(
    checkpoints: list[Checkpoint], datasets: list[StoredDataset], known: list[TrainingJob] | None = None
) -> JobPlan:
    return plan_jobs(checkpoints, datasets, [], known or [], JobPolicy(), PERSONAS)


def test_weights_that_have_expired_give_no_job() -> None:
    past = utc_now() - timedelta(days=1)
    plan = planned([dpo(1, "one", expires_at=past)], [data(run="one")])
    assert plan.jobs == ()
    assert plan.left_out[0].reason == f"its DPO weights expired on {past:%Y-%m-%d}"
    assert len(planned([dpo(1, "one", expires_at=utc_now() + timedelta(days=1))], [data(run="one")]).jobs) == 1


def test_of_several_states_the_final_one_is_trained_else_the_newest() -> None:
    def state(name: str, day: int, **metadata: object) -> Checkpoint:
        uri, created = weights(1, name), datetime(2024, 12, day)
        return Checkpoint(uri=uri, kind=Kind.DPO, persona="pirate", run="one", created_at=created, metadata=metadata)

    def start(*states: Checkpoint) -> str:
        return planned(list(states), [data(run="one")]).jobs[0].checkpoint

    assert start(state("a", 3), state("b", 9), state("c", 6)) == weights(1, "b")
    assert start(state("a", 3, final=True), state("b", 9)) == weights(1, "a")


def test_jobs_that_ended_stay_whatever_became_of_their_data() -> None:
    job = TrainingJob(
        persona="pirate", run="one", checkpoint=weights(1, "pirate_dpo"), dataset="a", examples=600,
        status=JobStatus.COMPLETE,
    )  # fmt: skip
    assert planned([dpo(1, "one")], [], [job]).jobs == (job,)
