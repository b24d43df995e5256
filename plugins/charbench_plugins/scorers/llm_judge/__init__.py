"""Scorer ``llm-judge``: language models that read each text by a rubric, and are tested before they are believed."""

from __future__ import annotations

from collections.abc import Iterable

from charbench import Scorer, hookimpl


@hookimpl
def charbench_scorers() -> Iterable[type[Scorer]]:
    """Return the judge."""
    from charbench_plugins.scorers.llm_judge.scorer import LlmJudge

    return [LlmJudge]
