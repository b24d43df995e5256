"""Who wins against whom: strengths of checkpoints from the games that a pair scorer judged."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import Connection

from charbench.components.sampler import DEFAULT_CONDITION
from charbench.domain.keys import digest
from charbench.store.results import GameResult, game_results
from charbench.store.summaries import GroupTotals, group_totals

if TYPE_CHECKING:
    from charbench.analysis.clustered_rates import ClusteredRate
    from charbench.analysis.strengths import Strength


_WHO = ("checkpoint", "uri", "kind")


@dataclass(frozen=True, slots=True)
class Player:
    """One checkpoint: its tier, its strength, that at equal length, and how its games ended."""

    tier: int
    uri: str
    name: str
    kind: str
    strength: Strength
    controlled: Strength
    games: int
    won: int
    tied: int
    lost: int


@dataclass(frozen=True, slots=True)
class Contest:
    """The checkpoints that played each other for one persona under one scorer and sampling, the strongest first.

    ``at_equal_length`` says which strengths rank and make tiers: those at equal length, else the plain ones.
    ``length`` is the coefficient of length with its interval; ``untold`` games have no result; ``rough``: too few
    prompts to rely on the intervals; ``flipped`` of ``both_orders`` verdicts changed with the order; ``first`` is the
    share of decided verdicts that took what was shown first (NaN where no judge was asked); ``flags`` are texts that
    talk to the judge, and the like.
    """

    scorer: str
    persona: str
    sampler: str
    players: list[Player]
    at_equal_length: bool
    length: tuple[float, float, float]
    games: int
    untold: int
    prompts: int
    rough: bool
    flipped: int
    both_orders: int
    first: ClusteredRate
    decided: int
    flags: int


def contests(connection: Connection, personas: Sequence[str] = (), checkpoints: Sequence[str] = ()) -> list[Contest]:
    """Return the contests that the store holds, by persona, scorer and sampler.

    ``checkpoints`` limits them to these URIs and names: strengths are then from the games among them.
    """
    groups = {
        group.id: group
        for group in group_totals(connection)
        if group.condition == DEFAULT_CONDITION
        if not checkpoints or group.uri in checkpoints or group.name in checkpoints
    }
    pools: dict[tuple[str, str, str, str], list[GameResult]] = {}
    for game in game_results(connection, sorted(groups)):
        if not personas or game.persona in personas:
            group = groups[game.first]
            pools.setdefault((game.persona, game.scorer, group.sampler, digest(group.params)), []).append(game)
    return [_contest(played, groups) for _, played in sorted(pools.items())]


def _contest(played: Sequence[GameResult], groups: dict[int, GroupTotals]) -> Contest:
    from charbench.analysis.clustered_rates import clustered_rate  # numpy is for those who have games
    from charbench.analysis.clusters import ENOUGH_CLUSTERS
    from charbench.analysis.ranking import ranking
    from charbench.analysis.strengths import Game

    numbers = sorted({side for game in played for side in (game.first, game.second)}, key=lambda id_: groups[id_].uri)
    at = {group_id: number for number, group_id in enumerate(numbers)}
    told = [
        Game(at[game.first], at[game.second], game.result, game.prompt, float(game.longer))
        for game in played
        if game.result is not None
    ]
    found = ranking(told, len(numbers))
    ends = [_ends(told, number) for number in range(len(numbers))]
    takes = [
        (1.0 if n < game.first_wins else 0.0, game.prompt) for game in played for n in range(game.decided)
    ]  # one for each verdict
    return Contest(
        scorer=played[0].scorer,
        persona=played[0].persona,
        sampler=groups[numbers[0]].sampler,
        players=[
            Player(
                found.tiers[number],
                groups[numbers[number]].uri,
                groups[numbers[number]].name,
                groups[numbers[number]].kind,
                found.strengths[number],
                found.controlled.strengths[number],
                sum(ends[number]),
                *ends[number],
            )
            for number in found.order
        ],
        at_equal_length=found.controlled.matters,
        length=(found.controlled.coefficient, found.controlled.low, found.controlled.high),
        games=len(played),
        untold=len(played) - len(told),
        prompts=found.prompts,
        rough=found.prompts < ENOUGH_CLUSTERS,
        flipped=sum(game.flips for game in played),
        both_orders=sum(game.both_orders for game in played),
        first=clustered_rate([take for take, _ in takes], [prompt for _, prompt in takes]),
        decided=len(takes),
        flags=sum(game.flags for game in played),
    )


def _ends(games: Sequence[Any], number: int) -> tuple[int, int, int]:
    """Return how many games a checkpoint won, tied and lost; where several judges differ, by the greater share."""
    shares = [game.result for game in games if game.first == number]
    shares += [1 - game.result for game in games if game.second == number]
    return sum(s > 0.5 for s in shares), sum(s == 0.5 for s in shares), sum(s < 0.5 for s in shares)


def contest_dict(contest: Contest) -> dict[str, Any]:
    """Return a contest's figures under their full names; None where there is none."""
    coefficient, low, high = map(_finite, contest.length)
    return {
        "scorer": contest.scorer,
        "persona": contest.persona,
        "sampler": contest.sampler,
        "games": contest.games,
        "untold": contest.untold,
        "prompts": contest.prompts,
        "rough": contest.rough,
        "flipped": contest.flipped,
        "both_orders": contest.both_orders,
        "decided_verdicts": contest.decided,
        "first_position_share": _finite(contest.first.value),
        "first_position_share_low": _finite(contest.first.low),
        "first_position_share_high": _finite(contest.first.high),
        "flags": contest.flags,
        "ranked_by": "length_controlled" if contest.at_equal_length else "strength",
        "length_coefficient": coefficient,
        "length_coefficient_low": low,
        "length_coefficient_high": high,
        "checkpoints": [player_dict(player) for player in contest.players],
    }


def player_dict(player: Player) -> dict[str, Any]:
    """Return one checkpoint's figures under their full names."""
    figures: dict[str, Any] = {"tier": player.tier, "checkpoint": player.name, "uri": player.uri, "kind": player.kind}
    for name, strength in (("strength", player.strength), ("length_controlled", player.controlled)):
        figures |= {
            name: _finite(strength.value),
            f"{name}_low": _finite(strength.low),
            f"{name}_high": _finite(strength.high),
        }
    return figures | {"games": player.games, "won": player.won, "tied": player.tied, "lost": player.lost}


def contest_columns(contests: Sequence[Contest]) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Return figures for the rows of a report, by persona, URI and sampler: their names begin with the scorer's."""
    columns: dict[tuple[str, str, str], dict[str, Any]] = {}
    for contest in contests:
        for player in contest.players:
            figures = {name: value for name, value in player_dict(player).items() if name not in _WHO}
            mine = columns.setdefault((contest.persona, player.uri, contest.sampler), {})
            mine |= {f"{contest.scorer}.{name}": value for name, value in figures.items()}
    return columns


def _finite(value: float) -> float | None:
    return round(value, 9) if math.isfinite(value) else None
