"""Scores and games that somebody was asked for are kept when PostgreSQL restarts while they are stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from support.command import Charbench, finish, start
from support.lab import LabBuilder
from support.pair_judges import contest
from support.plugins import Site
from support.store import assert_totals_equal_recount, connect, count, query

pytestmark = pytest.mark.peer

PROMPTS = 8
PLUGIN = '''
from pathlib import Path

from charbench import Comparison, Metric, PairScorer, Score, Scorer, hookimpl


def paid(*samples):
    with Path("asked.txt").open("a") as file:
        file.write(" ".join(sorted(sample.key for sample in samples)) + "\\n")


class Bought(Scorer):
    """Asks somebody who keeps no answers."""

    name = "bought"
    metrics = (Metric("length", range=(0, 1000), aggregate="mean"),)

    async def score(self, sample, persona):
        paid(sample)
        return [Score("length", channel, len(text)) for channel, text in sample.channels()]


class BoughtAtOnce(Scorer):
    """Asks in a plain method, and says what that costs."""

    name = "bought-at-once"
    metrics = (Metric("length", range=(0, 1000), aggregate="mean"),)

    def expected_calls(self, samples, persona):
        return []

    def score(self, sample, persona):
        paid(sample)
        return [Score("length", channel, len(text)) for channel, text in sample.channels()]


class BoughtPairs(PairScorer):
    """The longer response wins."""

    name = "bought-pairs"

    async def compare(self, first, second, persona):
        paid(first, second)
        return Comparison(float(len(first.response) > len(second.response)))


@hookimpl
def charbench_scorers():
    return [Bought, BoughtAtOnce, BoughtPairs]
'''


def waiting_for_a_lock(store: str) -> bool:
    waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    return bool(query(store, waiting))


@pytest.mark.parametrize(
    ("scorer", "table", "told"),
    [
        ("bought", "scored", "samples' scores"),
        ("bought-at-once", "scored", "samples' scores"),
        ("bought-pairs", "games", "games"),
    ],
)
def test_what_a_scorer_was_paid_for_is_kept_when_the_server_restarts_while_it_is_stored(
    charbench: Charbench,
    site: Site,
    lab: LabBuilder,
    store: str,
    pg_ctl: Callable[..., object],
    scorer: str,
    table: str,
    told: str,
) -> None:
    contest(lab, range(3), prompts=PROMPTS, text=lambda which, _, prompt: "word " * (1 + which) + str(prompt))
    site.install("charbench-bought", PLUGIN)
    command = ["run", "--source", "recorded", "-q", "--scorer", scorer, "--store", store]
    charbench.ok("discover", "--source", "recorded", "--store", store, lab=lab.root)  # the store's tables are there
    blocker = connect(store).connect()
    blocker.exec_driver_sql(f"LOCK TABLE {table} IN EXCLUSIVE MODE")
    process = start(*command, lab=lab.root, env=site.env)
    while not waiting_for_a_lock(store):  # until a transaction of the run has begun and cannot end
        assert process.poll() is None, process.communicate()
    pg_ctl("-m", "immediate", "restart")
    blocker.invalidate()
    blocker.close()
    ended = finish(process)
    assert ended.code == 1
    assert "saved in" in ended.err
    assert "it reads that first" in ended.err
    assert "Traceback" not in ended.err
    assert count(store, table) == 0
    before = asked(lab.root)
    assert before
    again = charbench.ok(*command, lab=lab.root)
    assert f"{sum(before.values())} {told} that the store did not have" in again.err
    assert set(asked(lab.root).values()) == {1}, "something was paid for twice"
    assert count(store, table) == len(asked(lab.root))
    assert_totals_equal_recount(store)
    assert not list(lab.root.rglob("*.recovered-*"))
    charbench.ok(*command, lab=lab.root)
    assert set(asked(lab.root).values()) == {1}


def asked(folder: Path) -> Counter[str]:
    """Return how often each sample, or pair of samples, was paid for."""
    return Counter((folder / "asked.txt").read_text().splitlines())
