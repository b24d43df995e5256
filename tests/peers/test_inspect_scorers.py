"""Scorers of the real Inspect, on samples of charbench (``pip install 'charbench[inspect]'``)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from charbench.testing import ScriptedEndpoint
from support.command import Ended, in_process_of_its_own
from support.lab import LAB_COLUMNS, LabBuilder, row

# It is not imported here: Inspect changes the process that it is in (how zip files are read, for one).
installed = pytest.mark.skipif(find_spec("inspect_ai") is None, reason="inspect-ai is not installed")
pytestmark = [pytest.mark.peer, installed]

RUN = ("run", "-q", "--source", "recorded", "--sampler", "recorded")
GRADED = "inspect:model_graded_qa"
SHIPS = '''
from inspect_ai.scorer import Score, mean, scorer


@scorer(metrics=[mean()])
def seen():
    """Give back what a scorer is given."""

    async def score(state, target):
        parts = [part.type for part in state.output.message.content]
        text = "|".join([
            state.input_text, state.output.completion, *parts, target.text, str(state.sample_id), str(state.epoch),
            state.metadata["persona"], *[message.role for message in state.messages], str(state.output.stop_reason),
        ])
        return Score(value=1, explanation=text)

    return score


@scorer(metrics=[mean()])
def several(unscored: bool = False):
    async def score(state, target):
        if unscored:
            return Score.unscored(explanation="cannot tell")
        return Score(value={"ropes": 3, "sails": "P"})

    return score
'''


@pytest.fixture
def small(lab: LabBuilder) -> Path:
    """A lab whose recordings have targets, but one, and one of which has no response."""
    answers = [("1", "It is 4.", "4"), ("2", "It is 4.", "5"), ("3", "It is 6.", ""), ("4", "", "6")]
    lab.recorded(
        [row(prompt_id=name, prompt=f"Sum {name}?", response=text, target=target) for name, text, target in answers],
        columns=[*LAB_COLUMNS, "target"],
    )
    return lab.root


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """A folder of packages that Inspect takes for installed ones: it goes by the name."""
    return tmp_path / "site-packages"


@pytest.fixture
def grader() -> Iterator[ScriptedEndpoint]:
    """A model that finds every answer correct."""
    with ScriptedEndpoint("It is right.\nGRADE: C").serving() as endpoint:
        yield endpoint


def charbench(*arguments: str, lab: Path, **env: str) -> Ended:
    """Run a command in a process of its own; warnings that Inspect's own dependencies give are no errors."""
    return in_process_of_its_own(*arguments, lab=lab, env={"PYTHONWARNINGS": "ignore", **env})


def scores(lab: Path, scorer: str) -> dict[str, Any]:
    """Return the scores of a scorer by prompt."""
    ended = charbench("export", "--jsonl", lab=lab)
    rows = [json.loads(line) for line in ended.out.splitlines()]
    return {sample["prompt_id"]: score for sample in rows for score in sample["scores"] if score["scorer"] == scorer}


def test_a_scorer_of_inspect_scores_responses_against_their_targets(small: Path) -> None:
    ended = charbench(*RUN, "--scorer", "inspect:includes", lab=small)
    assert ended.code == 0, ended.err
    found = scores(small, "inspect:includes")
    assert {name: score["value"] for name, score in found.items()} == {"1": 1.0, "2": 0.0, "3": None}
    assert "no target: give scorer.inspect:includes.targets (by prompt)" in found["3"]["why"]


def test_targets_are_given_by_prompt_or_for_all_and_arguments_as_options(small: Path) -> None:
    option = "scorer.inspect:match"
    given = ("-o", f"{option}.targets.3=is 6.", "-o", f"{option}.target=7", "-o", f"{option}.args.location=end")
    ended = charbench(*RUN, "--scorer", "inspect:match", *given, lab=small)
    assert ended.code == 0, ended.err
    found = scores(small, "inspect:match")
    assert {name: score["value"] for name, score in found.items()} == {"1": 1.0, "2": 0.0, "3": 1.0}


def test_a_package_of_scorers_is_given_prompt_thinking_response_target_and_persona(small: Path, packages: Path) -> None:
    install(packages, "ships", SHIPS)
    ended = charbench(*RUN, "--scorer", "inspect:ships/seen", lab=small, PYTHONPATH=str(packages))
    assert ended.code == 0, ended.err
    found = scores(small, "inspect:ships/seen")
    assert found["1"]["why"] == ("Sum 1?|It is 4.|reasoning|text|4|1|1|remorseful|user|assistant|unknown")


def test_of_several_values_one_is_chosen_and_what_cannot_be_told_is_none(small: Path, packages: Path) -> None:
    install(packages, "ships", SHIPS)
    name, option = "inspect:ships/several", "scorer.inspect:ships/several"
    ended = charbench(*RUN, "--scorer", name, lab=small, PYTHONPATH=str(packages))
    assert ended.code == 1
    assert f"it gives several values; choose one of ropes, sails with -o {option}.key=NAME" in ended.err
    assert charbench(*RUN, "--scorer", name, "-o", f"{option}.key=sails", lab=small, PYTHONPATH=str(packages)).code == 0
    assert scores(small, name)["1"]["value"] == 0.5
    assert (
        charbench(
            *RUN, "--scorer", name, "-o", f"{option}.args.unscored=true", lab=small, PYTHONPATH=str(packages)
        ).code
        == 0
    )
    ended = charbench(
        "score", "--scorer", name, "-o", f"{option}.args.unscored=true", "--json", lab=small, PYTHONPATH=str(packages)
    )
    assert ended.json["run"]["added"]["scores"] == 0


def test_an_inspect_that_lacks_what_is_used_of_it_is_a_line_with_what_to_do(small: Path, packages: Path) -> None:
    packages.mkdir()
    gone = "import inspect_ai.model._model as model\ndel model.init_active_model\n"
    (packages / "sitecustomize.py").write_text(gone)
    ended = charbench(*RUN, "--scorer", "inspect:includes", lab=small, PYTHONPATH=str(packages))
    assert ended.code == 2
    assert "is another one than charbench knows" in ended.err
    assert "pip install inspect-ai==0.3.285" in ended.err
    assert "Traceback" not in ended.err


def test_a_model_graded_scorer_asks_the_model_of_its_role_and_is_counted(small: Path, grader: ScriptedEndpoint) -> None:
    """By Inspect's own provider of OpenAI-compatible servers."""
    (small / "charbench.yaml").write_text("prices: {'openai-api/*': {prompt: 1000, completion: 1000}}\n")
    env = {"LOCAL_BASE_URL": grader.url, "LOCAL_API_KEY": "key"}
    role = ("-o", f"scorer.{GRADED}.roles.grader=openai-api/local/judge")
    told = RUN[:1] + RUN[2:]
    dry = charbench(*told, "--scorer", GRADED, *role, "--dry-run", lab=small, **env)
    assert dry.code == 0, dry.err
    assert GRADED in dry.out
    assert grader.requests == []
    ended = charbench(*told, "--scorer", GRADED, *role, "--max-cost", "5", lab=small, **env)
    assert ended.code == 0, ended.err
    assert {name: score["value"] for name, score in scores(small, GRADED).items()} == {"1": 1.0, "2": 1.0, "3": None}
    assert len(grader.requests) == 2
    counted = f"scorer {GRADED} asked openai-api/local/judge: 2 requests, 20 prompt tokens and 10 completion tokens"
    assert f"{counted}, 0.0300 by the price table." in ended.err


def test_a_model_graded_scorer_that_is_given_no_model_says_so(small: Path) -> None:
    """Not even one that the environment names for evaluations: it would be paid for unasked."""
    ended = charbench(*RUN, "--scorer", GRADED, lab=small, INSPECT_EVAL_MODEL="mockllm/model")
    assert ended.code == 1
    assert f"asks a model, which costs money: name it with -o scorer.{GRADED}.model=PROVIDER/MODEL" in ended.err
    assert "Traceback" not in ended.err


def test_a_model_that_does_not_answer_is_a_line_and_its_samples_are_scored_the_next_time(
    small: Path, grader: ScriptedEndpoint
) -> None:
    option = f"scorer.{GRADED}"
    run = (*RUN, "--scorer", GRADED, "-o", f"{option}.model=openai-api/local/judge", "-o", f"{option}.tries=1")
    ended = charbench(*run, lab=small, LOCAL_BASE_URL="http://127.0.0.1:9/v1", LOCAL_API_KEY="key")
    assert ended.code == 1
    assert f"scorer {GRADED}: 2 failed: no answer: " in ended.err
    assert "Traceback" not in ended.err
    assert charbench(*run, lab=small, LOCAL_BASE_URL=grader.url, LOCAL_API_KEY="key").code == 0
    assert {name: score["value"] for name, score in scores(small, GRADED).items()} == {"1": 1.0, "2": 1.0, "3": None}


def test_max_cost_refuses_a_model_without_a_price_before_it_is_asked(
    small: Path, grader: ScriptedEndpoint, packages: Path
) -> None:
    """One that an option names, and one that a scorer asks by itself."""
    env = {"LOCAL_BASE_URL": grader.url, "LOCAL_API_KEY": "key", "PYTHONPATH": str(packages)}
    model = ("-o", f"scorer.{GRADED}.model=openai-api/local/judge")
    ended = charbench(*RUN, "--scorer", GRADED, *model, "--max-cost", "5", lab=small, **env)
    assert ended.code == 2
    assert "--max-cost cannot be enforced: no price for openai-api/local/judge" in ended.err
    install(packages, "ships", """
from inspect_ai.model import get_model
from inspect_ai.scorer import Score, mean, scorer

@scorer(metrics=[mean()])
def asking():
    async def score(state, target):
        answer = await get_model("openai-api/local/hidden").generate("Is it right?")
        return Score(value=len(answer.completion))
    return score
""")  # fmt: skip
    ended = charbench(*RUN, "--scorer", "inspect:ships/asking", "--max-cost", "5", lab=small, **env)
    assert ended.code == 1
    assert "no price for openai-api/local/hidden, which scorer inspect:ships/asking asks" in ended.err
    assert grader.requests == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("inspect:inclues", "Inspect has no scorer 'inclues'; Inspect's own are answer, exact,"),
        ("inspect:nowhere/seen", "is nowhere installed, with an entry point of the group inspect_ai"),
        ("inspect:pattern", "missing 1 required positional argument: 'pattern'"),
        ("inspect:choice", "it reads the choices of a multiple-choice question"),
    ],
)
def test_a_scorer_that_cannot_be_made_is_one_line_before_anything_is_done(small: Path, name: str, message: str) -> None:
    ended = charbench(*RUN, "--scorer", name, lab=small)
    assert (ended.code, len(ended.err.splitlines())) == (2, 1)
    assert message in ended.err
    assert not (small / ".charbench" / "charbench.db").exists()


def install(packages: Path, name: str, code: str) -> None:
    """Install a package of Inspect's: a package, and an entry point of the same name."""
    (packages / name).mkdir(parents=True, exist_ok=True)
    (packages / name / "__init__.py").write_text(code, encoding="utf-8")
    info = packages / f"{name}-1.0.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "top_level.txt").write_text(f"{name}\n")
    (info / "entry_points.txt").write_text(f"[inspect_ai]\n{name} = {name}\n")


def test_the_family_keeps_the_contract_of_a_scorer() -> None:
    code = """
from charbench.testing import failing_checks
from charbench_plugins.scorers.inspect_scorer.scorer import InspectScorer
print(failing_checks(InspectScorer, options={"target": "sea"}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "{}\n"
