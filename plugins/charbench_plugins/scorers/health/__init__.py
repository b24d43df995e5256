"""Scorers ``refusal``, ``identity-leak`` and ``repetition``: cheap signs that a text is unwell."""

from __future__ import annotations

from collections.abc import Iterable

from charbench import Scorer, hookimpl


@hookimpl
def charbench_scorers() -> Iterable[type[Scorer]]:
    """Return the health scorers."""
    from charbench_plugins.scorers.health.identity_leak import IdentityLeak
    from charbench_plugins.scorers.health.refusal import Refusal
    from charbench_plugins.scorers.health.repetition import Repetition

    return [Refusal, IdentityLeak, Repetition]
