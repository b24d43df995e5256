"""Scores samples as a run does, without a store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from charbench.components.scorer import Scorer
    from charbench.domain.persona import Persona
    from charbench.domain.sample import Sample
    from charbench.domain.score import Score


def run_scorer(
    scorer: type[Scorer],
    *samples: Sample | str,
    persona: Persona | None = None,
    options: Mapping[str, Any] | None = None,
) -> list[list[Score]]:
    """Return the scores of each sample; text stands for a sample with this response.

    The scorer is made, prepared, let begin, and closed as in a run, plain or async. What a run would not take (an
    undeclared metric, a value out of range) raises :class:`ValueError` or :class:`TypeError`; what the scorer raises
    passes through.
    """
    from charbench.testing.factories import make_sample
    from charbench.testing.scorer_checks import begin, scores_of
    from charbench.testing.suite import trial_of

    trial = trial_of(scorer, options, persona)
    with trial.session() as session:
        begin(session, trial.persona)
        given = [make_sample(sample) if isinstance(sample, str) else sample for sample in samples]
        return [scores_of(session, sample, trial.persona) for sample in given]
