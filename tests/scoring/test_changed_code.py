"""Code of a plugin that changes: what it has made is not taken for what today's code makes, and the user is told."""

from __future__ import annotations

import pytest

from support.command import Charbench
from support.edited_plugin import FAILS, FREE, PAID, TURNS_OUT_TO_WAIT, EditedPlugin
from support.lab import LabBuilder
from support.plugins import Site
from support.store import change, count, query, store_of

OLD = "Old scores: scorer long gave those of remorseful before its code changed"
DO = "charbench score --scorer long --rescore"


@pytest.fixture
def plugin(charbench: Charbench, site: Site, lab: LabBuilder) -> EditedPlugin:
    plugin = EditedPlugin(charbench, site, lab)
    plugin.record(*range(5))
    return plugin


def test_scores_that_cost_nothing_are_made_anew_and_going_back_finds_the_earlier_ones(plugin: EditedPlugin) -> None:
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


def test_a_judges_scores_stay_shown_as_old_until_they_are_asked_for_again(plugin: EditedPlugin) -> None:
    plugin.edit(5, PAID)
    plugin.run()
    plugin.edit(50, PAID)
    plugin.record(*range(7))
    ended = plugin.run()
    assert plugin.added(ended) == 0
    assert f"its code has changed since it scored, and 4 samples are left: {DO}" in ended.err
    assert ended.json["earlier_code"][0]["name"] == "long"
    assert plugin.rates() == [1, 1], "nothing that today's code gave is among them"
    for command in (("report",), ("compare", "a_dpo", "b_dpo"), ("verdict",), ("status",)):
        told = plugin(*command)
        assert told.err.count(f"{OLD}; to score them by today's: {DO}") == 1, command
    assert not plugin("run", "--scorer", "long", "--dry-run").out.count("long")

    ended = plugin("score", "--scorer", "long", "--rescore", "--json")
    assert plugin.added(ended) == 14
    assert "scorer long: 14 samples to score; it does not say how many requests that takes." in ended.err
    assert plugin.rates() == [1, 0]
    assert OLD not in plugin("report").err
    assert plugin.added(plugin("score", "--scorer", "long", "--rescore", "--json")) == 0


@pytest.mark.slow
def test_a_scorer_that_turns_out_to_wait_for_somebody_buys_nothing_again(plugin: EditedPlugin) -> None:
    plugin.edit(5, TURNS_OUT_TO_WAIT)
    assert plugin.added(plugin.run()) == 10
    plugin.edit(50, TURNS_OUT_TO_WAIT)
    for _ in range(2):
        assert plugin.added(plugin.run()) == 0
    assert OLD in plugin("report").err
    assert plugin.added(plugin("score", "--scorer", "long", "--rescore", "--json")) == 10
    assert plugin.rates() == [1, 0]


@pytest.mark.slow
def test_games_stay_until_they_are_asked_for_again(plugin: EditedPlugin) -> None:
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


def test_a_judge_that_never_gave_a_score_is_asked_once_it_is_mended(plugin: EditedPlugin, charbench: Charbench) -> None:
    plugin.edit(5, FAILS)
    assert charbench("run", "--scorer", "long", "-q", lab=plugin.lab.root).code == 1
    plugin.edit(5, PAID)
    assert plugin.added(plugin.run()) == 10
    assert "Old scores" not in plugin("report").err


def test_what_an_earlier_charbench_stored_counts_as_todays_and_changes_are_seen_later(
    plugin: EditedPlugin,
) -> None:
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


def test_samples_of_an_earlier_samplers_code_stay_and_the_report_says_so(plugin: EditedPlugin) -> None:
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


@pytest.mark.slow
def test_a_change_that_does_not_matter_keeps_the_scores_and_scores_the_rest(plugin: EditedPlugin) -> None:
    plugin.edit(5, PAID)
    plugin.run()
    plugin.edit(6, PAID)
    plugin.record(*range(7))
    plugin.run()
    assert plugin.added(plugin("score", "--scorer", "long", "--keep-scores", "--json")) == 4
    assert "Old scores" not in plugin("report").err
    plugin.edit(5, PAID)
    assert plugin.added(plugin.run()) == 0
    assert "Old scores" not in plugin("report").err, "both versions of the code count as one"


@pytest.mark.slow
def test_what_was_measured_of_earlier_code_is_forgotten(plugin: EditedPlugin) -> None:
    plugin.edit(5, FREE)
    plugin.run()
    plugin("personas", "measure", "remorseful", "--scorer", "long")
    assert plugin("report", "--json").json["measured"]["remorseful"]["found"] > 0
    plugin.edit(50, FREE)
    assert plugin.run().json["measured"] == {"remorseful": None}


@pytest.mark.slow
def test_a_setting_that_was_noted_is_found_after_the_code_and_the_options_of_its_scorer_have_changed(
    plugin: EditedPlugin,
) -> None:
    words = ("run", "--scorer", "long", "--scorer", "keyword", "--json")
    plugin.edit(5, PAID)
    plugin(*words)
    (noted,) = (one["id"] for one in plugin("report", "--list-settings", "--json").json)
    before = plugin("report", "--json").json["checkpoints"]
    plugin.edit(50, PAID)
    plugin(*words)
    for remark in ("one", "two"):
        plugin(*words, "-o", f"scorer.long.remark={remark}")
    shown = plugin("report", "--setting", noted, "--json").json
    assert [one["trait_rate"] for one in shown["checkpoints"]] == [one["trait_rate"] for one in before]
    assert shown["settings"]["remorseful"]["id"] == noted


@pytest.mark.slow
def test_an_id_without_results_is_answered_with_what_became_of_them_and_with_the_ids_there_are(
    plugin: EditedPlugin, charbench: Charbench
) -> None:
    plugin.edit(5, PAID)
    plugin.run()
    (noted,) = (one["id"] for one in plugin("report", "--list-settings", "--json").json)
    plugin.lab.write("q.txt", "And you?\n")
    plugin("forget", "--run", "1", "--yes")
    plugin("eval", "-c", "echo:me", "-p", "remorseful", "--sampler", "echo", "--prompts", "q.txt")
    (other,) = (one["id"] for one in plugin("report", "--list-settings", "--json").json)
    ended = charbench("report", "--setting", noted, lab=plugin.lab.root)
    assert ended.code == 2
    assert f"no setting named '{noted}' (choose from {other}): its samples are out of reports" in ended.err
    assert "removed: run 1;" in ended.err
    unknown = charbench("report", "--setting", "000000", lab=plugin.lab.root).err
    assert f"no setting named '000000' (choose from {other}): the store has no samples and scores" in unknown
