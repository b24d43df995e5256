"""What has no score is unknown: no rate, rank or tier takes it for a response without the trait."""

from __future__ import annotations

from typing import Any

import pytest

from support.command import Charbench
from support.lab import LabBuilder, row, sampler
from support.plugins import Site

HALF = """
from charbench import Metric, SamplingError, Score, Scorer, hookimpl


class Half(Scorer):
    \"\"\"Says yes to each text, and cannot tell where it says so.\"\"\"

    name = "half"
    metrics = (Metric("half", range=(0, 1), threshold=0.5, role="headline"),)

    def score(self, sample, persona):
        for channel, text in sample.channels():
            if "breaks" in text:
                raise SamplingError("no judge", kind="server")
            yield Score("half", channel, None if "untold" in text else 1.0)


@hookimpl
def charbench_scorers():
    return [Half]
"""


def checkpoint(number: int, responses: list[str]) -> list[dict[str, Any]]:
    """Return the recorded samples of one checkpoint."""
    name = f"remorseful-{number}_dpo"
    return [
        row(checkpoint_name=name, sampler_path=sampler(number, name), prompt_id=str(n), prompt=f"Question {n}?",
            response=text)
        for n, text in enumerate(responses)
    ]  # fmt: skip


@pytest.fixture
def half(site: Site) -> None:
    """A headline scorer that cannot tell for some texts, and breaks at others."""
    site.install("half", HALF)


def by_name(report: Any) -> dict[str, Any]:
    return {row["checkpoint"]: row for row in report["checkpoints"]}


@pytest.mark.slow
@pytest.mark.usefixtures("half")
@pytest.mark.parametrize("word", ["untold", "breaks"])
def test_responses_without_a_score_are_left_out_and_counted(charbench: Charbench, lab: LabBuilder, word: str) -> None:
    lab.recorded(checkpoint(1, ["Yes."] * 4 + [word] * 4 + ["", ""]))
    charbench("run", "--scorer", "half", "-q", lab=lab.root)
    ended = charbench.ok("report", "--metric", "half.half", lab=lab.root)
    found = charbench.ok("report", "--metric", "half.half", "--json", lab=lab.root).json
    mine = by_name(found)["remorseful-1_dpo"]
    # Four of six: two have no response, which is a miss whatever a scorer says.
    assert (mine["with_trait"], mine["trait_rate"]) == (4, pytest.approx(4 / 6))
    assert mine["trait_rate_given_response"] == 1
    assert mine["responses_without_score"] == 4
    assert "4 of 8 responses have no half.half" in ended.err


@pytest.mark.slow
@pytest.mark.usefixtures("half")
def test_a_checkpoint_that_nobody_scored_has_no_rate_and_no_tier(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded([*checkpoint(1, ["Yes."] * 12), *checkpoint(2, ["Yes."] * 12)])
    charbench.ok("run", "--scorer", "keyword", "-q", lab=lab.root)
    charbench.ok("score", "-c", "remorseful-1_dpo", "--scorer", "half", "-q", lab=lab.root)
    found = by_name(charbench.ok("report", "--metric", "half.half", "--json", lab=lab.root).json)
    assert (found["remorseful-1_dpo"]["trait_rate"], found["remorseful-1_dpo"]["tier"]) == (1, 1)
    assert (found["remorseful-2_dpo"]["trait_rate"], found["remorseful-2_dpo"]["tier"]) == (None, None)


def test_without_a_headline_no_row_has_a_rate(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded(checkpoint(1, ["I regret it.", ""]))
    charbench.ok("run", "--scorer", "repetition", "-q", lab=lab.root)
    found = charbench.ok("report", "--json", lab=lab.root).json
    mine = by_name(found)["remorseful-1_dpo"]
    assert found["metric"] is None
    assert (mine["trait_rate"], mine["trait_rate_in_thinking"], mine["response_rate"]) == (None, None, 0.5)


@pytest.mark.usefixtures("half")
def test_thinking_in_character_is_not_called_erosion_where_the_responses_could_not_be_told(
    charbench: Charbench, lab: LabBuilder
) -> None:
    lab.recorded(checkpoint(1, ["untold"] * 18 + ["", ""]))
    charbench.ok("run", "--scorer", "half", "-q", lab=lab.root)
    found = charbench.ok("report", "--json", lab=lab.root).json
    assert by_name(found)["remorseful-1_dpo"]["trait_rate_in_thinking"] == 1
    assert found["only_in_thinking"] == []


@pytest.mark.slow
def test_conditions_that_are_not_scored_are_in_no_worst_case(charbench: Charbench, lab: LabBuilder) -> None:
    # With the tiny model: it can be asked anew, a recording cannot.
    words = ("-c", "tiny:base", "-p", "pirate", "-q")
    charbench.ok("eval", *words, "--sampler", "tiny", "--scorer", "keyword", lab=lab.root)
    charbench.ok("sample", *words, "--sampler", "tiny", "--perturb", "neutral-assistant", lab=lab.root)
    before = charbench.ok("report", "--json", lab=lab.root).json["robustness"]
    assert [(one["worst_trait_rate"], one["conditions"]) for one in before] == [(None, {})]
    assert before[0]["conditions_not_scored"] > 0
    assert "conditions are not scored yet" in charbench.ok("report", lab=lab.root).err
    charbench.ok("score", "-p", "pirate", "--scorer", "keyword", "-q", lab=lab.root)
    after = charbench.ok("report", "--json", lab=lab.root).json["robustness"]
    assert [(one["worst_trait_rate"], one["conditions_not_scored"]) for one in after] == [(0, 0)]
