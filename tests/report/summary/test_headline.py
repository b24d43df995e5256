"""Which metric is the headline: the one that was scored first, and a change of it is never silent."""

from __future__ import annotations

import pytest

from charbench.domain.headline import ScoredMetric, choose_headline
from support.command import Charbench
from support.lab import LabBuilder, row, sampler
from support.plugins import Site

CHARM = """
from charbench import Metric, Score, Scorer, hookimpl


class Charm(Scorer):
    \"\"\"A second headline, which no text reaches.\"\"\"

    name = "charm"
    metrics = (Metric("charm", range=(0, 1), role="headline", threshold=0.5),)

    def score(self, sample, persona):
        for channel, text in sample.channels():
            yield Score("charm", channel, 0.0)


@hookimpl
def charbench_scorers():
    return [Charm]
"""
NOTE = (
    "The headline is keyword.keywords, which was scored first. Also scored: charm.charm; --metric charm.charm shows it."
)


@pytest.fixture
def two(site: Site, lab: LabBuilder) -> LabBuilder:
    """Two checkpoints in character, and a second headline scorer whose name comes first in the alphabet."""
    site.install("charm", CHARM)
    lab.recorded(
        row(checkpoint_name=name, sampler_path=sampler(number, name), prompt_id=str(n), prompt=f"Question {n}?")
        for number, name in enumerate(("a_dpo", "b_dpo"), 1)
        for n in range(6)
    )
    return lab


@pytest.mark.slow
def test_a_second_headline_scorer_changes_no_report_and_is_named(charbench: Charbench, two: LabBuilder) -> None:
    charbench.ok("run", "--scorer", "keyword", "-q", lab=two.root)
    before = charbench.ok("report", "--json", lab=two.root).json
    assert (before["metric"], before["notes"]) == ("keyword.keywords", [])
    charbench.ok("score", "--scorer", "charm", "--scorer", "keyword", "-q", lab=two.root)
    after = charbench.ok("report", "--json", lab=two.root).json
    assert (after["metric"], after["notes"]) == ("keyword.keywords", [NOTE])
    assert [one["trait_rate"] for one in after["checkpoints"]] == [1, 1]
    assert NOTE in charbench.ok("report", lab=two.root).err


@pytest.mark.slow
def test_compare_power_and_the_markers_go_by_the_reports_headline(charbench: Charbench, two: LabBuilder) -> None:
    charbench.ok("run", "--scorer", "keyword", "-q", lab=two.root)
    charbench.ok("score", "--scorer", "charm", "-q", lab=two.root)
    compared = charbench.ok("compare", "a_dpo", "b_dpo", "--json", lab=two.root).json
    assert compared["metric"] == "keyword.keywords"
    assert NOTE in compared["notes"]
    assert charbench.ok("power", "--json", lab=two.root).json["metric"] == "keyword.keywords"
    named = charbench.ok("report", "--metric", "charm", "--json", lab=two.root).json
    assert (named["metric"], named["notes"], named["checkpoints"][0]["trait_rate"]) == ("charm.charm", [], 0)


@pytest.mark.slow
def test_scoring_anew_does_not_make_a_headline_the_later_one(charbench: Charbench, two: LabBuilder) -> None:
    charbench.ok("run", "--scorer", "keyword", "-q", lab=two.root)
    charbench.ok("score", "--scorer", "charm", "-q", lab=two.root)
    charbench.ok("score", "--scorer", "keyword", "-o", "scorer.keyword.cap=1", "-q", lab=two.root)
    assert charbench.ok("report", "--json", lab=two.root).json["metric"] == "keyword.keywords"


@pytest.mark.slow
def test_another_headline_than_the_stores_is_said_to_be_one(charbench: Charbench, two: LabBuilder) -> None:
    charbench.ok("run", "-c", "a_dpo", "--scorer", "keyword", "-q", lab=two.root)
    ended = charbench.ok("eval", "-c", "b_dpo", "-p", "remorseful", "--sampler", "recorded", "--scorer", "charm",
                         lab=two.root)  # fmt: skip
    assert "The headline is charm.charm: none of these samples has a score of keyword.keywords" in ended.err


def metric(name: str, first: int, role: str = "headline", threshold: float | None = 1) -> ScoredMetric:
    return ScoredMetric(name, name, role, threshold, first)


@pytest.mark.parametrize(
    ("metrics", "chosen"),
    [
        ([], None),
        ([metric("a", 2), metric("b", 1)], "b"),
        ([metric("a", 1, threshold=None), metric("b", 2)], "b"),
        ([metric("a", 1, role="detail"), metric("b", 2, threshold=None)], "b"),
        ([metric("a", 1, role="detail", threshold=None), metric("b", 2, role="health")], "a"),
        ([metric("a", 1, role="health")], None),
    ],
)
def test_the_headline_is_the_first_scored_that_says_yes_or_no(metrics: list[ScoredMetric], chosen: str | None) -> None:
    for given in (metrics, metrics[::-1]):
        found = choose_headline(given)
        assert (found.scorer if found else None) == chosen
