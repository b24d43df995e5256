"""Training in the store: attempts, steps and saved states."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.store.runs import utc_now
from charbench.store.tables import jobs, training_states, training_steps

if TYPE_CHECKING:
    from charbench.components.trainer import SavedState, StepDone


def begin_attempt(connection: Connection, job_id: str, recipe: str) -> tuple[int, SavedState | None, str]:
    """Count a new attempt at a job; return its number, the state to go on from, and the recipe to follow.

    A job goes on only with the recipe that its saved state was made with. Steps of earlier attempts that the
    state has not seen are void, and marked as superseded.
    """
    number = int(connection.execute(sa.select(jobs.c.attempts).where(jobs.c.job_id == job_id)).scalar_one()) + 1
    connection.execute(sa.update(jobs).where(jobs.c.job_id == job_id).values(attempts=number))
    row = connection.execute(
        sa.select(training_states)
        .where(training_states.c.job_id == job_id)
        .order_by(training_states.c.id.desc())
        .limit(1)
    ).first()
    first = row.step if row else 0
    connection.execute(
        sa.update(training_steps)
        .where(training_steps.c.job_id == job_id, training_steps.c.step >= first)
        .values(superseded=True)
    )
    if row is None:
        return number, None, recipe
    from charbench.components.trainer import SavedState

    return number, SavedState(uri=row.uri, step=row.step, metadata=row.metadata), row.recipe


def recipe_of(connection: Connection, job_id: str) -> str | None:
    """Return the recipe of a job's last saved state, None where it has none."""
    states = sa.select(training_states.c.recipe).where(training_states.c.job_id == job_id)
    found: str | None = connection.scalar(states.order_by(training_states.c.id.desc()).limit(1))
    return found


def add_step(connection: Connection, job_id: str, attempt: int, step: StepDone) -> None:
    """Keep one step."""
    connection.execute(
        sa.insert(training_steps).values(
            job_id=job_id,
            attempt=attempt,
            step=step.step,
            loss=step.loss,
            learning_rate=step.learning_rate,
            tokens=step.tokens,
            seconds=step.seconds,
            batch=list(step.batch),
            superseded=False,
        )
    )


def add_state(connection: Connection, job_id: str, attempt: int, state: SavedState, recipe: str) -> None:
    """Keep a saved state."""
    connection.execute(
        sa.insert(training_states).values(
            job_id=job_id,
            attempt=attempt,
            step=state.step,
            uri=state.uri,
            metadata=dict(state.metadata),
            recipe=recipe,
            saved_at=utc_now(),
        )
    )


def forget_states(connection: Connection, job_ids: list[str]) -> None:
    """Let jobs start anew: their states and steps count no more."""
    connection.execute(sa.delete(training_states).where(training_states.c.job_id.in_(job_ids)))
    connection.execute(sa.update(training_steps).where(training_steps.c.job_id.in_(job_ids)).values(superseded=True))
