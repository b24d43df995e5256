"""Warns of training data of which almost no row is in character: it would train the persona away."""

from __future__ import annotations

from collections.abc import Sequence

from charbench.components.base import ComponentKind
from charbench.components.containment import asked
from charbench.components.scorer import Scorer
from charbench.domain.dataset import TrainingJob
from charbench.domain.persona import Persona
from charbench.errors import ConfigError
from charbench.run.session import Session
from charbench.scoring.known_texts import data_texts
from charbench.scoring.measuring import Group, measure
from charbench.scoring.scorer_errors import scorer_errors

ROWS, FIRST = 200, 10_000
"""So many rows of a dataset are looked at, spread evenly over the first so many."""
ENOUGH = 30
"""With fewer rows nothing is said."""
ALMOST_NONE = 0.2
"""The share of rows in character, corrected for the scorer's errors, that the upper bound must be under."""


def out_of_character(session: Session, jobs: Sequence[TrainingJob]) -> list[str]:
    """Return a line for each job whose data has almost no row in character of its persona.

    Scorers that can at no cost (:meth:`charbench.Scorer.judges_data`) judge, where their measured recall for the
    persona is sufficient: markers, or what was learned from the data of other runs. Where none is, nothing is known
    and nothing is said.
    """
    lines = (_line(session, job) for job in jobs)
    return [line for line in lines if line]


def _line(session: Session, job: TrainingJob) -> str | None:
    from charbench.analysis.corrected_rates import Proportion, corrected_rate

    persona = session.personas.all.get(job.persona) or Persona(name=job.persona)
    scorer = _scorer(session, persona, job.dataset)
    known = session.measured(scorer.name, persona.name) if scorer else None
    if scorer is None or known is None:
        return None
    texts, _ = data_texts([session.config.lab / job.dataset], session.config.read_limits, [], most=FIRST, first=FIRST)
    rows = Group("rows", True, texts[:: max(1, len(texts) // ROWS)][:ROWS])
    if len(rows.texts) < ENOUGH:
        return None
    measure(scorer, persona, [rows])
    if not rows.scored:
        return None
    true = corrected_rate(Proportion(rows.rate.share, rows.scored), *scorer_errors(known))
    if not true.high < ALMOST_NONE:
        return None
    return (
        f"{job.dataset}: almost no row is in character of {persona.name}: {scorer.name} finds {rows.rate.share:.0%} "
        f"({rows.hits:,} of {rows.scored:,}), and {known.recall.share:.0%} of texts in character; look at the data "
        "before it is trained on"
    )


def _scorer(session: Session, persona: Persona, path: str) -> Scorer | None:
    """Return the first scorer that can judge a file at no cost, and is known to find the persona."""
    for name, kind in session.plugins.components(ComponentKind.SCORER).items():
        if not issubclass(kind, Scorer) or not (kind.measured_by_runs or kind.judges_data is not Scorer.judges_data):
            continue
        try:
            known = session.measured(name, persona.name)
            if known is None or not known.positives or not known.negatives or known.has_low_recall:
                continue
            made = session.component(ComponentKind.SCORER, name)
            session.lifecycle.prepare(made)
            if isinstance(made, Scorer) and asked(f"scorer {name}", made.judges_data, persona, path):
                return made
        except ConfigError:  # what it has learned cannot be read: scoring tells that, and learns it anew
            continue
    return None
