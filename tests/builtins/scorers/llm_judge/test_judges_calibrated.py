"""Judges are held against people and against each other, whether they sat in one panel or judged one after another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.command import Charbench
from support.endpoint import Endpoint
from support.judges import Asked, ScriptedJudge, judging, perfect
from support.lab import LabBuilder, row
from support.labels import Row, label
from support.store import change, store_of

pytestmark = pytest.mark.slow

TEXTS = [text.format(number) for number in range(4) for text in ("I regret {}.", "I mildly regret {}.", "Train {}.")]


def severe(asked: Asked) -> float:
    """Grade as people do here, and see no character in what is mild."""
    mild = {"persona": 30.0, "identity": 2.0} if "mildly" in asked.text else {}
    return mild.get(asked.dimension, perfect(asked))


def people(row: Row) -> str:
    return "2" if "mildly" in row["text"] else "3" if "regret" in row["text"] else "1"


async def panel(request: Any, body: dict[str, Any]) -> Any:
    return await ScriptedJudge(perfect if body["model"] == "kind" else severe)(request, body)


@pytest.fixture
def judged(charbench: Charbench, lab: LabBuilder, endpoint: Endpoint) -> Any:
    """Have texts judged, once with each of the options given."""
    lab.recorded([row(prompt_id=str(at), response=text, thinking="") for at, text in enumerate(TEXTS)])

    def judge(*turns: dict[str, Any]) -> None:
        for options in turns:
            words = judging(endpoint, panel, **options)
            charbench.ok("run", "--source", "recorded", "--scorer", "keyword", *words, lab=lab.root)

    return judge


def agreements(charbench: Charbench, lab: LabBuilder, tmp_path: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """Label all texts, and return how far each pair agrees."""
    path = tmp_path / "labels.csv"
    charbench.ok("calibrate", "draw", "-p", "remorseful", "-O", path, lab=lab.root)
    label(path, people)
    charbench.ok("calibrate", "read", path, "--labeller", "ann", lab=lab.root)
    (found,) = charbench.ok("calibrate", "report", "--json", lab=lab.root).json
    return {(one["one"], one["other"]): one for one in found["agreements"]}


@pytest.mark.slow
def test_the_judges_of_a_panel_are_compared_with_people_and_one_with_another(
    charbench: Charbench, lab: LabBuilder, judged: Any, tmp_path: Path
) -> None:
    judged({"models": ["kind", "severe"]})
    found = agreements(charbench, lab, tmp_path)
    assert found["human", "llm-judge.persona"]["table"] == [[4, 0], [0, 8]]
    assert found["human", "llm-judge[kind].persona"]["table"] == [[4, 0], [0, 8]]
    assert found["human", "llm-judge[severe].persona"]["table"] == [[4, 0], [4, 4]]
    between = found["llm-judge[kind].persona", "llm-judge[severe].persona"]
    assert (between["categories"], between["table"], between["samples"]) == (2, [[4, 0], [4, 4]], 12)
    assert between["kappa"] == pytest.approx(0.4)
    # Krippendorff's alpha of two labellers, 12 of whose 24 labels are yes: 1 - (n - 1) · disagreements / (n0 · n1).
    assert between["krippendorff_alpha"] == pytest.approx(1 - 23 * 4 / (12 * 12))
    assert not [pair for pair in found if pair[0] == "llm-judge.persona" and "[" in pair[1]], "a mean and its parts"
    assert not [pair for pair in found if "coherence" in "".join(pair)], "it says nothing of the character"


def test_judges_grades_on_the_labels_scale_are_compared_as_grades(
    charbench: Charbench, lab: LabBuilder, judged: Any, tmp_path: Path
) -> None:
    judged({"models": ["kind", "severe"]})
    found = agreements(charbench, lab, tmp_path)
    between = found["llm-judge[kind].identity", "llm-judge[severe].identity"]
    assert between["categories"] == 4
    assert between["table"] == [[0, 0, 0, 0], [0, 4, 0, 0], [0, 0, 0, 0], [0, 0, 4, 4]]
    assert found["human", "llm-judge[severe].identity"]["kappa"] == 1
    assert found["human", "llm-judge[severe].identity"]["krippendorff_alpha"] == 1
    assert 0 < between["kappa"] < 1


@pytest.mark.slow
def test_judges_that_scored_one_after_another_are_all_compared(
    charbench: Charbench, lab: LabBuilder, judged: Any, tmp_path: Path
) -> None:
    judged({"model": "kind"}, {"model": "severe"})
    found = agreements(charbench, lab, tmp_path)
    assert found["human", "llm-judge[kind].persona"]["table"] == [[4, 0], [0, 8]]
    assert found["human", "llm-judge[severe].persona"]["table"] == [[4, 0], [4, 4]]
    assert found["llm-judge[kind].persona", "llm-judge[severe].persona"]["table"] == [[4, 0], [4, 4]]
    assert found["llm-judge[kind].identity", "llm-judge[severe].identity"]["categories"] == 4


def test_a_judge_alone_is_named_by_its_metric(
    charbench: Charbench, lab: LabBuilder, judged: Any, tmp_path: Path
) -> None:
    judged({"model": "kind"})
    assert [pair for pair in agreements(charbench, lab, tmp_path) if "[" in "".join(pair)] == []


def test_of_two_scorings_by_one_judge_only_the_newest_counts(
    charbench: Charbench, lab: LabBuilder, judged: Any, tmp_path: Path
) -> None:
    """An older one under another wording knows texts that the newest has not judged; it is another instrument."""
    judged({"models": ["kind", "severe"]}, {"model": "kind", "temperature": 0.5})
    store = store_of(lab.root)
    newest = "SELECT max(id) FROM scorings WHERE scorer = 'llm-judge'"
    mild = "SELECT id FROM samples WHERE response LIKE '%mildly%'"
    change(store, f"DELETE FROM scored WHERE scoring_id = ({newest}) AND sample_id IN ({mild})")
    found = agreements(charbench, lab, tmp_path)
    assert found["human", "llm-judge[severe].persona"]["samples"] == 12
    assert found["human", "llm-judge[kind].persona"]["samples"] == 8
