"""Contests as tables, with what must be known before their figures are believed below each."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from charbench.domain.table import Table
from charbench.report.pairwise.contests import ENOUGH_GAMES, Contest, Player
from charbench.report.render.cells import decimals, whole

_COLUMNS = (
    "Tier", "Checkpoint", "Kind", "Strength [95%]", "At equal length [95%]", "Games", "Won", "Tied", "Lost",
)  # fmt: skip
TIERS_LEGEND = (
    "Tiers in pairs: no two of one tier differ significantly (score tests clustered by prompt, all pairs together at "
    "5%; never with fewer than 6 prompts or games)."
)
FEWEST_IN_ORDER = 5
"""Of fewer checkpoints nothing is said of their order."""
WELL_ORDERED = 0.9
"""A correlation with the order of endless games that is not worth more games."""
LEAST_TOLD = 0.3
"""With a lower one, how many games would do is anyone's guess."""
_RANKED = {
    True: "Ranked by strength at equal length: the effect of length differs from 0 (its interval excludes 0).",
    False: "Ranked by uncorrected strength: the effect of length does not differ significantly from 0.",
}


def contest_tables(contests: Sequence[Contest]) -> list[Table]:
    """Return a table for each contest; the last one says what tiers are."""
    samplers = {contest.sampler for contest in contests}
    tables = []
    for contest in contests:
        played_by = f", sampler {contest.sampler}" if len(samplers) > 1 else ""
        title = f"In pairs: {contest.persona} (scorer {contest.scorer}{played_by})"
        parted = len({player.group for player in contest.players if player.games}) > 1
        rows = tuple(_row(player, parted=parted) for player in contest.players)
        notes = (*_notes(contest), *([TIERS_LEGEND] if contest is contests[-1] else []))
        tables.append(
            Table(title, _COLUMNS, rows, frozenset({"Checkpoint", "Kind"}), notes, ("Kind", "Tied", "Lost", "Won"))
        )
    return tables


def _row(player: Player, *, parted: bool) -> tuple[str, ...]:
    """Return a player's cells; where no games connect some of them, a tier begins with the number of its group."""
    figures = [decimals(one.value, one.low, one.high) for one in (player.strength, player.controlled)]
    counts = [whole(count) for count in (player.games, player.won, player.tied, player.lost)]
    tier = "–" if player.tier is None else f"{player.group}.{player.tier}" if parted else str(player.tier)
    return tier, player.name, player.kind, *figures, *counts


def _notes(contest: Contest) -> Iterator[str]:
    told = [f"{contest.games:,} games on {contest.prompts:,} prompts"]
    if contest.both_orders:
        told.append(
            f"flip rate {contest.flipped / contest.both_orders:.0%} ({contest.flipped:,} of {contest.both_orders:,} "
            "verdicts changed with the order, and count as ties)"
        )
    if contest.decided:
        first = contest.first
        interval = "" if math.isnan(first.low) else f" [{100 * first.low:.0f}, {100 * first.high:.0f}]"
        told.append(f"the text shown first won {first.value:.0%}{interval} of {contest.decided:,} verdicts")
    told.append(f"{contest.no_verdict:,} without a verdict" if contest.no_verdict else "all with a verdict")
    yield f"{'; '.join(told)}."
    if not math.isnan(contest.position[0]):
        yield (
            f"Position: {decimals(*contest.position)} on the scale of strengths for the text shown first; "
            f"strengths are corrected for it{_otherwise(contest.shrunk_by_position)}."
        )
    if not math.isnan(contest.length[0]):
        shrunk = _otherwise(contest.shrunk_by_length) if contest.at_equal_length else ""
        yield (
            f"Length: {decimals(*contest.length)} on the scale of strengths for a much longer text; "
            f"'at equal length' is corrected for it{shrunk}."
        )
        yield _RANKED[contest.at_equal_length]
    yield from _order(contest)
    yield from _doubts(contest)


def _order(contest: Contest) -> Iterator[str]:
    """Say how far the order can be relied on, and how many games would make it better."""
    from charbench.analysis.strengths import lengthened

    if len(contest.players) < FEWEST_IN_ORDER or math.isnan(contest.reliability):
        return
    told = math.sqrt(contest.reliability)
    if told < LEAST_TOLD:
        yield "Order: strengths differ hardly more than chance would have it, so the order tells next to nothing."
        return
    said = f"Order: expected to correlate with that of endless games by about {told:.2f}"
    if told >= WELL_ORDERED:
        yield f"{said}."
        return
    each = 2 * contest.used / len(contest.players)
    games = math.ceil(each * lengthened(contest.reliability, WELL_ORDERED**2))
    yield (
        f"{said}; {WELL_ORDERED:.2f} takes about {games:,} games for each checkpoint (-o scorer.{contest.scorer}"
        f".games={games}), on more prompts in proportion."
    )


def _otherwise(shrunk: float) -> str:
    """Say how large differences of strengths would be without a term of the model."""
    return "" if math.isnan(shrunk) else f" (else differences would be {shrunk:.2f} times as large)"


def _doubts(contest: Contest) -> Iterator[str]:
    yield from _chosen(contest)
    groups: dict[int, list[str]] = {}
    for player in contest.players:
        if player.games:
            groups.setdefault(player.group, []).append(player.name)
    if len(groups) > 1:
        named = "; ".join(", ".join(names) for names in groups.values())
        within = "so compare strengths and tiers (GROUP.TIER) within a group only"
        yield f"No chain of games connects these groups, {within}: {named}."
    if contest.flags:
        yield f"{contest.flags:,} flags: texts that address the judge; see the table games of the store."
    if contest.both_orders and contest.flipped == contest.both_orders:
        yield "Every verdict changed with the order: this judge gives no information about these checkpoints."
    if contest.low_precision:
        yield "No difference is significant with fewer than 6 prompts."
    elif contest.few_games:
        yield f"{contest.few_games:,} checkpoints have fewer than 6 games, and differ significantly from none."


def _chosen(contest: Contest) -> Iterator[str]:
    """Say what became of games that were chosen by the results of earlier ones."""
    if not contest.chosen_by_results:
        return
    chosen = f"{contest.chosen_by_results:,} games were chosen by the results of earlier ones, as older versions did"
    if contest.used < contest.games - contest.no_verdict:
        yield f"{chosen}: strengths, intervals and tiers are from the {contest.used:,} others alone."
        return
    more = max(player.games for player in contest.players) + ENOUGH_GAMES
    yield (
        f"{chosen}: intervals and tiers from such games are wrong, so there are none. Play {ENOUGH_GAMES} more for "
        f"each checkpoint (-o scorer.{contest.scorer}.games={more}): strengths, intervals and tiers are then from "
        "those alone."
    )
