"""A plugin's code that changes, on a real PostgreSQL: the same as on SQLite."""

from __future__ import annotations

import pytest

from support.command import Charbench
from support.edited_plugin import FREE, PAID, EditedPlugin
from support.lab import LabBuilder
from support.plugins import Site
from support.store import query

pytestmark = pytest.mark.peer


def test_free_scores_are_made_anew_and_a_judges_stay_until_asked_for(
    charbench: Charbench, site: Site, lab: LabBuilder, store: str
) -> None:
    plugin = EditedPlugin(charbench, site, lab, "--store", store)
    plugin.record(*range(5))
    plugin.edit(5, FREE)
    assert plugin.added(plugin.run()) == 10
    plugin.edit(50, FREE)
    assert plugin.added(plugin.run()) == 10
    assert plugin.rates() == [1, 0]
    plugin.edit(60, PAID)
    assert plugin.added(plugin.run()) == 0
    assert "Old scores" in plugin("report").err
    assert plugin.added(plugin("score", "--scorer", "long", "--rescore", "--json")) == 10
    assert len({row.version for row in query(store, "SELECT version FROM scorings")}) == 3
    ask = ("eval", "-c", "echo:a", "-p", "pirate", "--scorer", "long", "--json")
    plugin(*ask)
    plugin.edit(61, PAID)
    assert plugin.added(plugin(*ask), "samples") == 0
    assert "Sampler echo took these samples before its code changed" in plugin("report", "-p", "pirate").err
