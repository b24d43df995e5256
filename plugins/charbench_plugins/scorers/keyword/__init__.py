"""Scorer ``keyword``: a persona's literal markers, and style features computed from the text."""

from __future__ import annotations

from collections.abc import Iterable

from charbench import Scorer, hookimpl


@hookimpl
def charbench_scorers() -> Iterable[type[Scorer]]:
    """Return the keyword scorer."""
    from charbench_plugins.scorers.keyword.scorer import KeywordScorer

    return [KeywordScorer]
