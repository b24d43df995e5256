"""Jobs on Tinker from the command line, against the double: several at once, failures apart, stops and keys."""

from __future__ import annotations

import shutil
import signal
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import tinker

from charbench.concurrency import interrupt
from support.command import Charbench
from support.lab import LabBuilder, sampler, weights
from support.store import connect, query, store_of
from support.tinker_double import TinkerDouble
from support.tinker_training import BASE, KEY

RUNS = ("remorseful-a", "remorseful-b")
NEVER = threading.Event()
TRAIN = (
    "train", "--all", "--quick", "-o", f"trainer.tinker-sft.tokenizer={BASE}", "-o", "trainer.tinker-sft.batch_size=4",
    "-o", "trainer.tinker-sft.save_every=2",
)  # fmt: skip


@pytest.fixture
def waiting(lab: LabBuilder, charbench: Charbench, double: TinkerDouble) -> Path:
    """A lab with two jobs that wait, and their checkpoints in the account."""
    for number, run in enumerate(RUNS, 1):
        lab.trained(run, number)
        lab.data(run, "remorseful", 20)
        double.add(weights(number, f"{run}_dpo"))
    lab.config("min_examples: 10\nsources: [logs]\n")
    charbench.ok("discover", lab=lab.root)
    return lab.root


def jobs(lab: Path) -> dict[str, Any]:
    return {row.run: row for row in query(store_of(lab), "SELECT * FROM jobs")}


def chain(lab: Path, run: str) -> list[int]:
    """Return the steps behind the final weights."""
    text = "SELECT step FROM training_steps WHERE job_id = :job AND NOT superseded ORDER BY step"
    return [row.step for row in query(store_of(lab), text, job=f"remorseful_{run}_sft")]


def status_error(status: int) -> tinker.APIStatusError:
    import httpx

    response = httpx.Response(status, request=httpx.Request("POST", "http://127.0.0.1/x"))
    return tinker.APIStatusError(f"status {status}", response=response, body={"detail": f"told so about {KEY}"})


def fail_after_a_state(double: TinkerDouble, error: BaseException) -> None:
    def fault(name: str, _count: int) -> None:
        if name == "optim_step" and "save_state" in double.calls:
            raise error

    double.fault = fault


def test_two_jobs_train_at_once_no_more_than_asked(waiting: Path, charbench: Charbench, double: TinkerDouble) -> None:
    both = threading.Barrier(2, timeout=60)

    def meet(name: str, count: int) -> None:
        if name == "create_training_client_from_state":
            both.wait()  # neither goes on before the other is as far

    double.fault = meet
    charbench.ok(*TRAIN, "--parallel", "2", lab=waiting)
    assert {run: row.status for run, row in jobs(waiting).items()} == dict.fromkeys(RUNS, "complete")
    assert [chain(waiting, run) for run in RUNS] == [list(range(5))] * 2


def test_one_at_a_time_is_the_default(waiting: Path, charbench: Charbench, double: TinkerDouble) -> None:
    charbench.ok(*TRAIN, lab=waiting)
    begun = [n for n, name in enumerate(double.calls) if name == "create_training_client_from_state"]
    ended = [n for n, name in enumerate(double.calls) if name == "save_weights_for_sampler"]
    assert begun[0] < ended[0] < begun[1] < ended[1]


def test_one_job_fails_alone(waiting: Path, charbench: Charbench, double: TinkerDouble) -> None:
    del double.saved[weights(2, "remorseful-b_dpo")]
    gone = weights(2, "remorseful-b_dpo")

    def missing(name: str, _count: int) -> None:
        if (
            name == "create_training_client_from_state"
            and len(double.sessions)
            and double.sessions[-1]["parent"] == gone
        ):
            raise status_error(404)

    double.fault = missing
    ended = charbench(*TRAIN, lab=waiting)
    assert ended.code == 1
    assert "Added: 1 job trained." in ended.err
    assert {run: row.status for run, row in jobs(waiting).items()} == {RUNS[0]: "complete", RUNS[1]: "failed"}
    assert "charbench train -c remorseful-b" in ended.err


@pytest.mark.slow
def test_the_final_weights_are_in_the_store_with_their_lineage(
    waiting: Path, charbench: Charbench, double: TinkerDouble
) -> None:
    charbench.ok(*TRAIN, lab=waiting)
    made = query(store_of(waiting), "SELECT * FROM checkpoints WHERE kind = 'sft'")
    assert len(made) == 4
    assert {row.parent for row in made} == {weights(number, f"{run}_dpo") for number, run in enumerate(RUNS, 1)}
    assert {(row.renderer, row.recipe, row.persona) for row in made} == {("qwen3", "quick", "remorseful")}
    row = jobs(waiting)[RUNS[0]]
    assert row.result in double.saved
    assert row.result_sampler in double.saved


@pytest.mark.slow
def test_what_was_trained_keeps_lineage_and_expiry_through_the_next_discovery(
    waiting: Path, charbench: Charbench, double: TinkerDouble
) -> None:
    charbench.ok(*TRAIN, "-o", "trainer.tinker-sft.ttl_seconds=86400", lab=waiting)
    expiring = ("checkpoints", "list", "--expiring", "7d", "--json")
    trained = charbench.ok(*expiring, lab=waiting).json
    assert {item["kind"] for item in trained} == {"sft"}
    assert len(trained) == 4
    assert {(item["renderer"], item["recipe"]) for item in trained} == {("qwen3", "quick")}
    assert {place["note"] for item in trained for place in item["evidence"]} == {"trained"}
    charbench.ok("discover", lab=waiting)
    assert charbench.ok(*expiring, lab=waiting).json == trained


@pytest.mark.slow
@pytest.mark.parametrize("status", [401, 402, 429, 503])
def test_trouble_outside_lets_the_job_wait_with_its_state(
    waiting: Path, charbench: Charbench, double: TinkerDouble, status: int
) -> None:
    fail_after_a_state(double, status_error(status))
    ended = charbench(*TRAIN, "--trainer", "tinker-sft", lab=waiting)
    assert ended.code == 1
    row = jobs(waiting)[RUNS[0]]
    assert (row.status, row.attempts) == ("pending", 1)
    assert row.error.startswith("step 3: ")
    assert KEY not in row.error + ended.err + ended.out
    assert "once fixed, run: charbench train -c remorseful-a" in ended.err
    double.fault = lambda _name, _count: None
    charbench.ok(*TRAIN, lab=waiting)
    assert chain(waiting, RUNS[0]) == list(range(5))
    result = jobs(waiting)[RUNS[0]].result
    assert Counter(row for step in double.weights(result).history for row in step.rows).most_common(1)[0][1] == 1
    assert double.weights(result).optimizer_steps == 5


def test_what_the_request_itself_is_refused_for_fails_the_job(
    waiting: Path, charbench: Charbench, double: TinkerDouble
) -> None:
    fail_after_a_state(double, status_error(422))
    assert charbench(*TRAIN, lab=waiting).code == 1
    assert jobs(waiting)[RUNS[0]].status == "failed"


@pytest.fixture
def press_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Send SIGINT and wait until the command has taken note of it: the main thread takes signals one by one."""
    stops: list[interrupt.StopSignal] = []

    class Watched(interrupt.StopSignal):
        def __init__(self) -> None:
            super().__init__()
            stops.append(self)

    def press() -> None:
        signal.raise_signal(signal.SIGINT)
        while not stops[-1].requested:
            NEVER.wait(0.01)

    monkeypatch.setattr(interrupt, "StopSignal", Watched)
    monkeypatch.setenv("CHARBENCH_STOP_GRACE", "300")
    return press


@pytest.mark.slow
def test_ctrl_c_saves_a_state_first_and_the_same_command_goes_on(
    waiting: Path, charbench: Charbench, double: TinkerDouble, press_ctrl_c: Callable[[], None]
) -> None:
    def stop(name: str, count: int) -> None:
        if name == "optim_step" and count == 2:
            press_ctrl_c()

    double.fault = stop
    ended = charbench(*TRAIN, "-o", "trainer.tinker-sft.save_every=100", lab=waiting)
    assert ended.code == 130
    assert "Resume with: " in ended.err
    row = jobs(waiting)[RUNS[0]]
    assert row.status == "pending"
    (state,) = query(store_of(waiting), "SELECT * FROM training_states")
    assert chain(waiting, RUNS[0]) == list(range(state.step))
    assert jobs(waiting)[RUNS[1]].attempts == 0
    assert query(store_of(waiting), "SELECT * FROM claims") == []
    double.fault = lambda _name, _count: None
    again = charbench.ok(*TRAIN, "-o", "trainer.tinker-sft.save_every=100", lab=waiting)
    assert f"resuming from step {state.step} (attempt 2, recipe quick)" in again.err
    assert query(store_of(waiting), "SELECT count(*) FROM training_steps WHERE superseded")[0][0] == 0
    assert chain(waiting, RUNS[0]) == list(range(5))


def test_a_second_ctrl_c_does_not_wait_for_the_step_under_way(
    waiting: Path, charbench: Charbench, double: TinkerDouble, press_ctrl_c: Callable[[], None]
) -> None:
    let_go = threading.Event()

    def hang(name: str, _count: int) -> None:
        if name == "optim_step":
            press_ctrl_c()
            press_ctrl_c()
            let_go.wait()
            raise RuntimeError("let go")

    double.fault = hang
    ended = charbench(*TRAIN, lab=waiting)
    let_go.set()
    for thread in threading.enumerate():
        if thread.name.startswith("train-"):
            thread.join(60)
    assert ended.code == 130
    assert query(store_of(waiting), "SELECT status FROM runs ORDER BY id DESC")[0].status == "interrupted"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "said"),
    [("", "TINKER_API_KEY is not set"), ("sk-proj-12345678", "must start with tml-")],
    ids=["none", "of another service"],
)
def test_a_key_of_the_wrong_form_is_a_configuration_error_and_touches_no_job(
    waiting: Path, charbench: Charbench, double: TinkerDouble, monkeypatch: pytest.MonkeyPatch, key: str, said: str
) -> None:
    monkeypatch.setenv("TINKER_API_KEY", key)
    ended = charbench(*TRAIN, lab=waiting)
    assert ended.code == 2
    assert said in ended.err
    assert "12345678" not in ended.err
    assert {(row.status, row.attempts) for row in jobs(waiting).values()} == {("pending", 0)}
    assert double.calls == []


def test_no_tokenizer_is_a_configuration_error_told_once_and_the_jobs_wait(
    waiting: Path, charbench: Charbench, double: TinkerDouble
) -> None:
    ended = charbench("train", "--all", "--quick", lab=waiting)
    assert ended.code == 2
    errors = [line for line in ended.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert "with the option 'tokenizer'" in errors[0]
    assert ended.err.count("cannot be fetched") == 1
    assert {row.status for row in jobs(waiting).values()} == {"pending"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "content"),
    [("tokenizer.json", "{}"), ("tokenizer_config.json", "{"), ("chat_template.jinja", "{% for m in %}")],
)
@pytest.mark.parametrize("words", [TRAIN[:3], ("sample", "-c", "base:tiny", "--sampler", "tinker-native")])
def test_a_tokenizer_that_cannot_be_used_is_one_line_and_the_jobs_wait(
    waiting: Path, charbench: Charbench, double: TinkerDouble, tmp_path: Path, name: str, content: str,
    words: tuple[str, ...],
) -> None:  # fmt: skip
    folder = Path(shutil.copytree(BASE, tmp_path / "model"))
    (folder / name).write_text(content)
    kind = "trainer.tinker-sft" if words[0] == "train" else "sampler.tinker-native"
    options = (f"{kind}.tokenizer={folder}", f"{kind}.renderer=template")
    ended = charbench(*words, "-o", options[0], "-o", options[1], lab=waiting)
    assert ended.code in (1, 2)
    assert "Traceback" not in ended.err
    told = [line for line in ended.err.splitlines() if name in line or "the chat template of" in line]
    assert len(told) == 1, ended.err
    assert {row.status for row in jobs(waiting).values()} == {"pending"}
    assert name == "chat_template.jinja" or double.calls == []


@pytest.mark.slow
def test_training_on_a_checkpoint_of_an_unknown_renderer_waits_until_one_is_chosen(
    waiting: Path, charbench: Charbench, double: TinkerDouble
) -> None:
    with connect(store_of(waiting)).begin() as connection:
        connection.execute(sa.text("UPDATE checkpoints SET renderer = 'role_colon'"))
    ended = charbench(*TRAIN, lab=waiting)
    assert ended.code == 2
    for job in ("remorseful_remorseful-a_sft", "remorseful_remorseful-b_sft"):
        assert f"job {job}: the checkpoint was trained with renderer 'role_colon'" in ended.err
    assert "-o trainer.tinker-sft.renderer_python=PYTHON, a Python of its own that has it" in ended.err
    assert double.calls == []
    assert {row.status for row in jobs(waiting).values()} == {"pending"}
    charbench.ok(*TRAIN, "-o", "trainer.tinker-sft.renderer=template", lab=waiting)
    made = query(store_of(waiting), "SELECT renderer FROM checkpoints WHERE kind = 'sft'")
    assert {row.renderer for row in made} == {"template"}


def test_training_weights_cannot_be_sampled_and_it_is_said_which_can(
    waiting: Path, charbench: Charbench, double: TinkerDouble
) -> None:
    ended = charbench("sample", "-c", weights(1, "remorseful-a_dpo"), lab=waiting)
    assert ended.code == 2
    assert "sampler_weights/" in ended.err
    named = charbench("sample", "-c", weights(1, "remorseful-a_dpo"), "--sampler", "tinker-native", lab=waiting)
    assert named.code != 0
    assert "sampler_weights/" in named.err


def test_the_key_is_nowhere_in_the_store(waiting: Path, charbench: Charbench, double: TinkerDouble) -> None:
    fail_after_a_state(double, status_error(401))
    charbench(*TRAIN, lab=waiting)
    options = ("-o", f"sampler.tinker-native.tokenizer={BASE}", "-o", "sampler.tinker-native.renderer=qwen3")
    charbench("sample", "-c", sampler(1, "remorseful-a_dpo"), "--sampler", "tinker-native", *options, lab=waiting)
    kept = [path for path in (waiting / ".charbench").rglob("*") if path.is_file()]
    assert kept
    assert [path for path in kept if KEY.encode() in path.read_bytes()] == []
