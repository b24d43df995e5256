"""Who wins against whom: strengths of checkpoints from the games that a pair scorer judged."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import Connection

from charbench.domain.keys import digest
from charbench.domain.sample import DEFAULT_CONDITION
from charbench.report.render.cells import finite
from charbench.store.results import GameResult, game_results
from charbench.store.selection import Selection
from charbench.store.summaries import GroupTotals

if TYPE_CHECKING:
    from charbench.analysis.games import Game
    from charbench.analysis.ranking import Ranking
    from charbench.analysis.rate_intervals import ClusteredRate
    from charbench.analysis.strengths import Strength

ENOUGH_GAMES = 10
"""Where some games were chosen by results, the others stand alone from so many for each checkpoint on."""

_WHO = ("checkpoint", "uri", "kind")


@dataclass(frozen=True, slots=True)
class Player:
    """One checkpoint: its tier, its strength, that at equal length, and how its games ended.

    ``tier`` is None where the games allow none; ``group`` numbers those that a chain of games connects, from 1.
    """

    tier: int | None
    group: int
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

    ``at_equal_length`` says which strengths rank and make tiers: those at equal length, else the plain ones. ``length``
    is the coefficient of length with its interval, ``position`` that of what is shown first; ``shrunk_by_length``
    and ``shrunk_by_position`` are how large differences of strengths would be without those terms, as shares of
    what they are. ``no_verdict`` games have no result; ``chosen_by_results`` were chosen by the results of earlier
    ones; ``few_games`` checkpoints have too few to differ from any other; ``reliability`` (0 to 1) is which part of
    the strengths' variance is no error (NaN where it cannot be told); ``used`` is how many games strengths are
    from: where it is not all that have a verdict, those chosen by results are left out. ``low_precision``: too few
    prompts for any significant difference; ``flipped`` of ``both_orders`` verdicts changed with the order;
    ``first`` is the share of decided verdicts that took what was shown first (NaN where no judge was asked);
    ``flags`` are texts that talk to the judge, and the like.
    """

    scorer: str
    persona: str
    sampler: str
    players: list[Player]
    at_equal_length: bool
    length: tuple[float, float, float]
    position: tuple[float, float, float]
    shrunk_by_length: float
    shrunk_by_position: float
    games: int
    no_verdict: int
    chosen_by_results: int
    used: int
    prompts: int
    low_precision: bool
    few_games: int
    reliability: float
    flipped: int
    both_orders: int
    first: ClusteredRate
    decided: int
    flags: int


def contests(
    connection: Connection, selection: Selection, personas: Sequence[str] = (), checkpoints: Sequence[str] = ()
) -> list[Contest]:
    """Return the contests that the store holds in the selected settings, by persona, scorer and sampler.

    ``checkpoints`` limits them to these URIs and names: strengths are then from the games among them.
    """
    groups = {
        (persona, group.id): group
        for group in selection.groups
        if group.condition == DEFAULT_CONDITION
        if not checkpoints or group.uri in checkpoints or group.name in checkpoints
        for persona in group.personas
    }
    pools: dict[tuple[str, str, str, str], list[GameResult]] = {}
    for game in game_results(connection, sorted({number for _, number in groups}), selection.scorings):
        sides = [groups.get((game.persona, side)) for side in (game.first, game.second)]
        if any(side is None or not side.takes(game.prompt) for side in sides):
            continue
        if not personas or game.persona in personas:
            group = groups[game.persona, game.first]
            pools.setdefault((game.persona, game.scorer, group.sampler, digest(group.params)), []).append(game)
    return [
        _contest(played, {number: group for (name, number), group in groups.items() if name == persona})
        for (persona, *_), played in sorted(pools.items())
    ]


def _contest(played: Sequence[GameResult], groups: dict[int, GroupTotals]) -> Contest:
    from charbench.analysis.ranking import LEAST_GAMES, LEAST_PROMPTS, ranking
    from charbench.analysis.rate_intervals import clustered_rate  # numpy is for those who have games

    numbers = sorted({side for game in played for side in (game.first, game.second)}, key=lambda id_: groups[id_].uri)
    at = {group_id: number for number, group_id in enumerate(numbers)}
    told = [_game(game, at) for game in played if game.result is not None]
    balanced = [_game(game, at) for game in played if game.result is not None and game.balanced]
    chosen = 0 if met_alike(played) else sum(not game.balanced for game in played)
    alone = chosen > 0 and enough(balanced, len(numbers))
    used = balanced if alone else told
    found = ranking(used, len(numbers))
    sure = alone or not chosen
    takes = [(1.0 if n < game.first_wins else 0.0, game.prompt) for game in played for n in range(game.decided)]
    return Contest(
        scorer=played[0].scorer,
        persona=played[0].persona,
        sampler=groups[numbers[0]].sampler,
        players=[
            _player(found, number, groups[numbers[number]], _ends(told, number), sure=sure) for number in found.order
        ],
        at_equal_length=found.controlled.matters,
        length=(found.controlled.coefficient, found.controlled.low, found.controlled.high),
        position=found.position,
        shrunk_by_length=found.shrunk_by_length,
        shrunk_by_position=found.shrunk_by_position,
        games=len(played),
        no_verdict=len(played) - len(told),
        chosen_by_results=chosen,
        used=len(used),
        prompts=found.prompts,
        low_precision=found.prompts < LEAST_PROMPTS,
        few_games=int((found.fitted.design.played < LEAST_GAMES).sum()),
        reliability=found.reliability if sure else math.nan,
        flipped=sum(game.flips for game in played),
        both_orders=sum(game.both_orders for game in played),
        first=clustered_rate([take for take, _ in takes], [prompt for _, prompt in takes]),
        decided=len(takes),
        flags=sum(game.flags for game in played),
    )


def met_alike(played: Sequence[GameResult]) -> bool:
    """Return whether each two checkpoints have met equally often, as a few do who meet on all their prompts.

    Then it makes no difference whether games were chosen by results.
    """
    met = Counter(frozenset((game.first, game.second)) for game in played)
    players = len({side for pair in met for side in pair})
    return len(met) == players * (players - 1) // 2 and len(set(met.values())) == 1


def enough(games: Sequence[Game], count: int) -> bool:
    """Return whether these games alone say how strong each of ``count`` checkpoints is."""
    from charbench.analysis.bradley_terry import fit

    times = [sum(number in (game.first, game.second) for game in games) for number in range(count)]
    return min(times, default=0) >= ENOUGH_GAMES and len(set(fit(games, count).groups.tolist())) == 1


def _game(game: GameResult, at: dict[int, int]) -> Game:
    from charbench.analysis.games import Game

    assert game.result is not None
    verdicts = 2 * game.both_orders
    # A verdict that took neither counts as half for each position.
    shown_first = (game.first_wins + (verdicts - game.decided) / 2) / verdicts if verdicts else None
    return Game(at[game.first], at[game.second], game.result, game.prompt, float(game.longer), shown_first)


def _player(found: Ranking, number: int, group: GroupTotals, ends: tuple[int, int, int], *, sure: bool) -> Player:
    plain, controlled = (
        one if sure else replace(one, low=math.nan, high=math.nan)
        for one in (found.strengths[number], found.controlled.strengths[number])
    )
    return Player(
        found.tiers[number] if sure else None,
        found.groups[number] + 1,
        group.uri,
        group.name,
        group.kind,
        plain,
        controlled,
        sum(ends),
        *ends,
    )


def _ends(games: Sequence[Game], number: int) -> tuple[int, int, int]:
    """Return how many games a checkpoint won, tied and lost; where several judges differ, by the greater share."""
    shares = [game.result for game in games if game.first == number]
    shares += [1 - game.result for game in games if game.second == number]
    return sum(s > 0.5 for s in shares), sum(s == 0.5 for s in shares), sum(s < 0.5 for s in shares)


def contest_dict(contest: Contest) -> dict[str, Any]:
    """Return a contest's figures under their full names; None where there is none."""
    length, position = ([finite(value) for value in one] for one in (contest.length, contest.position))
    return {
        "scorer": contest.scorer,
        "persona": contest.persona,
        "sampler": contest.sampler,
        "games": contest.games,
        "no_verdict": contest.no_verdict,
        "chosen_by_results": contest.chosen_by_results,
        "used": contest.used,
        "prompts": contest.prompts,
        "low_precision": contest.low_precision,
        "few_games": contest.few_games,
        "reliability": finite(contest.reliability),
        "flipped": contest.flipped,
        "both_orders": contest.both_orders,
        "decided_verdicts": contest.decided,
        "first_position_share": finite(contest.first.value),
        "first_position_share_low": finite(contest.first.low),
        "first_position_share_high": finite(contest.first.high),
        "flags": contest.flags,
        "ranked_by": "length_controlled" if contest.at_equal_length else "strength",
        "length_coefficient": length[0],
        "length_coefficient_low": length[1],
        "length_coefficient_high": length[2],
        "shrunk_by_length": finite(contest.shrunk_by_length),
        "position_coefficient": position[0],
        "position_coefficient_low": position[1],
        "position_coefficient_high": position[2],
        "shrunk_by_position": finite(contest.shrunk_by_position),
        "checkpoints": [player_dict(player) for player in contest.players],
    }


def player_dict(player: Player) -> dict[str, Any]:
    """Return one checkpoint's figures under their full names."""
    figures: dict[str, Any] = {"tier": player.tier, "checkpoint": player.name, "uri": player.uri, "kind": player.kind}
    for name, strength in (("strength", player.strength), ("length_controlled", player.controlled)):
        figures |= {
            name: finite(strength.value),
            f"{name}_low": finite(strength.low),
            f"{name}_high": finite(strength.high),
        }
    return figures | {
        "group": player.group,
        "games": player.games,
        "won": player.won,
        "tied": player.tied,
        "lost": player.lost,
    }


def contest_columns(contests: Sequence[Contest]) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Return figures for the rows of a report, by persona, URI and sampler: their names begin with the scorer's."""
    columns: dict[tuple[str, str, str], dict[str, Any]] = {}
    for contest in contests:
        for player in contest.players:
            figures = {name: value for name, value in player_dict(player).items() if name not in _WHO}
            mine = columns.setdefault((contest.persona, player.uri, contest.sampler), {})
            mine |= {f"{contest.scorer}.{name}": value for name, value in figures.items()}
    return columns
