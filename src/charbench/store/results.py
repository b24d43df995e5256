"""The games that reports are made of: those of the scorings that were chosen."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.domain.comparison import BALANCED
from charbench.store.dialect import among
from charbench.store.tables import games, prompts, samples, scorings


@dataclass(frozen=True, slots=True)
class GameResult:
    """One game between samples of two groups on a prompt (its key); the rest is as the table ``games`` has it.

    ``balanced``: its schedule did not depend on results; games of earlier versions were chosen by them.
    """

    scorer: str
    persona: str
    first: int
    second: int
    prompt: str
    result: float | None
    longer: int
    both_orders: int
    flips: int
    decided: int
    first_wins: int
    flags: int
    balanced: bool


def game_results(connection: Connection, group_ids: Sequence[int], scoring_ids: Collection[int]) -> list[GameResult]:
    """Return the games between these groups under these scorings, in the order in which they were played.

    Groups are looked at here and not in the query: a database might begin with all of their samples.
    """
    mine = set(group_ids)
    first, second = samples.alias("first"), samples.alias("second")
    query = (
        sa.select(
            scorings.c.scorer,
            scorings.c.persona,
            first.c.group_id,
            second.c.group_id,
            prompts.c.key,
            games.c.result,
            games.c.first_chars - games.c.second_chars,
            games.c.both_orders,
            games.c.flips,
            games.c.decided,
            games.c.first_wins,
            games.c.flags,
            games.c.evidence["schedule"].as_string(),
        )
        .join(scorings, scorings.c.id == games.c.scoring_id)
        .join(first, first.c.id == games.c.first_id)
        .join(second, second.c.id == games.c.second_id)
        .join(prompts, prompts.c.id == first.c.prompt_id)
        .where(among(connection, scorings.c.id, sorted(scoring_ids)))
        .order_by(games.c.id)
    )
    found = []
    for row in connection.execute(query):
        values: list[Any] = list(row)
        values[-1] = values[-1] == BALANCED
        found.append(GameResult(*values))
    return [game for game in found if game.first in mine and game.second in mine]
