"""What it would take to score again what an earlier version of a scorer's code has scored."""

from __future__ import annotations

from collections.abc import Sequence

from charbench.components.pair_scorer import PairScorer
from charbench.components.scorer import BaseScorer
from charbench.run.dry_judging import JudgingEstimate, asks_models, estimate_judging
from charbench.run.plan import select_checkpoints
from charbench.run.session import Session
from charbench.scoring.score import is_free
from charbench.store.findings import read_checkpoints


def rescoring_lines(session: Session, scorers: Sequence[BaseScorer], personas: Sequence[str]) -> list[str]:
    """Return a line for each scorer that may cost something: how much it would score now, and in how many requests.

    The scorers are prepared; nothing is asked.
    """
    with session.database.read() as connection:
        checkpoints = select_checkpoints(read_checkpoints(connection), session.config.checkpoints, personas)
    lines = []
    for scorer in scorers:
        if is_free(scorer):
            continue
        expected = estimate_judging(session, scorer, checkpoints, personas, (), rescore=True)
        if expected.missing:
            lines.append(_line(scorer, expected))
    return lines


def _line(scorer: BaseScorer, expected: JudgingEstimate) -> str:
    noun = "game" if isinstance(scorer, PairScorer) else "sample"
    what = f"{expected.missing:,} {noun}{'' if expected.missing == 1 else 's'} to score"
    if not asks_models(scorer):
        return f"scorer {scorer.name}: {what}; it does not say how many requests that takes."
    cost = "" if expected.cost is None else f", which cost about {expected.cost:,.4f}"
    return f"scorer {scorer.name}: {what}, in about {expected.requests:,} requests{cost}."
