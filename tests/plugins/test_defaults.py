"""Samplers and scorers declare themselves the default; the core names none."""

from __future__ import annotations

import pytest

from support.command import Charbench
from support.lab import LabBuilder, row
from support.plugins import SHOUTING, Site
from support.store import query, store_of

SCORERS = "SELECT DISTINCT scorer FROM scorings ORDER BY scorer"


def scorers_of(lab: LabBuilder) -> list[str]:
    return [name for (name,) in query(store_of(lab.root), SCORERS)]


@pytest.mark.slow
def test_without_scorers_those_that_are_defaults_are_used(charbench: Charbench, site: Site, lab: LabBuilder) -> None:
    lab.recorded([row()])
    site.install(
        "charbench-shouting", SHOUTING.replace('name = "shouting"', 'name = "shouting"\n    is_default = True')
    )
    site.install("charbench-quiet", SHOUTING.replace('name = "shouting"', 'name = "quiet"'))
    charbench.ok("run", lab=lab.root)
    assert scorers_of(lab) == ["identity-leak", "keyword", "refusal", "repetition", "shouting"]
    listed = charbench.ok("plugins", "list", "--json", lab=lab.root).json["plugins"]
    defaults = {one["name"] for plugin in listed for one in plugin["components"] if one["is_default"]}
    assert defaults == {"recorded", "classifier", "keyword", "refusal", "identity-leak", "repetition", "shouting"}


def test_blocking_a_default_scorer_leaves_the_others(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded([row()])
    charbench.ok("run", "--no-plugin", "keyword", lab=lab.root)
    assert scorers_of(lab) == ["identity-leak", "refusal", "repetition"]


def test_without_any_default_the_error_says_what_to_name(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded([row()])
    ended = charbench("run", "--no-plugin", "recorded", lab=lab.root)
    assert ended.code == 2
    assert "no installed sampler is a default; name one with --sampler NAME" in ended.err


@pytest.mark.slow
def test_a_broken_plugin_is_reported_where_defaults_are_used(charbench: Charbench, site: Site, lab: LabBuilder) -> None:
    lab.recorded([row()])
    site.install("charbench-fog", "raise ValueError('lost in fog')")
    warned = charbench.ok("run", lab=lab.root).err
    assert "warning: plugin charbench-fog (from charbench-fog 1.0) is broken: ValueError: lost in fog" in warned
    named = charbench.ok("run", "--sampler", "recorded", "--scorer", "keyword", lab=lab.root).err
    assert "charbench-fog" not in named
