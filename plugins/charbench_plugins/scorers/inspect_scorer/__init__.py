"""Scorers ``inspect:NAME``: any scorer of Inspect (https://inspect.aisi.org.uk), its own or a package's."""

from __future__ import annotations

from collections.abc import Iterable

from charbench import Scorer, hookimpl


@hookimpl
def charbench_scorers() -> Iterable[type[Scorer]]:
    """Return the family of Inspect's scorers; Inspect is imported where one of them scores."""
    from charbench_plugins.scorers.inspect_scorer.scorer import InspectScorer

    return [InspectScorer]
