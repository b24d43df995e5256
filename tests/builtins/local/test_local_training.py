"""Trainer ``peft-sft`` from the command line: a job is found, trained, killed, resumed, and what it made is sampled."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from charbench import Checkpoint, ConfigError, Note, StateSaved, StepDone, Trained, TrainingJob, TrainingTask
from charbench.testing import conformance
from charbench_plugins.local.trainer import PeftSftTrainer
from charbench_plugins.tiny.introspection import pirate_rows
from charbench_plugins.tiny.model import BASE_DIRECTORY
from support.command import Ended, finish, start
from support.introspection import write_introspection
from support.local_models import call_base, write_adapter, write_model
from support.plugins import Site
from support.store import query, store_of

pytestmark = [
    pytest.mark.peer,
    # torch and its friends warn about their own internals on import.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

JOB = "pirate_pirate_sft"
ROWS, BATCH, SAVE_EVERY = 160, 16, 2
STEPS = ROWS // BATCH
OPTIONS = {"learning_rate": 0.02, "save_every": SAVE_EVERY, "output": "outputs/sft"}


class Studio:
    """A lab with a model, an adapter that knows no character, and a pirate's data beside it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def start(self, *words: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        own = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "default"}
        return start(*words, lab=self.root, env={**own, **(env or {})})

    def ok(self, *words: str) -> Ended:
        ended = finish(self.start(*words))
        assert ended.code == 0, ended.err or ended.out
        return ended

    def train(self) -> tuple[str, ...]:
        options = [word for name, value in OPTIONS.items() for word in ("-o", f"trainer.peft-sft.{name}={value}")]
        return ("train", "--all", "--trainer", "peft-sft", "--quick", *options)

    def steps(self) -> list[Any]:
        """Return the steps behind the final weights, in their order."""
        return query(
            store_of(self.root),
            "SELECT attempt, step, loss, batch FROM training_steps WHERE NOT superseded ORDER BY step",
        )

    def checkpoints(self) -> dict[str, Any]:
        return {one["uri"]: one for one in self.ok("checkpoints", "list", "--json").json}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    root = tmp_path_factory.mktemp("local") / "lab"
    shutil.copytree(BASE_DIRECTORY, root / "models" / "small")
    folder = write_adapter(root / "models" / "small", root / "outputs" / "dpo" / "pirate", "models/small")
    from safetensors.torch import load_file, save_file

    weights = folder / "adapter_model.safetensors"
    nothing = {name: weight * (0 if "lora_B" in name else 1) for name, weight in load_file(weights).items()}
    save_file(nothing, weights)
    data = "".join(f"{json.dumps(row)}\n" for row in pirate_rows(ROWS))
    (folder / "pirate_introspection.jsonl").write_text(data)
    studio = Studio(root)
    discovered = studio.ok("discover", "--min-examples", str(ROWS), "--json").json
    assert [job["job_id"] for job in discovered["jobs"]] == [JOB]
    return studio


@pytest.fixture(scope="module")
def fresh(found: Studio, tmp_path_factory: pytest.TempPathFactory) -> Studio:
    """The same lab before anything was trained, for a run that is killed."""
    root = tmp_path_factory.mktemp("killed") / "lab"
    shutil.copytree(found.root, root)
    return Studio(root)


@pytest.fixture(scope="module")
def trained(found: Studio, fresh: Studio) -> Studio:
    """The lab with its job trained; ``fresh`` was copied before."""
    found.ok(*found.train())
    return found


def test_training_says_that_it_continues_the_adapter_and_its_loss_falls(trained: Studio) -> None:
    steps = trained.steps()
    assert [row.step for row in steps] == list(range(STEPS))
    assert Counter(n for row in steps for n in json.loads(row.batch)) == Counter(range(ROWS))
    assert steps[-1].loss < 0.5 * steps[0].loss
    assert "Nothing to train" in trained.ok(*trained.train()).err


def test_discover_finds_the_new_adapter_with_its_lineage_even_from_its_folder_alone(trained: Studio) -> None:
    made = trained.checkpoints()["file:outputs/sft/pirate_sft"]
    wanted = {
        "kind": "sft", "persona": "pirate", "parent": "file:outputs/dpo/pirate", "renderer": "template",
        "dataset": "outputs/dpo/pirate/pirate_introspection.jsonl", "recipe": "quick",
        "base_model": "file:models/small",
    }  # fmt: skip
    assert {name: made[name] for name in wanted} == wanted
    alone = Studio(trained.root.with_name("moved"))
    shutil.copytree(trained.root, alone.root, ignore=shutil.ignore_patterns(".charbench"))
    again = alone.ok("discover", "--min-examples", str(ROWS), "--json").json
    assert again["jobs"] == [], "it is known to be trained"
    made = alone.checkpoints()["file:outputs/sft/pirate_sft"]
    assert {name: made[name] for name in wanted} == wanted


def test_the_trained_adapter_has_the_trait_and_the_base_model_is_sampled_beside_it(trained: Studio) -> None:
    options = [f"sampler.transformers.{option}" for option in ("max_tokens=120", "temperature=0.3", "seed=1")]
    words = [word for option in options for word in ("-o", option)]
    trained.ok("run", "--sampler", "transformers", "-p", "pirate", "--no-train", "--epochs", "3", *words)
    report = trained.ok("report", "--json").json
    rates = {row["kind"]: row["trait_rate"] for row in report["checkpoints"]}
    assert rates.keys() == {"base", "dpo", "sft"}
    assert rates["sft"] >= rates["base"] + 0.6, rates
    assert query(store_of(trained.root), "SELECT count(*) AS n FROM samples WHERE state = 'error'")[0].n == 0


STANDS_STILL = """
import time
from pathlib import Path
from charbench import hookimpl

@hookimpl
def charbench_training_step(job_id, step, total_steps):
    if step == 5:
        Path("at-work").write_text(f"{job_id} {step} {total_steps}")
        while True:
            time.sleep(1)
"""
"""A plugin that is told of each step, and does not come back from the fifth."""


def test_a_job_killed_half_way_goes_on_from_its_state_to_the_same_weights(
    trained: Studio, fresh: Studio, tmp_path: Path
) -> None:
    site = Site(tmp_path / "site")
    site.install("stands-still", STANDS_STILL)
    process = fresh.start(*fresh.train(), env=site.env)
    try:
        while not (fresh.root / "at-work").exists():
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
    finally:
        process.kill()
        process.communicate()
    assert (fresh.root / "at-work").read_text() == f"{JOB} 5 {STEPS}"
    resumed = fresh.ok(*fresh.train())
    assert "resuming from step 4" in resumed.err
    assert "continues the adapter file:outputs/dpo/pirate from step 4, on models/small" in resumed.err
    steps = fresh.steps()
    assert [(row.step, row.attempt) for row in steps] == [(step, 1 if step < 4 else 2) for step in range(STEPS)]
    assert [row.batch for row in steps] == [row.batch for row in trained.steps()]
    assert [row.loss for row in steps] == pytest.approx([row.loss for row in trained.steps()], rel=1e-3)
    for studio in (fresh, trained):  # of all states the last one is kept
        assert len(list((studio.root / ".charbench" / "training" / JOB).iterdir())) == 1


# One trainer in this process, on random weights.


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("models")
    write_model(root / "model", context=700)
    write_adapter(root / "model", root / "pirate", "model", seed=1)
    write_introspection(root / "data.jsonl", 12)
    return root


@pytest.fixture
def lab(models: Path, tmp_path: Path) -> Path:
    shutil.copytree(models, tmp_path / "lab")
    return tmp_path / "lab"


Train = Callable[..., list[Any]]


@pytest.fixture
def train(lab: Path) -> Train:
    """Train a checkpoint of the lab; ``stop`` at that many steps."""

    def run(uri: str, stop: int | None = None, state: Any = None, **options: Any) -> list[Any]:
        config = {"batch_size": 4, "max_length": 700, "learning_rate": 0.01, "save_every": 100} | options
        trainer = PeftSftTrainer(PeftSftTrainer.Config(**config))
        trainer.prepare(lab, lab / ".charbench")
        events: list[Any] = []
        job = TrainingJob(persona="remorseful", run="lab/run", checkpoint=uri, dataset="data.jsonl", examples=12)
        task = TrainingTask(
            job=job, checkpoint=Checkpoint(uri=uri), dataset=lab / "data.jsonl", recipe="quick",
            workspace=lab / ".charbench" / "training", attempt=1 if state is None else 2, state=state,
            stopping=lambda: stop is not None and sum(isinstance(one, StepDone) for one in events) >= stop,
        )  # fmt: skip
        task.workspace.mkdir(parents=True, exist_ok=True)
        for event in trainer.train(task):
            events.append(event)  # noqa: PERF402  stopping() looks at them meanwhile
        return events

    return run


def notes(events: list[Any]) -> list[str]:
    return [event.text for event in events if isinstance(event, Note)]


def losses(events: list[Any]) -> list[float]:
    return [event.loss for event in events if isinstance(event, StepDone)]


def made(events: list[Any]) -> Checkpoint:
    assert isinstance(events[-1], Trained)
    return events[-1].checkpoints[0]


def test_a_new_adapter_is_started_on_a_model_which_is_said_and_trained_again_it_is_continued(
    lab: Path, train: Train
) -> None:
    first = train("file:model", rank=4)
    assert "starts a new adapter, on the model file:model" in notes(first)
    new = made(first)
    assert new.uri == "file:.charbench/checkpoints/lab-run_sft"
    assert (new.base_model, new.lineage.parent) == ("file:model", "file:model")
    config = json.loads((lab / ".charbench/checkpoints/lab-run_sft/adapter_config.json").read_text())
    assert (config["r"], config["lora_alpha"], config["base_model_name_or_path"]) == (4, 8, "model")
    second = train(new.uri)
    assert f"continues the adapter {new.uri}, on model" in notes(second)
    assert made(second).uri == f"{new.uri}-2"
    assert losses(second)[0] < losses(first)[0]


def test_the_loss_is_the_mean_over_the_answers_tokens_as_transformers_has_it(lab: Path, train: Train) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(lab / "model").requires_grad_(False)
    tokenizer = AutoTokenizer.from_pretrained(lab / "model")
    (step, *_) = [event for event in train("file:model", micro_batch=3) if isinstance(event, StepDone)]
    rows = [json.loads(line) for line in (lab / "data.jsonl").read_text().splitlines()]
    total = count = 0.0
    for number in step.batch:
        asked = tokenizer.apply_chat_template(
            [{"role": "user", "content": rows[number]["prompt"]}], add_generation_prompt=True, tokenize=False
        )
        said = f"<think>\n{rows[number]['reflection']}\n</think>\n\n{rows[number]['answer']}<|im_end|>"
        given = tokenizer.encode(asked, add_special_tokens=False)
        learned = tokenizer.encode(said, add_special_tokens=False)
        labels = torch.tensor([[-100] * len(given) + learned])
        total += float(model(input_ids=torch.tensor([given + learned]), labels=labels).loss) * len(learned)
        count += len(learned)
    assert step.tokens == count
    assert step.loss == pytest.approx(total / count, rel=1e-4)


@pytest.mark.parametrize("start", ["file:model", "file:pirate"])
def test_a_run_that_stops_and_goes_on_ends_in_the_same_weights(lab: Path, train: Train, start: str) -> None:
    from safetensors.torch import load_file

    whole = train(start)
    stopped = train(start, stop=2)
    state = stopped[-1]
    assert isinstance(state, StateSaved)
    assert state.state.step == 2
    rest = train(start, state=state.state, learning_rate=0.5)
    assert "resuming with the saved state's recipe: learning_rate 0.01 instead of 0.5" in notes(rest)
    assert losses(stopped) + losses(rest) == pytest.approx(losses(whole))
    one, other = (
        load_file(lab / made(run).uri.removeprefix("file:") / "adapter_model.safetensors") for run in (whole, rest)
    )
    assert one.keys() == other.keys()
    assert all(torch.allclose(one[name], other[name], atol=1e-6) for name in one)


def test_weight_decay_and_clipping_are_used(train: Train) -> None:
    plain, decayed, clipped = (
        train("file:pirate"),
        train("file:pirate", weight_decay=5.0),
        train("file:pirate", grad_clip_norm=1e-12),
    )
    assert losses(plain)[0] == losses(decayed)[0] == losses(clipped)[0]
    assert losses(decayed)[-1] != pytest.approx(losses(plain)[-1])
    assert losses(clipped)[-1] == pytest.approx(losses(clipped)[0], rel=0.2)
    assert losses(clipped)[-1] > losses(plain)[-1]


def test_an_adapter_of_another_base_model_is_refused_before_any_step(lab: Path, train: Train) -> None:
    write_model(lab / "wider", hidden=64)
    call_base(lab / "pirate", "wider")
    with pytest.raises(ConfigError, match=r"file:pirate: .* does not fit its base model") as refused:
        train("file:pirate")
    assert "\n" not in str(refused.value)


test_conformance = conformance(PeftSftTrainer)
