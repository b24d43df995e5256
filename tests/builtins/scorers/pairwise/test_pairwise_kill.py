"""``kill -9`` and Ctrl-C in the middle of the games, and two runs at once: no game is lost or played twice."""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path

import pytest

from support.command import finish, in_process_of_its_own, start
from support.endpoint import Endpoint
from support.lab import LabBuilder
from support.pair_judges import PairJudge, comparing, contest, read_pair
from support.store import count, query, store_of

CONTROLS = 32
"""Requests to test a judge that is never wrong."""
GAMES = 6 * 10 // 2


@pytest.fixture
def words(lab: LabBuilder, endpoint: Endpoint) -> list[str]:
    """A run of 30 games, 4 requests at a time."""
    contest(lab, range(6), prompts=6)
    judge = PairJudge(seconds=0.02)
    return ["run", "--source", "recorded", "-q", "--json", *comparing(endpoint, judge, concurrency=4, games=10)]


def asked_of_candidates(endpoint: Endpoint) -> Counter[tuple[str, str]]:
    pairs = [read_pair(body) for body in endpoint.requests]
    return Counter((pair.a, pair.b) for pair in pairs if not pair.is_canary)


def assert_each_game_once(lab: Path, number: int = GAMES) -> None:
    rows = query(store_of(lab), "SELECT first_id, second_id, result FROM games")
    assert number <= len(rows) <= number + 1
    assert len({frozenset(row[:2]) for row in rows}) == len(rows)
    assert all(row.result in (0, 1) for row in rows)
    assert count(store_of(lab), "claims") == 0


@pytest.mark.slow
def test_a_killed_run_asks_again_only_for_what_was_under_way(
    lab: LabBuilder, endpoint: Endpoint, words: list[str]
) -> None:
    process = start(*words, lab=lab.root)
    assert endpoint.wait_for(CONTROLS + 20, gone=lambda: process.poll() is not None)
    process.kill()
    process.communicate()
    before = count(store_of(lab.root), "games")
    assert 0 < before < GAMES
    ended = in_process_of_its_own(*words, lab=lab.root)
    assert ended.code == 0, ended.err
    assert_each_game_once(lab.root)
    again = sum(times - 1 for times in asked_of_candidates(endpoint).values())
    assert again <= 4


@pytest.mark.slow
def test_ctrl_c_finishes_what_is_under_way_and_the_next_run_goes_on(
    lab: LabBuilder, endpoint: Endpoint, words: list[str]
) -> None:
    process = start(*words, lab=lab.root)
    assert endpoint.wait_for(CONTROLS + 12, gone=lambda: process.poll() is not None)
    process.send_signal(signal.SIGINT)
    stopped = finish(process)
    assert stopped.code == 130
    assert 0 < count(store_of(lab.root), "games") < GAMES
    assert count(store_of(lab.root), "claims") == 0
    assert in_process_of_its_own(*words, lab=lab.root).code == 0
    assert_each_game_once(lab.root)
    assert max(asked_of_candidates(endpoint).values()) == 1


@pytest.mark.slow
def test_ctrl_c_does_not_wait_for_the_round(lab: LabBuilder, endpoint: Endpoint) -> None:
    contest(lab, range(16), prompts=2)
    judge = PairJudge(seconds=0.1)
    process = start("run", "--source", "recorded", "-q", *comparing(endpoint, judge, concurrency=1), lab=lab.root)
    assert endpoint.wait_for(
        CONTROLS + 1, gone=lambda: process.poll() is not None
    )  # the round has 8 games, 16 requests
    process.send_signal(signal.SIGINT)
    assert finish(process).code == 130
    assert sum(asked_of_candidates(endpoint).values()) <= 6


@pytest.mark.slow
def test_two_runs_at_once_play_no_game_twice(lab: LabBuilder, endpoint: Endpoint, words: list[str]) -> None:
    both = [start(*words, lab=lab.root) for _ in range(2)]
    assert [finish(process).code for process in both] == [0, 0]
    assert_each_game_once(lab.root)
    assert max(asked_of_candidates(endpoint).values()) == 1
