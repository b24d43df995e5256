"""A metric without a threshold has no trait: reports show its mean, and rank by it."""

from __future__ import annotations

import pytest

from support.command import Charbench
from support.lab import LabBuilder, row, sampler
from support.plugins import SHOUTING, Site


@pytest.fixture
def shouted(charbench: Charbench, site: Site, lab: LabBuilder) -> LabBuilder:
    """Two checkpoints, one of which shouts, scored by the scorer of the README."""
    site.install("shouting", SHOUTING)
    lab.recorded(
        [
            row(checkpoint_name=f"remorseful-{number}_dpo", sampler_path=sampler(number, f"remorseful-{number}_dpo"),
                prompt_id=str(n), prompt=f"Question {n}?", response=text, thinking="quiet")
            for number, text in ((1, "quietly"), (2, "LOUD")) for n in range(4)
        ]
    )  # fmt: skip
    charbench.ok("run", "--scorer", "shouting", "-q", lab=lab.root)
    return lab


@pytest.mark.slow
def test_the_readmes_scorer_is_seen_in_the_report(charbench: Charbench, shouted: LabBuilder) -> None:
    ended = charbench.ok("report", lab=shouted.root)
    assert "Mean, responses" in ended.out
    assert "Trait rate" not in ended.out
    assert "Tier" not in ended.out
    assert "ranked by the mean of shouting.shouting in responses" in ended.err
    found = charbench.ok("report", "--json", lab=shouted.root).json
    assert found["metric"] == "shouting.shouting"
    assert [(one["checkpoint"], one["mean_per_response"], one["trait_rate"]) for one in found["checkpoints"]] == [
        ("remorseful-2_dpo", 1, None),
        ("remorseful-1_dpo", 0, None),
    ]
    assert found["checkpoints"][0]["mean_per_thinking"] == 0
    assert "mean_per_thinking" in charbench.ok("report", "--format", "csv", lab=shouted.root).out.splitlines()[0]


@pytest.mark.slow
def test_a_headline_with_a_threshold_comes_before_it(charbench: Charbench, shouted: LabBuilder) -> None:
    charbench.ok("score", "--scorer", "keyword", "-q", lab=shouted.root)
    assert charbench.ok("report", "--json", lab=shouted.root).json["metric"] == "keyword.keywords"
    named = charbench.ok("report", "--metric", "shouting", "--json", lab=shouted.root).json
    assert [one["checkpoint"] for one in named["checkpoints"]] == ["remorseful-2_dpo", "remorseful-1_dpo"]
    assert {one["tier"] for one in named["checkpoints"]} == {None}


@pytest.mark.slow
def test_compare_names_the_metrics_that_it_can_compare(charbench: Charbench, shouted: LabBuilder) -> None:
    words = ("compare", "remorseful-1_dpo", "remorseful-2_dpo")
    ended = charbench(*words, lab=shouted.root)
    assert ended.code == 2
    assert "--metric shouting.shouting" in ended.err
    assert charbench.ok(*words, "--metric", "shouting.shouting", "--json", lab=shouted.root).json["pairs"]
