"""A response that a scorer says nothing of is left out of every figure, in ``compare`` as in ``report``."""

from __future__ import annotations

from typing import Any

import pytest

from support.command import Charbench
from support.lab import LabBuilder, row, sampler
from support.plugins import Site

SILENT = """
from charbench import Metric, Score, Scorer, hookimpl


class Silent(Scorer):
    \"\"\"Reads what a text says of itself, and says nothing of other texts.\"\"\"

    name = "silent"
    metrics = (
        Metric("yes", range=(0, 1), threshold=0.5, role="headline"),
        Metric("detail", range=(0, 1), threshold=0.5),
        Metric("mean", range=(0, 100)),
    )

    def score(self, sample, persona):
        for channel, text in sample.channels():
            word = text.rstrip(".")
            if word in ("yes", "no", "untold"):
                for metric in ("yes", "detail", "mean"):
                    yield Score(metric, channel, None if word == "untold" else float(word == "yes"))


@hookimpl
def charbench_scorers():
    return [Silent]
"""


@pytest.fixture
def silent(charbench: Charbench, site: Site, lab: LabBuilder) -> LabBuilder:
    """Two checkpoints: of the first, four of twelve responses have no value and two samples no response."""
    site.install("silent", SILENT)
    said = [("yes.", "yes."), ("no.", "yes."), ("untold.", "yes."), ("hm.", "yes."), ("", "yes."), ("yes.", "hm.")]
    records = []
    for number, texts in ((1, said), (2, [("no.", "no.")] * 6)):
        name = f"remorseful-{number}_dpo"
        for n in range(12):
            response, thinking = texts[n % 6]
            records.append(
                row(checkpoint_name=name, sampler_path=sampler(number, name), prompt_id=f"q{n % 3}",
                    prompt=f"Question {n % 3}?", response=response, thinking=thinking,
                    timestamp=f"2025-01-{number:02d}T00:00:{n:02d}")
            )  # fmt: skip
    lab.recorded(records)
    charbench.ok("run", "--scorer", "silent", "-q", lab=lab.root)
    return lab


def compared(charbench: Charbench, lab: LabBuilder, metric: str) -> dict[str, Any]:
    found = charbench.ok(
        "compare", "remorseful-1_dpo", "remorseful-2_dpo", "--metric", metric, "--json", lab=lab.root
    ).json
    return {side["label"]: side for side in found["checkpoints"]}


def reported(charbench: Charbench, lab: LabBuilder, metric: str) -> dict[str, Any]:
    found = charbench.ok("report", "--metric", metric, "--json", lab=lab.root).json
    return {one["checkpoint"]: one for one in found["checkpoints"]}


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["silent.yes", "silent.detail"])
def test_responses_that_a_scorer_says_nothing_of_are_no_misses(
    charbench: Charbench, silent: LabBuilder, metric: str
) -> None:
    one = reported(charbench, silent, metric)["remorseful-1_dpo"]
    told = charbench.ok("compare", "remorseful-1_dpo", "remorseful-2_dpo", "--metric", metric, lab=silent.root)
    said = "Response | thinking: of the prompts all of whose responses have a score; the others are left out."
    assert said in " ".join(told.err.split())
    side = compared(charbench, silent, metric)["remorseful-1_dpo"]
    assert (side["hits"], side["judged"], side["missing"], side["not_scored"]) == (4, 8, 4, 0)
    assert side["value"] == one["trait_rate"] == 4 / 8
    assert (side["low"], side["high"]) == pytest.approx((one["trait_rate_low"], one["trait_rate_high"]))
    assert (side["value_if_unscored_no"], side["value_if_unscored_yes"]) == (round(4 / 12, 9), round(8 / 12, 9))
    assert side["in_response_given_thinking"] == 0, "of the one prompt whose responses all have a value"
    assert 0 < side["in_response_given_thinking_samples"] < side["in_thinking"]


@pytest.mark.slow
def test_a_mean_is_out_of_the_responses_with_a_value(charbench: Charbench, silent: LabBuilder) -> None:
    side = compared(charbench, silent, "silent.mean")["remorseful-1_dpo"]
    assert (side["responses"], side["judged"], side["missing"]) == (10, 6, 4)
    one = reported(charbench, silent, "silent.mean")["remorseful-1_dpo"]
    assert (one["mean_per_response"], one["responses_without_score"]) == (round(4 / 6, 9), 4)
