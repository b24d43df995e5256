"""A metric whose declaration changes: what was scored under the old one is scored again, and the user is told."""

from __future__ import annotations

import pytest

from support.command import Charbench
from support.lab import LabBuilder, row, sampler
from support.plugins import Site
from support.store import query, store_of

LETTERS = """
from charbench import Metric, Score, Scorer, hookimpl


class Length(Scorer):
    \"\"\"Characters in a text.\"\"\"

    name = "len"
    metrics = (Metric("len", range=(0, None), role="headline", threshold={threshold}),)

    def score(self, sample, persona):
        for channel, text in sample.channels():
            yield Score("len", channel, float(len(text)))


@hookimpl
def charbench_scorers():
    return [Length]
"""
NAMES = ("a_dpo", "b_dpo")
SCORE = ("score", "--scorer", "len")


def record(lab: LabBuilder, prompts: range) -> None:
    lab.recorded(
        row(checkpoint_name=name, sampler_path=sampler(number, name), prompt_id=str(n), prompt=f"Question {n}?",
            response="x" * (60 if number == 1 else 10), thinking="")
        for number, name in enumerate(NAMES, 1)
        for n in prompts
    )  # fmt: skip


@pytest.fixture
def scored_at_five(charbench: Charbench, site: Site, lab: LabBuilder) -> LabBuilder:
    """Ten samples, scored with the threshold 5; the scorer's other edition has the threshold 50."""
    site.install("five", LETTERS.format(threshold=5))
    site.install("fifty", LETTERS.format(threshold=50))
    record(lab, range(5))
    charbench.ok("run", "--scorer", "len", "--no-plugin", "fifty", "-q", lab=lab.root)
    return lab


def rates(charbench: Charbench, lab: LabBuilder, plugin: str) -> tuple[list[float], list[float]]:
    """Return the trait rates by the report and by the comparison."""
    blocked = ("--no-plugin", plugin)
    reported = charbench.ok("report", "--json", *blocked, lab=lab.root).json["checkpoints"]
    compared = charbench.ok("compare", *NAMES, "--json", *blocked, lab=lab.root).json["checkpoints"]
    return (
        [one["trait_rate"] for one in sorted(reported, key=lambda one: one["checkpoint"])],
        [one["value"] for one in sorted(compared, key=lambda one: one["label"])],
    )


def test_report_and_compare_go_by_the_new_threshold_alone(charbench: Charbench, scored_at_five: LabBuilder) -> None:
    lab = scored_at_five
    assert rates(charbench, lab, "fifty") == ([1, 1], [1, 1])
    record(lab, range(10))
    charbench.ok("run", "--scorer", "keyword", "--no-plugin", "five", "-q", lab=lab.root)
    ended = charbench.ok(*SCORE, "--no-plugin", "five", lab=lab.root)
    assert "metric len was declared with threshold 5, now 50: all samples are scored again" in ended.err
    assert rates(charbench, lab, "five") == ([1, 0], [1, 0])
    again = charbench.ok(*SCORE, "--no-plugin", "five", "--json", lab=lab.root)
    assert again.json["run"]["added"]["scores"] == 0
    assert "declared" not in again.err


def test_an_unchanged_declaration_scores_nothing_again(charbench: Charbench, scored_at_five: LabBuilder) -> None:
    keys = query(store_of(scored_at_five.root), "SELECT key FROM scorings")
    ended = charbench.ok(*SCORE, "--no-plugin", "fifty", "--json", lab=scored_at_five.root)
    assert ended.json["run"]["added"]["scores"] == 0
    assert query(store_of(scored_at_five.root), "SELECT key FROM scorings") == keys


@pytest.mark.slow
def test_going_back_to_the_old_threshold_finds_the_old_scores(charbench: Charbench, scored_at_five: LabBuilder) -> None:
    charbench.ok(*SCORE, "--no-plugin", "five", "-q", lab=scored_at_five.root)
    back = charbench.ok(*SCORE, "--no-plugin", "fifty", "--json", lab=scored_at_five.root)
    assert back.json["run"]["added"]["scores"] == 0
    assert rates(charbench, scored_at_five, "fifty") == ([1, 1], [1, 1])
