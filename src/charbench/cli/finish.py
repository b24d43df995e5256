"""How a command that ran stages ends: what it did, the report, and the exit code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from charbench.cli import output
from charbench.components.garbage import return_free_memory

if TYPE_CHECKING:
    from charbench.discovery.job_planning import LeftOut
    from charbench.run.result import RunResult
    from charbench.run.session import Session

_ADDED = (
    ("checkpoints", "checkpoint", "found"),
    ("trained", "job", "trained"),
    ("samples", "sample", "taken"),
    ("scores", "sample", "scored"),
    ("games", "game", "played"),
)


def finish(
    session: Session,
    result: RunResult,
    *,
    json_output: bool,
    quiet: bool,
    report: bool = True,
    idle: str | None = None,
    **shown: Any,
) -> int:
    """Say what was done and what failed, print the report, and return the exit code.

    ``idle`` is what to say where nothing was done; None says why there was nothing to do.
    """
    if report:
        session.database.release()
        return_free_memory()  # before the report's modules take more
    from charbench.cli.personas_measure import measure_unknown
    from charbench.cli.show import show_report

    if result.discovery:
        output.warn(map(str, result.discovery.contradictions), limit=5)
        output.warn(result.discovery.gone_lines())
    output.warn([*session.personas.faults, *result.warnings])
    for failure in result.failures:
        output.say(f"failed: {failure}")
    if result.did_nothing and not result.interrupted and not result.failures:
        output.say(_nothing(session, result) if idle is None else idle, quiet=quiet)
    else:
        parts = [
            f"{output.plural(result.counts[name], noun)} {verb}"
            for name, noun, verb in _ADDED
            if result.counts.get(name)
        ]
        output.say(f"Added: {', '.join(parts) or 'nothing'}.", quiet=quiet)
    if result.discovery:
        result.notes += left_out(result.discovery.plan.left_out)
    if report:
        result.notes += _of_no_persona(session)
    for note in result.notes:
        output.say(note, quiet=quiet)
    if report:
        if result.counts.get("scores"):
            for line in measure_unknown(session):
                output.say(line, quiet=quiet)
        show_report(session, json_output=json_output, run=result, quiet=quiet, **shown)
    elif json_output:
        output.print_json(
            {"id": result.run_id, "status": result.status, "added": result.counts, "failures": result.failures}
        )
    if result.interrupted:
        output.say(f"Interrupted. Resume with: {output.command_to_go_on()}")
        return 130
    return 1 if result.failures else 0


def _of_no_persona(session: Session) -> list[str]:
    """Return a line on the checkpoints that are left out, by ``-p`` or of the scores: nothing tells whose they are."""
    from charbench.run.plan import of_no_persona
    from charbench.store.findings import read_checkpoints
    from charbench.store.summaries import sampled_without_scores

    if session.config.checkpoints:
        return []
    with session.database.read() as connection:
        unscored = set() if session.config.personas else sampled_without_scores(connection)
        if not unscored and not session.config.personas:
            return []
        return of_no_persona(read_checkpoints(connection), session.config.personas, unscored)


def left_out(runs: Sequence[LeftOut], most: int = 3) -> list[str]:
    """Return what to say of runs that have no training job: each of a few, or how many there are."""
    if len(runs) > most:
        return [f"{output.plural(len(runs), 'run')} have no training job; charbench discover --explain shows why."]
    return [f"No training job for {item.run}: {item.reason}." for item in runs]


def _nothing(session: Session, result: RunResult) -> str:
    """Say why there was nothing to do: all is done, or there is nothing here."""
    from charbench.store.summaries import count_all

    if result.discovery and not result.discovery.checkpoints and not session.config.checkpoints:
        return (
            f"No checkpoints in {session.config.lab.resolve()}. Is this the lab's folder? Name it with --lab DIR; "
            "charbench discover shows what was looked at."
        )
    with session.database.read() as connection:
        if not count_all(connection)["samples"]:
            return "Nothing to do: the store contains no samples, and no checkpoint that the samplers accept."
    return "Nothing to do: everything is already in the store."
