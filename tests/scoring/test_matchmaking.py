"""The schedule of games: who meets whom on which prompt, whatever came out, and when it ends."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charbench.scoring.matchmaking import Pairing, Pool, Schedule
from charbench.store.games import Entrant

EVERY = range(10)
ALL = 10**6


def pool(*prompts: range, epochs: int = 1, seed: str = "seed", uri: str = "uri-{}") -> Pool:
    """Return a checkpoint for each range of prompts that it answered; its sample's number says all of it."""
    return Pool(
        [
            Entrant(uri.format(who), {(f"p{p}", e): 10_000 * who + 10 * p + e for p in asked for e in range(epochs)})
            for who, asked in enumerate(prompts)
        ],
        seed,
    )


def meets(pairing: Pairing) -> frozenset[int]:
    return frozenset((pairing.first_id // 10_000, pairing.second_id // 10_000))


def ids(dealt: list[Pairing]) -> list[tuple[int, int]]:
    return [(one.first_id, one.second_id) for one in dealt]


def dealt(entrants: Pool, wanted: int, played: list[tuple[int, int]] | None = None) -> list[Pairing]:
    return Schedule(entrants, played or [], wanted).next(ALL)


def times(games: list[Pairing]) -> Counter[int]:
    return Counter(side for one in games for side in meets(one))


def test_every_game_is_on_one_prompt_and_epoch_and_none_is_played_twice() -> None:
    games = dealt(pool(EVERY, EVERY, EVERY, EVERY, epochs=2), 30)
    assert all(one.first_id % 10_000 == one.second_id % 10_000 for one in games)
    assert len({frozenset((one.first_id, one.second_id)) for one in games}) == len(games)


@pytest.mark.parametrize("count", [2, 3, 4, 7, 12])
@pytest.mark.parametrize("wanted", [1, 5, 9])
def test_each_checkpoint_gets_its_games_and_hardly_more(count: int, wanted: int) -> None:
    each = times(dealt(pool(*[EVERY] * count), wanted))
    assert all(each[number] >= wanted for number in range(count))
    assert sum(each.values()) <= count * wanted + 1


def test_each_two_meet_about_equally_often_and_no_answer_is_used_twice_before_all_are() -> None:
    games = dealt(pool(*[range(30)] * 12), 30)
    met = Counter(meets(one) for one in games)
    assert {met[frozenset(pair)] for pair in combinations(range(12), 2)} <= {1, 2, 3, 4}  # on average 2.7
    assert set(Counter(side for one in games for side in (one.first_id, one.second_id)).values()) == {1}


def test_each_is_the_first_as_often_as_the_second() -> None:
    lead = Counter(side // 10_000 for one in dealt(pool(*[range(30)] * 20), 30) for side in [one.first_id])
    assert all(14 <= lead[number] <= 16 for number in range(20))


def test_where_prompts_are_many_the_games_are_on_all_of_them() -> None:
    games = dealt(pool(*[range(60)] * 20), 10)
    assert len({one.first_id % 10_000 // 10 for one in games}) > 40


def test_a_pair_uses_every_prompt_once_before_one_again() -> None:
    prompts = Counter(one.first_id % 10_000 // 10 for one in dealt(pool(range(4), range(4), epochs=3), 7))
    assert sorted(prompts.values()) == [1, 2, 2, 2]


def test_it_ends_where_no_prompt_is_shared_any_more() -> None:
    games = dealt(pool(range(6), range(4, 10), range(20, 30)), 30)
    assert {meets(one) for one in games} == {frozenset((0, 1))}
    assert {one.first_id % 10_000 // 10 for one in games} == {4, 5}


def test_games_of_others_are_not_theirs() -> None:
    schedule = Schedule(pool(EVERY, EVERY), [(20, 10_020), (30, 70_030)], 100)
    assert schedule.games.tolist() == [1, 1]
    games = schedule.next(100)
    assert len(games) == 9
    assert all({one.first_id, one.second_id} != {20, 10_020} for one in games)


def test_what_failed_is_left_out_and_does_not_count() -> None:
    schedule = Schedule(pool(EVERY, EVERY), [], 100, [Pairing(30, 10_030)])
    assert schedule.games.tolist() == [0, 0]
    games = schedule.next(100)
    assert len(games) == 9
    assert all({one.first_id, one.second_id} != {30, 10_030} for one in games)


def test_a_schedule_goes_on_from_call_to_call() -> None:
    whole = dealt(pool(*[EVERY] * 5), 9)
    schedule = Schedule(pool(*[EVERY] * 5), [], 9)
    parts: list[Pairing] = []
    while part := schedule.next(4):
        assert len(part) <= 4
        parts += part
    assert parts == whole


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_what_an_interrupted_run_left_out_is_what_the_next_one_plays(data: st.DataObject) -> None:
    count, wanted, epochs = data.draw(st.tuples(st.integers(2, 9), st.integers(1, 10), st.integers(1, 2)))
    entrants = pool(*[EVERY] * count, epochs=epochs)
    whole = dealt(entrants, wanted)
    reached = data.draw(st.integers(0, len(whole)))
    in_flight = data.draw(st.lists(st.booleans(), min_size=reached, max_size=reached))
    # The last batch of games was under way: any of them may have been lost.
    batch = max(1, count // 2)
    done = [one for n, one in enumerate(whole[:reached]) if n < reached - batch or in_flight[n]]
    again = dealt(entrants, wanted, ids(done))
    lost = {frozenset(game) for game in ids(whole)} - {frozenset(game) for game in ids(done + again)}
    assert all(times(done + again)[number] >= wanted for number in range(count))
    # Of an odd number, somebody plays a game more than wanted, and that may be somebody else.
    assert abs(len(done) + len(again) - len(whole)) <= count % 2
    assert not lost or count % 2


def test_newcomers_get_their_games_against_everybody() -> None:
    before = dealt(pool(*[range(30)] * 10), 30)
    added = dealt(pool(*[range(30)] * 14), 30, ids(before))
    each = times(added)
    assert all(each[number] in (30, 31) for number in range(10, 14))
    met = Counter(meets(one) for one in added)
    assert all(met[frozenset((new, other))] in (2, 3) for new in range(10, 14) for other in range(14) if other != new)


def test_more_games_go_on_evenly() -> None:
    before = dealt(pool(*[range(30)] * 8), 10)
    added = dealt(pool(*[range(30)] * 8), 21, ids(before))
    assert set(times(added).values()) == {11}
    met = Counter(meets(one) for one in before + added)
    assert {met[frozenset(pair)] for pair in combinations(range(8), 2)} <= {1, 2, 3, 4}  # on average 3


def test_another_seed_deals_other_games_and_a_port_does_not() -> None:
    urls = [f"http://localhost:{port}/v1/{{}}" for port in (8000, 50123)]
    one, other = (ids(dealt(pool(*[EVERY] * 6, uri=url), 5)) for url in urls)
    assert one == other
    assert one != ids(dealt(pool(*[EVERY] * 6, uri=urls[0], seed="another"), 5))


@pytest.mark.parametrize("games", [30, 60])
def test_games_that_were_chosen_otherwise_count_and_the_rest_is_dealt_evenly(games: int) -> None:
    rng = np.random.default_rng(1)
    old = [
        (10_000 * a + 10 * p, 10_000 * b + 10 * p) for p in range(30) for a, b in [rng.choice(6, 2, replace=False)] * 3
    ]
    old = list(dict.fromkeys(old))
    schedule = Schedule(pool(*[range(30)] * 6), old, games)
    needs = np.maximum(0, games - schedule.games)
    each = times(schedule.next(ALL))
    assert all(needs[number] <= each[number] <= needs[number] + 5 for number in range(6))
