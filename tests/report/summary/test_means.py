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
    assert "Mean, responses" in ended.out  # no interval where nothing varies
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


@pytest.fixture
def measured(charbench: Charbench, site: Site, lab: LabBuilder) -> LabBuilder:
    """A checkpoint that was asked five prompts twice, and one that was asked the first of them ten times."""
    site.install("shouting", SHOUTING)
    asked = [("even", n, epoch) for n in range(5) for epoch in range(2)]
    asked += [("uneven", n, epoch) for n in range(5) for epoch in range(10 if n == 0 else 1)]
    lab.recorded(
        [
            row(checkpoint_name=name, sampler_path=sampler(len(name), name), prompt=f"Question {n}?", prompt_id=str(n),
                response="A" * (n + 1) + "a" * (9 - n), timestamp=f"2025-01-0{n + 1}T00:00:{epoch:02d}")
            for name, n, epoch in asked
        ]
    )  # fmt: skip
    charbench.ok("run", "--scorer", "shouting", "-q", lab=lab.root)
    return lab


@pytest.mark.slow
def test_a_mean_has_the_interval_that_compare_gives_it_in_every_format(
    charbench: Charbench, measured: LabBuilder
) -> None:
    found = charbench.ok("report", "--json", lab=measured.root).json
    even, uneven = sorted(found["checkpoints"], key=lambda one: str(one["checkpoint"]))
    words = ("compare", "even", "uneven", "--metric", "shouting.shouting", "--json")
    compared = charbench.ok(*words, lab=measured.root).json
    side = next(one for one in compared["checkpoints"] if one["label"] == "even")
    ends = even["mean_per_response_low"], even["mean_per_response_high"]
    assert ends == (side["low"], side["high"])
    half = 2.776 * 0.158113883 / 5**0.5  # t of 4 degrees, the values' standard deviation
    assert (even["mean_per_response"], *ends) == pytest.approx((0.3, 0.3 - half, 0.3 + half), abs=1e-4)
    assert uneven["mean_per_response"] == pytest.approx((10 * 0.1 + 0.2 + 0.3 + 0.4 + 0.5) / 14)
    # One prompt holds it: nothing is known, and a share is no less than 0 and no more than 1.
    other = next(one for one in compared["checkpoints"] if one["label"] == "uneven")
    assert (uneven["mean_per_response_low"], uneven["mean_per_response_high"]) == (0, 1)
    assert 0 <= other["low"] < other["high"] <= 1
    shown = f"{0.3:.3f} [{ends[0]:.3f}, {ends[1]:.3f}]"
    for form in ("markdown", "html", "latex"):
        assert shown in charbench.ok("report", "--format", form, lab=measured.root).out.replace("{[}", "["), form
    ended = charbench.ok("report", lab=measured.root)
    assert shown in ended.out
    assert "Brackets: 95% intervals" in ended.err
    assert (even["mean_near_end"], uneven["mean_near_end"], side["near_end"]) == (False, True, False)
    assert "~ is a mean near an end of its scale, of fewer than 60 effective prompts" in ended.err
    for form in ("markdown", "html", "latex"):
        assert "a mean near an end" in charbench.ok("report", "--format", form, lab=measured.root).out, form
    header, *rows = charbench.ok("report", "--format", "csv", lab=measured.root).out.splitlines()
    assert "mean_per_response,mean_per_response_low,mean_per_response_high,mean_near_end" in header
    assert any(f"{even['mean_per_response']},{ends[0]},{ends[1]}" in one for one in rows)


@pytest.mark.slow
def test_a_mean_near_an_end_of_its_scale_is_marked_in_report_and_compare(
    charbench: Charbench, site: Site, lab: LabBuilder
) -> None:
    site.install("shouting", SHOUTING)
    lab.recorded(
        [
            row(checkpoint_name=name, sampler_path=sampler(n, name), prompt=f"Question {number}", prompt_id=str(number),
                response="A" * (9 - number % 2) + "a" * n)
            for n, name in enumerate(("loud", "half"))
            for number in range(6)
        ]
    )  # fmt: skip
    charbench.ok("run", "--scorer", "shouting", "-q", lab=lab.root)
    ended = charbench.ok("compare", "loud", "half", "--metric", "shouting.shouting", lab=lab.root)
    assert "] ~" in ended.out
    assert "~ is a mean near an end of its scale" in ended.err + ended.out
    printed = charbench.ok("report", lab=lab.root)
    assert "] ~" in printed.out
    assert "~ is a mean near an end of its scale" in printed.err


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


@pytest.mark.slow
def test_rows_of_other_prompts_are_marked_and_ranked_by_those_that_are_shared(
    charbench: Charbench, site: Site, lab: LabBuilder
) -> None:
    site.install("shouting", SHOUTING)
    texts = {"all": ["Aa", "Aa", "AAAA", "AAAA"], "calm": ["Aaaa", "Aa", "Aaaa", "Aaaa"], "some": ["AAAa", "AAAa"]}
    lab.recorded(
        [
            row(checkpoint_name=name, sampler_path=sampler(number, name), prompt=f"Question {n}?", response=text,
                timestamp=f"2025-01-0{number + 1}T00:00:0{n}")
            for number, (name, said) in enumerate(texts.items()) for n, text in enumerate(said)
        ]
    )  # fmt: skip
    charbench.ok("run", "--scorer", "shouting", "-q", lab=lab.root)
    rows = charbench.ok("report", "--json", lab=lab.root).json["checkpoints"]
    told = {one["checkpoint"]: (one["prompts"], one["prompts_shared"], one["other_prompts"]) for one in rows}
    assert told == {"all": (4, 4, False), "calm": (4, 4, False), "some": (2, 2, True)}
    assert {one["with_trait"] for one in rows} == {None}
    ended = charbench.ok("report", lab=lab.root)
    assert "some *" in ended.out
    assert "ranked and tested by the prompts they share" in " ".join(ended.err.split())
