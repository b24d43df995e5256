"""What is about to be lost: checkpoints that expire before anyone has sampled them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from charbench.domain.checkpoint import Checkpoint
from charbench.domain.uris import TinkerPath
from charbench.store.database import Database
from charbench.store.runs import utc_now
from charbench.store.summaries import sampled_uris
from charbench.text.enumeration import short_list

SOON = timedelta(days=7)
_NAMED = 3
"""Checkpoints that the warning names; the others are counted."""


def expires_within(checkpoint: Checkpoint, span: timedelta, now: datetime) -> bool:
    """Whether a checkpoint is still there, and will be gone ``span`` from ``now``."""
    if checkpoint.missing_since or checkpoint.expires_at is None:
        return False
    return now < checkpoint.expires_at <= now + span


def expiring_unsampled(checkpoints: Iterable[Checkpoint], sampled: set[str], now: datetime) -> list[Checkpoint]:
    """Return the checkpoints that expire within a week and are not among the ``sampled``, the first to go first.

    Training weights are left out where the sampler weights saved with them were sampled, or are listed.
    """
    everything = list(checkpoints)
    going = [c for c in everything if expires_within(c, SOON, now) and c.uri not in sampled]
    told = {_place(c) for c in everything if c.uri in sampled} | {_place(c) for c in going if c.sampleable}
    left = [c for c in going if c.sampleable or _place(c) not in told]
    return sorted(left, key=lambda checkpoint: (checkpoint.expires_at or now, checkpoint.name))


def expiry_warnings(database: Database, checkpoints: Sequence[Checkpoint]) -> list[str]:
    """Return a line on what expires within a week and no run has sampled; empty if there is nothing."""
    now = utc_now()
    if not any(expires_within(checkpoint, SOON, now) for checkpoint in checkpoints):
        return []
    with database.read() as connection:
        sampled = sampled_uris(connection)
    expiring = expiring_unsampled(checkpoints, sampled, now)
    if not expiring:
        return []
    named = short_list([f"{c.name} ({until(c.expires_at, now)})" for c in expiring], _NAMED)
    which = "1 checkpoint expires" if len(expiring) == 1 else f"{len(expiring)} checkpoints expire"
    them = "it" if len(expiring) == 1 else "them"
    see = "see: charbench checkpoints list --expiring 7d"
    return [f"{which} within 7 days and no run has sampled {them}: {named}; {see}"]


def until(end: datetime | None, now: datetime) -> str:
    """Return how long there is from ``now`` to ``end``: ``in 6 d``, ``in 5 h``, ``in 20 min``, ``expired``."""
    if end is None:
        return "–"
    minutes = int((end - now).total_seconds() // 60)
    if end <= now:
        return "expired"
    if minutes < 60:
        return f"in {minutes} min"
    return f"in {minutes // 60} h" if minutes < 48 * 60 else f"in {minutes // (24 * 60)} d"


def _place(checkpoint: Checkpoint) -> tuple[str, str] | None:
    path = TinkerPath.parse(checkpoint.uri)
    return (path.run, path.plain_name) if path else None
