"""Code of a plugin that changes: what it has made is not taken for what today's code makes, and the user is told."""

from __future__ import annotations

import importlib
import sys

import pytest

from support.command import Charbench, Ended
from support.lab import LabBuilder, row, sampler
from support.plugins import Site
from support.store import change, count, query, store_of

CODE = '''
from charbench import Channel, Comparison, Completion, Metric, PairScorer, Sampler, Score, Scorer, hookimpl

LEAST = {least}


class Long(Scorer):
    """Whether a text is long."""

    name = "long"
    metrics = (Metric("long", range=(0, 1), role="headline", threshold=1),)

    {form}def score(self, sample, persona):
        {body}


class Longer(PairScorer):
    """The longer response wins."""

    name = "longer"

    def compare(self, first, second, persona):
        return Comparison(float(len(first.response) > len(second.response)))


class Echo(Sampler):
    """Says what was asked."""

    name = "echo"
    costs_money = False

    def accepts(self, checkpoint):
        return checkpoint.uri.startswith("echo:")

    def sample(self, request):
        return Completion(text="so long " * LEAST)


@hookimpl
def charbench_scorers():
    return [Long, Longer]


@hookimpl
def charbench_samplers():
    return [Echo]
'''
SCORES = '[Score("long", channel, float(len(text) >= LEAST)) for channel, text in sample.channels()]'
FREE = {"form": "", "body": f"return {SCORES}"}
PAID = {"form": "async ", "body": f"return {SCORES}"}
TURNS_OUT_TO_WAIT = {"form": "", "body": f"async def given(): return {SCORES}\n        return given()"}
FAILS = {"form": "async ", "body": "raise RuntimeError('it is broken')"}
OLD = "Old scores: scorer long gave those of remorseful before its code changed"
DO = "charbench score --scorer long --rescore"


class Plugin:
    """An installed plugin, and the lab in which it is used."""

    def __init__(self, charbench: Charbench, site: Site, lab: LabBuilder) -> None:
        self._charbench, self._site, self.lab = charbench, site, lab
        site.install("mine", "")

    def edit(self, least: int, scorer: dict[str, str]) -> None:
        """Save another version of its module; the next command loads it."""
        (self._site.folder / "mine.py").write_text(CODE.format(least=least, **scorer) + "#" * least)
        sys.modules.pop("mine", None)
        importlib.invalidate_caches()

    def record(self, *prompts: int) -> None:
        """Let there be answers to these prompts, of two checkpoints: one's have 60 letters, the other's 10."""
        self.lab.recorded(
            row(checkpoint_name=name, sampler_path=sampler(number, name), prompt_id=str(n), prompt=f"Question {n}?",
                response=letter * length, thinking="")
            for number, (name, letter, length) in enumerate((("a_dpo", "x", 60), ("b_dpo", "y", 10)), 1)
            for n in prompts
        )  # fmt: skip

    def __call__(self, *words: str) -> Ended:
        return self._charbench.ok(*words, lab=self.lab.root)

    def run(self, *words: str) -> Ended:
        """Run with the scorer, and give the report as JSON."""
        return self("run", "--scorer", "long", "--json", *words)

    def rates(self) -> list[float]:
        """Return the trait rates of both checkpoints in the report."""
        rows = self("report", "--json").json["checkpoints"]
        return [one["trait_rate"] for one in sorted(rows, key=lambda one: one["checkpoint"])]

    def added(self, ended: Ended, what: str = "scores") -> int:
        number = ended.json["run"]["added"].get(what, 0)
        assert isinstance(number, int)
        return number


@pytest.fixture
def plugin(charbench: Charbench, site: Site, lab: LabBuilder) -> Plugin:
    plugin = Plugin(charbench, site, lab)
    plugin.record(*range(5))
    return plugin


def test_scores_that_cost_nothing_are_made_anew_and_going_back_finds_the_earlier_ones(plugin: Plugin) -> None:
    plugin.edit(5, FREE)
    assert plugin.added(plugin.run()) == 10
    assert plugin.rates() == [1, 1]
    plugin.edit(50, FREE)
    ended = plugin.run()
    assert plugin.added(ended) == 10
    assert "scorer long, persona remorseful: its code has changed: all samples are scored again" in ended.err
    assert plugin.rates() == [1, 0]
    assert plugin.added(again := plugin.run()) == 0
    assert "changed" not in again.err
    listed = plugin("report", "--list-settings").out
    assert len([line for line in listed.splitlines() if "long code " in line]) == 2
    plugin.edit(5, FREE)
    assert plugin.added(plugin.run()) == 0
    assert plugin.rates() == [1, 1]


def test_a_judges_scores_stay_shown_as_old_until_they_are_asked_for_again(plugin: Plugin) -> None:
    plugin.edit(5, PAID)
    plugin.run()
    plugin.edit(50, PAID)
    plugin.record(*range(7))
    ended = plugin.run()
    assert plugin.added(ended) == 0
    assert f"its code has changed since it scored, and 4 samples are left: {DO}" in ended.err
    assert ended.json["earlier_code"][0]["name"] == "long"
    assert plugin.rates() == [1, 1], "nothing that today's code gave is among them"
    for command in (("report",), ("compare", "a_dpo", "b_dpo"), ("status",)):
        told = plugin(*command)
        assert told.err.count(f"{OLD}; to score them by today's: {DO}") == 1, command
    assert not plugin("run", "--scorer", "long", "--dry-run").out.count("long")

    ended = plugin("score", "--scorer", "long", "--rescore", "--json")
    assert plugin.added(ended) == 14
    assert "scorer long: 14 samples to score; it does not say how many requests that takes." in ended.err
    assert plugin.rates() == [1, 0]
    assert OLD not in plugin("report").err
    assert plugin.added(plugin("score", "--scorer", "long", "--rescore", "--json")) == 0


def test_a_scorer_that_turns_out_to_wait_for_somebody_buys_nothing_again(plugin: Plugin) -> None:
    plugin.edit(5, TURNS_OUT_TO_WAIT)
    assert plugin.added(plugin.run()) == 10
    plugin.edit(50, TURNS_OUT_TO_WAIT)
    for _ in range(2):
        assert plugin.added(plugin.run()) == 0
    assert OLD in plugin("report").err
    assert plugin.added(plugin("score", "--scorer", "long", "--rescore", "--json")) == 10
    assert plugin.rates() == [1, 0]


def test_games_stay_until_they_are_asked_for_again(plugin: Plugin) -> None:
    plugin.edit(5, FREE)
    plugin("run", "--scorer", "longer", "-q")
    plugin.edit(50, FREE)
    plugin.record(*range(6))
    ended = plugin("run", "--scorer", "longer")
    assert "games are left: charbench score --scorer longer --rescore" in ended.err
    assert "Old scores: scorer longer gave those of remorseful" in ended.err
    assert count(store_of(plugin.lab.root), "games") == 5
    ended = plugin("score", "--scorer", "longer", "--rescore")
    assert "scorer longer: 6 games to score" in ended.err
    assert "Old scores" not in ended.err
    assert count(store_of(plugin.lab.root), "games") == 11


def test_a_judge_that_never_gave_a_score_is_asked_once_it_is_mended(plugin: Plugin, charbench: Charbench) -> None:
    plugin.edit(5, FAILS)
    assert charbench("run", "--scorer", "long", "-q", lab=plugin.lab.root).code == 1
    plugin.edit(5, PAID)
    assert plugin.added(plugin.run()) == 10
    assert "Old scores" not in plugin("report").err


def test_what_an_earlier_charbench_stored_counts_as_todays_and_changes_are_seen_from_then_on(plugin: Plugin) -> None:
    plugin.edit(5, PAID)
    plugin.run()
    store = store_of(plugin.lab.root)
    keys = query(store, "SELECT key FROM scorings")
    change(store, "UPDATE scorings SET version = NULL")
    plugin.edit(6, PAID)
    assert plugin.added(plugin.run()) == 0
    assert query(store, "SELECT key FROM scorings") == keys
    assert OLD not in plugin("report").err
    plugin.edit(50, PAID)
    assert plugin.added(plugin.run()) == 0
    assert OLD in plugin("report").err


def test_samples_of_an_earlier_samplers_code_stay_and_the_report_says_so(plugin: Plugin) -> None:
    plugin.edit(5, FREE)
    ask = ("eval", "-c", "echo:a", "-p", "pirate", "--scorer", "long", "--json")
    assert plugin.added(plugin(*ask), "samples") == 5
    store = store_of(plugin.lab.root)
    change(store, "UPDATE samplings SET version = NULL")  # as an earlier charbench left it
    assert plugin.added(plugin(*ask), "samples") == 0
    plugin.edit(6, FREE)
    assert plugin.added(plugin(*ask), "samples") == 0
    report = ("report", "-p", "pirate")
    assert "Sampler echo took these samples before its code changed; they stay." in plugin(*report).err
    assert plugin.added(plugin(*ask, "--epochs", "2"), "samples") == 5
    assert "Sampler echo took some of these samples before its code changed" in plugin(*report).err
