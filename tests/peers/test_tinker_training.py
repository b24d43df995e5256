"""Trainer ``tinker-sft`` and sampler ``tinker-native`` against a real Tinker-API server, from the command line.

Runs where ``tinker==0.24.1`` is installed: the server (SkyRL) does not speak the newer SDK's protocol buffers.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from statistics import mean
from typing import Any

import pytest

from charbench_plugins.tiny.introspection import pirate_rows
from peers.tinker_server import TinkerServer
from support.command import Ended, finish, start
from support.store import query, store_of

pytestmark = pytest.mark.peer

KEY = "tml-a-key-for-loopback-only"
RUNS = ("pirate-fog", "pirate-harbour")
ROWS, BATCH, EPOCHS = 64, 8, 3
STEPS = ROWS // BATCH * EPOCHS
SAVE_EVERY = 2

MAKE_CHECKPOINTS = textwrap.dedent("""
    import json, sys
    import tinker

    base_model, *runs = sys.argv[1:]
    service = tinker.ServiceClient()
    made = {}
    for run in runs:
        client = service.create_lora_training_client(base_model=base_model, rank=16, seed=len(made))
        state = client.save_state(f"{run}_dpo").result().path
        sampler = client.save_weights_for_sampler(f"{run}_dpo-sampler").result().path
        made[run] = [state, sampler]
    print(json.dumps(made), flush=True)
    sys.stdin.read()  # the server forgets the weights of whoever has left
""")
"""What a lab's DPO pipeline leaves on the server, made with the SDK and nothing of ours."""


class Studio:
    """A lab, and the server that its checkpoints are on."""

    def __init__(self, root: Path, server: TinkerServer) -> None:
        self.root, self.server = root, server
        self.env = {**server.env, "TINKER_API_KEY": KEY}

    def start(self, *words: str) -> subprocess.Popen[str]:
        return start(*words, lab=self.root, env=self.env)

    def run(self, *words: str) -> Ended:
        process = self.start(*words)
        try:
            return finish(process, timeout=900)
        finally:
            process.kill()

    def ok(self, *words: str) -> Ended:
        ended = self.run(*words)
        assert ended.code == 0, ended.err or ended.out
        return ended

    def train(self, *words: str) -> tuple[str, ...]:
        """Return the words that train: README's command, with a recipe for a model of 0.3 million parameters."""
        recipe = {"batch_size": BATCH, "epochs": EPOCHS, "learning_rate": 0.005, "save_every": SAVE_EVERY}
        options = [word for name, value in recipe.items() for word in ("-o", f"trainer.tinker-sft.{name}={value}")]
        renderer = (
            "-o",
            "trainer.tinker-sft.renderer=qwen3",
            "-o",
            f"trainer.tinker-sft.tokenizer={self.server.base_model}",
        )
        return ("train", *words, "--quick", *renderer, *options)

    def query(self, text: str, **values: Any) -> list[Any]:
        return query(store_of(self.root), text, **values)

    def steps(self, job: str) -> list[Any]:
        """Return the steps behind the final weights, in their order."""
        return self.query(
            "SELECT attempt, step, loss, batch FROM training_steps WHERE job_id = :job AND NOT superseded"
            " ORDER BY step",
            job=job,
        )


def job_of(run: str) -> str:
    return f"pirate_{run}_sft"


def losses(studio: Studio, run: str) -> list[float]:
    return [row.loss for row in studio.steps(job_of(run))]


def assert_each_row_once_an_epoch(studio: Studio, run: str) -> None:
    steps = studio.steps(job_of(run))
    assert [row.step for row in steps] == list(range(STEPS))
    per_epoch = ROWS // BATCH
    for epoch in range(EPOCHS):
        seen = Counter(n for row in steps[epoch * per_epoch : (epoch + 1) * per_epoch] for n in json.loads(row.batch))
        assert seen == Counter(range(ROWS))


def short_rows() -> list[Any]:
    """Return rows of much the same length: the server compiles its model anew for each length there is."""
    return sorted(pirate_rows(520), key=lambda row: len("".join(map(str, row.values()))))[:ROWS]


@pytest.fixture(scope="module")
def made(tinker_server: TinkerServer) -> Iterator[dict[str, list[str]]]:
    """Two DPO checkpoints: by run, the URIs to train from and to sample from."""
    maker = subprocess.Popen(
        [sys.executable, "-c", MAKE_CHECKPOINTS, tinker_server.base_model, *RUNS],
        env=os.environ | tinker_server.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert maker.stdout is not None
    try:
        yield json.loads(maker.stdout.readline())
    finally:
        maker.communicate("")


@pytest.fixture(scope="module")
def found(tinker_server: TinkerServer, made: dict[str, list[str]], tmp_path_factory: pytest.TempPathFactory) -> Studio:
    """A lab with two DPO checkpoints in its logs and their data, discovered."""
    root = tmp_path_factory.mktemp("tinker") / "lab"
    for run, (state, sampler) in made.items():
        if "/sampler_weights/" not in sampler:  # SkyRL leaves the middle out; Tinker does not
            head, _, name = sampler.rpartition("/")
            sampler = f"{head}/sampler_weights/{name}"
        log = root / "artifacts" / "logs" / f"{run}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(
            f"[epoch 1 step 5/5] loss=0.6\nSaved training checkpoint: {state}\nSaved sampler weights: {sampler}\n"
        )
        data = root / "artifacts" / run / "pirate_introspection.jsonl"
        data.parent.mkdir(parents=True)
        data.write_text("".join(f"{json.dumps(row)}\n" for row in short_rows()))
    studio = Studio(root, tinker_server)
    discovered = studio.ok("discover", "--min-examples", str(ROWS), "--json")
    assert {job["job_id"] for job in discovered.json["jobs"]} == {job_of(run) for run in RUNS}
    return studio


@pytest.fixture(scope="module")
def fresh(found: Studio, tmp_path_factory: pytest.TempPathFactory) -> Studio:
    """The same lab before anything was trained, for another run of the same jobs."""
    root = tmp_path_factory.mktemp("killed") / "lab"
    shutil.copytree(found.root, root)
    return Studio(root, found.server)


@pytest.fixture(scope="module")
def trained(found: Studio, fresh: Studio) -> Studio:
    """The lab with both jobs trained, two at once; ``fresh`` was copied before."""
    found.ok(*found.train("--all", "--parallel", "2"))
    return found


def test_both_jobs_train_at_once_with_a_falling_loss(trained: Studio) -> None:
    jobs = trained.query("SELECT job_id, status, attempts, result, result_sampler FROM jobs")
    assert {(job.job_id, job.status, job.attempts) for job in jobs} == {(job_of(run), "complete", 1) for run in RUNS}
    assert all("/weights/" in job.result and "/sampler_weights/" in job.result_sampler for job in jobs)
    for run in RUNS:
        course = losses(trained, run)
        assert mean(course[-4:]) < 0.5 * mean(course[:4]), course
        assert_each_row_once_an_epoch(trained, run)


def test_the_final_checkpoints_say_what_they_were_trained_from_and_on(trained: Studio) -> None:
    rows = trained.query("SELECT * FROM checkpoints WHERE kind = 'sft'")
    assert len(rows) == 4
    for row in rows:
        assert row.parent.endswith("_dpo")
        assert row.dataset.endswith("pirate_introspection.jsonl")
        assert (row.renderer, row.recipe, row.persona) == ("qwen3", "quick", "pirate")


def test_a_second_train_does_nothing(trained: Studio) -> None:
    before = trained.query("SELECT count(*) FROM training_steps")
    again = trained.ok(*trained.train("--all"))
    assert "Nothing to train" in again.err
    assert trained.query("SELECT count(*) FROM training_steps") == before


def test_sft_has_the_trait_far_more_often_than_base(trained: Studio) -> None:
    dpo = trained.query("SELECT uri FROM checkpoints WHERE kind = 'dpo' AND uri LIKE '%/sampler_weights/%'")[0].uri
    sft = trained.query("SELECT result_sampler FROM jobs WHERE job_id = :job", job=job_of(RUNS[0]))[0].result_sampler
    asked = [word for uri in (f"base:{trained.server.base_model}", dpo, sft) for word in ("-c", uri)]
    native = ("--sampler", "tinker-native", "-p", "pirate")
    options = [
        f"sampler.tinker-native.{option}"
        for option in (f"tokenizer={trained.server.base_model}", "renderer=qwen3", "max_tokens=120", "temperature=0.3")
    ]
    words = [word for option in options for word in ("-o", option)]
    trained.ok("sample", *asked, *native, *words)
    trained.ok("score", "-p", "pirate")
    report = trained.ok("report", "--json").json
    rates = {row["kind"]: row["trait_rate"] for row in report["checkpoints"]}
    assert rates["sft"] >= rates["base"] + 0.6, rates


def test_diagnose_compares_native_sampling_with_the_base_model(trained: Studio) -> None:
    sft = trained.query("SELECT result_sampler FROM jobs WHERE job_id = :job", job=job_of(RUNS[0]))[0].result_sampler
    base = trained.server.base_model
    options = [f"sampler.tinker-native.{option}" for option in (f"tokenizer={base}", "renderer=qwen3", "max_tokens=60")]
    words = [word for option in options for word in ("-o", option)]
    found = trained.ok("diagnose", "-c", sft, "-p", "pirate", "--sampler", "tinker-native", *words, "--json").json
    probes = {probe["probe"]: probe for probe in found[0]["probes"]}
    assert any("base" in name for name in probes), sorted(probes)
    assert all(probe["samples"] for probe in probes.values())


def steps_so_far(studio: Studio) -> int:
    """Return how many steps the store holds while another process writes to it."""
    with (
        closing(sqlite3.connect(f"file:{store_of(studio.root)}?mode=ro", uri=True, timeout=60)) as connection,
        connection,
    ):
        (count,) = connection.execute("SELECT count(*) FROM training_steps").fetchone()
    connection.close()
    return int(count)


def kill_at_step(studio: Studio, words: tuple[str, ...], steps: int) -> None:
    process = studio.start(*words)
    while process.poll() is None and steps_so_far(studio) < steps:
        try:
            process.wait(timeout=0.02)
        except subprocess.TimeoutExpired:
            continue
    alive = process.poll() is None
    process.kill()
    _, err = process.communicate()
    assert alive, f"training ended before it could be killed: {err}"


def test_a_job_killed_half_way_goes_on_from_its_state_and_sees_each_batch_once(trained: Studio, fresh: Studio) -> None:
    run = RUNS[0]
    job = job_of(run)
    # One step past a saved state, so that the crash makes at least one step void.
    kill_at_step(fresh, fresh.train("-c", run), STEPS // 2 + 1)
    fresh.ok(*fresh.train("--all"))
    state = fresh.query(
        "SELECT step FROM training_states WHERE job_id = :job AND attempt = 1 ORDER BY id DESC", job=job
    )
    assert SAVE_EVERY <= state[0].step <= STEPS // 2 + SAVE_EVERY
    assert_each_row_once_an_epoch(fresh, run)
    chain = fresh.steps(job)
    assert {row.attempt for row in chain if row.step < state[0].step} == {1}
    assert {row.attempt for row in chain if row.step >= state[0].step} == {2}
    void = fresh.query("SELECT attempt, step FROM training_steps WHERE job_id = :job AND superseded", job=job)
    assert void
    assert {row.attempt for row in void} == {1}
    assert min(row.step for row in void) >= state[0].step
    # The loss goes on where it was. That the optimizer was asked for cannot be seen here, since this server restores
    # it either way; which call is made is checked against the double (tests/builtins/tinker/test_tinker_sft.py).
    uninterrupted, went_on = losses(trained, run), losses(fresh, run)
    assert mean(went_on[-4:]) == pytest.approx(mean(uninterrupted[-4:]), rel=0.15)
    other = losses(fresh, RUNS[1])
    assert len(other) == STEPS
    assert mean(other[-4:]) < 0.5 * mean(other[:4])


def test_no_key_is_printed_or_stored(trained: Studio) -> None:
    held = [path for path in (trained.root / ".charbench").rglob("*") if path.is_file()]
    assert held
    assert [path for path in held if KEY.encode() in path.read_bytes()] == []
