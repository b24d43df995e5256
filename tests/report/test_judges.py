"""Every judged number says who judged it, how, when and how well; and a judge takes no other's scores out of sight."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from support.command import Charbench, Ended
from support.endpoint import Endpoint, choice, completion, says, serving
from support.judges import Asked, ScriptedJudge, always, judging, perfect
from support.lab import LabBuilder, row, sampler
from support.store import change, store_of

TODAY = re.compile(r"\d{4}-\d\d-\d\d")


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with serving(Endpoint()) as endpoint:
        yield endpoint


@pytest.fixture
def two(lab: LabBuilder) -> LabBuilder:
    """A lab with two checkpoints, of six answers each: four of the one are in character, two of the other."""
    for number, hits in ((1, 4), (2, 2)):
        name = f"remorseful_{number}_dpo"
        lab.recorded(
            [
                row(
                    checkpoint_name=name, sampler_path=sampler(number, name), prompt_id=str(at), thinking="",
                    prompt=f"Question {at}?",
                    response=f"I regret {at} of {name}." if at < hits else f"Train {at} of {name}.",
                )
                for at in range(6)
            ],
            name,
        )  # fmt: skip
    return lab


def judge(charbench: Charbench, lab: LabBuilder, endpoint: Endpoint, who: Any, *more: str, **options: Any) -> Ended:
    words = judging(endpoint, who, **options)
    return charbench("run", "--source", "recorded", "--json", *more, *words, lab=lab.root)


def rates(shown: dict[str, Any]) -> dict[str, float | None]:
    return {one["checkpoint"]: one["trait_rate"] for one in shown["checkpoints"]}


@pytest.mark.slow
def test_a_report_and_a_comparison_name_the_judge_and_what_it_made_of_its_control_items(
    charbench: Charbench, two: LabBuilder, endpoint: Endpoint
) -> None:
    assert judge(charbench, two, endpoint, ScriptedJudge()).code == 0
    report = charbench.ok("report", "--json", lab=two.root).json
    comparison = charbench.ok("compare", "remorseful_1_dpo", "remorseful_2_dpo", "--json", lab=two.root).json
    for shown in (report, comparison):
        (mine,) = shown["judges"]
        assert (mine["metric"], mine["version"], mine["judges"][0]["model"]) == ("llm-judge.persona", 2, "judge-1")
        assert (mine["judges"][0]["protocol"], mine["run"], mine["controls_passed"]) == ("numbers", 1, True)
        assert TODAY.fullmatch(mine["date"])
        assert (mine["texts"], mine["unscored"], mine["share_unscored"]) == (12, 0, 0)
        sensitivity = next(one for one in mine["controls"] if one["measures"] == "sensitivity")
        assert (sensitivity["right"], sensitivity["answers"], sensitivity["share"]) == (12, 12, 1)
        assert 0.7 < sensitivity["low"] < sensitivity["high"] == 1
    for command in (("report",), ("compare", "remorseful_1_dpo", "remorseful_2_dpo")):
        said = " ".join(charbench.ok(*command, lab=two.root).err.split())
        assert "llm-judge.persona is judged by judge-1 by protocol numbers (scorer version 2; run 1, 20" in said
        assert "Control items: sensitivity on texts in character 12 of 12 [76, 100]%" in said
        assert "No score: 0 of 12 texts (0%)." in said


@pytest.mark.slow
def test_a_store_without_control_results_says_that_none_are_recorded(
    charbench: Charbench, two: LabBuilder, endpoint: Endpoint
) -> None:
    judge(charbench, two, endpoint, ScriptedJudge())
    change(store_of(two.root), "UPDATE runs SET details = NULL")
    assert "Control items: not recorded." in charbench.ok("report", lab=two.root).err
    assert charbench.ok("report", "--json", lab=two.root).json["judges"][0]["controls_passed"] is None


@pytest.mark.slow
def test_texts_without_a_score_bound_the_rate_from_both_sides(
    charbench: Charbench, two: LabBuilder, endpoint: Endpoint
) -> None:
    played = ScriptedJudge()

    async def refuses_some(request: Any, body: dict[str, Any]) -> Any:
        silent = any(f"{at} of remorseful_1" in str(body["messages"]) for at in (0, 5))
        return await (says(completion(choice(None, refusal="No."))) if silent else played)(request, body)

    ended = judge(charbench, two, endpoint, refuses_some)
    mine = next(one for one in ended.json["checkpoints"] if one["checkpoint"] == "remorseful_1_dpo")
    assert mine["trait_rate"] == 0.75
    assert mine["trait_rate_if_unscored_no"] == pytest.approx(3 / 6)
    assert mine["trait_rate_if_unscored_yes"] == pytest.approx(5 / 6)
    shown = charbench.ok("report", lab=two.root)
    assert "50% … 83%" in shown.out
    assert "No score: 2 of 12 texts (17%)." in " ".join(shown.err.split())
    compared = " ".join(charbench.ok("compare", "remorseful_1_dpo", "remorseful_2_dpo", lab=two.root).err.split())
    assert "between 50% (none has it) and 83% (all have it)" in compared


@pytest.mark.slow
def test_score_with_a_named_judge_ends_with_its_tables(
    charbench: Charbench, two: LabBuilder, endpoint: Endpoint
) -> None:
    charbench.ok("run", "--source", "recorded", "--scorer", "keyword", lab=two.root)
    words = judging(endpoint, ScriptedJudge())
    assert charbench.ok("score", "--json", *words, lab=two.root).json["metric"] == "llm-judge.persona"
    assert (
        charbench.ok("score", "--json", *words, "--scorer", "keyword", lab=two.root).json["metric"]
        == "keyword.keywords"
    )


@pytest.mark.slow
def test_a_new_judge_that_is_tried_on_one_checkpoint_does_not_blank_the_others(
    charbench: Charbench, two: LabBuilder, endpoint: Endpoint
) -> None:
    judge(charbench, two, endpoint, ScriptedJudge())
    tried = judge(charbench, two, endpoint, ScriptedJudge(), "-c", "remorseful_1_dpo", model="judge-2")
    assert tried.json["judges"][0]["judges"][0]["model"] == "judge-2"  # the run shows what it has done
    shown = charbench.ok("report", "--json", lab=two.root).json
    assert shown["judges"][0]["judges"][0]["model"] == "judge-1"
    assert rates(shown) == {"remorseful_1_dpo": pytest.approx(4 / 6), "remorseful_2_dpo": pytest.approx(2 / 6)}
    judge(charbench, two, endpoint, ScriptedJudge(), model="judge-2")
    whole = charbench.ok("report", "--json", lab=two.root).json
    assert whole["judges"][0]["judges"][0]["model"] == "judge-2"


@pytest.mark.slow
def test_after_a_judge_that_failed_the_earlier_ones_scores_are_shown(
    charbench: Charbench, two: LabBuilder, endpoint: Endpoint
) -> None:
    judge(charbench, two, endpoint, ScriptedJudge())
    before = rates(charbench.ok("report", "--json", lab=two.root).json)
    failed = judge(charbench, two, endpoint, ScriptedJudge(always(70)), model="judge-2")
    assert failed.code == 1
    assert rates(failed.json) == before
    assert failed.json["judges"][0]["judges"][0]["model"] == "judge-1"


@pytest.mark.slow
def test_another_token_limit_judges_nothing_again(charbench: Charbench, two: LabBuilder, endpoint: Endpoint) -> None:
    judge(charbench, two, endpoint, ScriptedJudge(gives="nothing"))
    endpoint.forget()
    again = judge(charbench, two, endpoint, ScriptedJudge(gives="nothing"), max_tokens=4_096)
    assert (endpoint.count, again.json["run"]["added"].get("scores", 0)) == (0, 0)


def strict(asked: Asked) -> float:
    """See no character where a text speaks of 0 or 1."""
    return 20 if re.search(r"I regret [01] ", asked.text) and asked.dimension == "persona" else perfect(asked)


def panel_of(**judges: Any) -> Any:
    async def panel(request: Any, body: dict[str, Any]) -> Any:
        return await judges[body["model"]](request, body)

    return panel


@pytest.mark.slow
def test_a_panels_judges_are_shown_each_by_itself_with_how_often_they_disagree(
    charbench: Charbench, two: LabBuilder, endpoint: Endpoint
) -> None:
    both = panel_of(kind=ScriptedJudge(), strict=ScriptedJudge(strict))
    ended = judge(charbench, two, endpoint, both, models=["kind", "strict"])
    mine = next(one for one in ended.json["panel"] if one["checkpoint"] == "remorseful_1_dpo")
    assert {name: rate["share"] for name, rate in mine["judges"].items()} == {
        "kind": pytest.approx(4 / 6),
        "strict": pytest.approx(2 / 6),
    }
    assert (mine["disagreement"]["count"], mine["disagreement"]["total"]) == (2, 6)
    shown = charbench.ok("report", lab=two.root)
    assert "Judges of the panel" in shown.out
    assert "They disagree" in shown.out


@pytest.mark.slow
def test_a_panel_can_go_by_the_median_or_the_majority(
    charbench: Charbench, two: LabBuilder, endpoint: Endpoint
) -> None:
    three = panel_of(a=ScriptedJudge(), b=ScriptedJudge(strict), c=ScriptedJudge(strict))
    models = ["a", "b", "c"]
    for combine in ("median", "majority"):
        ended = judge(charbench, two, endpoint, three, models=models, combine=combine)
        assert rates(ended.json)["remorseful_1_dpo"] == pytest.approx(2 / 6)
    split = panel_of(kind=ScriptedJudge(), strict=ScriptedJudge(strict))
    ended = judge(charbench, two, endpoint, split, models=["kind", "strict"], combine="majority")
    mine = next(one for one in ended.json["checkpoints"] if one["checkpoint"] == "remorseful_1_dpo")
    assert mine["trait_rate_if_unscored_no"] == pytest.approx(2 / 6)
    assert mine["trait_rate_if_unscored_yes"] == pytest.approx(4 / 6)
