"""The draw of games: who meets whom on which prompt, and when it ends."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from charbench.scoring.matchmaking import Draw, Pairing, Played, Pool
from charbench.store.games import Entrant

EVERY = range(10)


def pool(*prompts: range, epochs: int = 1) -> Pool:
    """Return a checkpoint for each range of prompts that it answered; its sample's number says all of it."""
    return Pool(
        [
            Entrant(f"uri-{who}", {(f"p{p}", e): 10_000 * who + 10 * p + e for p in asked for e in range(epochs)})
            for who, asked in enumerate(prompts)
        ]
    )


def meets(pairing: Pairing) -> frozenset[int]:
    return frozenset((pairing.first_id // 10_000, pairing.second_id // 10_000))


def play_out(entrants: Pool, wanted: int, most: int = 4, out: list[Pairing] | None = None) -> list[Pairing]:
    """Play until nothing is drawn any more; the one of the greater number wins."""
    played: list[Played] = []
    drawn: list[Pairing] = []
    while batch := Draw(entrants, played, out or [], "seed").next(wanted, most):
        assert len(batch) <= most
        drawn += batch
        played += [(one.first_id, one.second_id, float(one.first_id > one.second_id)) for one in batch]
    return drawn


def test_every_game_is_on_one_prompt_and_epoch_and_none_is_played_twice() -> None:
    drawn = play_out(pool(EVERY, EVERY, EVERY, EVERY, epochs=2), 30)
    assert all(one.first_id % 10_000 == one.second_id % 10_000 for one in drawn)
    assert len({frozenset((one.first_id, one.second_id)) for one in drawn}) == len(drawn)


@pytest.mark.parametrize("count", [2, 3, 4, 7, 12])
@pytest.mark.parametrize("wanted", [1, 5, 9])
def test_each_checkpoint_gets_its_games_and_hardly_more(count: int, wanted: int) -> None:
    drawn = play_out(pool(*[EVERY] * count), wanted)
    times = Counter(side for one in drawn for side in meets(one))
    assert all(times[number] >= wanted for number in range(count))
    assert sum(times.values()) <= count * wanted + 1


def test_a_pair_uses_every_prompt_once_before_one_again() -> None:
    drawn = play_out(pool(range(4), range(4), epochs=3), 7, most=1)
    prompts = Counter(one.first_id % 10_000 // 10 for one in drawn)
    assert sorted(prompts.values()) == [1, 2, 2, 2]


def test_it_ends_where_no_prompt_is_shared_any_more() -> None:
    drawn = play_out(pool(range(6), range(4, 10), range(20, 30)), 30)
    assert {meets(one) for one in drawn} == {frozenset((0, 1))}
    assert {one.first_id % 10_000 // 10 for one in drawn} == {4, 5}


def test_games_of_others_and_games_that_could_not_be_told_are_not_wins() -> None:
    entrants = pool(EVERY, EVERY)
    played: list[Played] = [(20, 10_020, None), (30, 70_030, 1.0)]
    draw = Draw(entrants, played, [], "seed")
    assert draw.games.tolist() == [1, 1]
    assert all({one.first_id, one.second_id} != {20, 10_020} for one in draw.next(100, 100))


def test_what_failed_is_left_out_and_does_not_count() -> None:
    failed = Pairing(30, 10_030)
    draw = Draw(pool(EVERY, EVERY), [], [failed], "seed")
    assert draw.games.tolist() == [0, 0]
    drawn = draw.next(100, 100)
    assert len(drawn) == 9
    assert all({one.first_id, one.second_id} != {30, 10_030} for one in drawn)


def test_a_batch_is_more_than_a_round_where_checkpoints_are_few() -> None:
    drawn = Draw(pool(EVERY, EVERY, EVERY), [], [], "seed").next(30, 16)
    assert len(drawn) == 16
    assert len({meets(one) for one in drawn}) == 3


def test_who_is_the_first_is_even_and_the_same_whenever_two_meet() -> None:
    entrants = pool(*[EVERY] * 12)
    drawn = play_out(entrants, 40)
    first_is_lower = np.mean([one.first_id < one.second_id for one in drawn])
    assert 0.35 < first_is_lower < 0.65
    again = {one for seed in "abcdef" for one in Draw(entrants, [], [], seed).next(40, 60)}
    assert len({frozenset((one.first_id, one.second_id)) for one in again}) == len(again)


def test_another_seed_deals_other_games() -> None:
    entrants = pool(*[EVERY] * 6)
    one, same, other = (set(Draw(entrants, [], [], seed).next(5, 9)) for seed in ("a", "a", "b"))
    assert one == same
    assert one != other


def test_checkpoints_of_like_strength_meet_more_often() -> None:
    drawn = play_out(pool(*[range(60)] * 8), 40, most=4)
    meetings = Counter(meets(one) for one in drawn)
    near = np.mean([meetings[frozenset(pair)] for pair in combinations(range(8), 2) if pair[1] - pair[0] == 1])
    far = np.mean([meetings[frozenset(pair)] for pair in combinations(range(8), 2) if pair[1] - pair[0] >= 4])
    assert near > far
