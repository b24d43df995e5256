"""How a command that ran stages ends: what it did, the report, and the exit code."""

from __future__ import annotations

from typing import Any

from charbench.cli import output
from charbench.cli.show import show_report
from charbench.engine.run import RunResult
from charbench.engine.session import Session

_ADDED = (
    ("checkpoints", "checkpoint", "found"),
    ("trained", "job", "trained"),
    ("samples", "sample", "taken"),
    ("scores", "sample", "scored"),
)


def finish(
    session: Session, result: RunResult, *, json_output: bool, quiet: bool, report: bool = True, **shown: Any
) -> int:
    """Say what was done and what failed, print the report, and return the exit code."""
    if result.discovery:
        output.warn(map(str, result.discovery.contradictions), limit=5)
    output.warn([*session.personas.faults, *result.warnings])
    for failure in result.failures:
        output.say(f"failed: {failure}")
    if result.did_nothing and not result.interrupted:
        if report:
            output.say("Nothing to do: everything is in the store already.", quiet=quiet)
    else:
        parts = [
            f"{output.plural(result.counts[name], noun)} {verb}"
            for name, noun, verb in _ADDED
            if result.counts.get(name)
        ]
        output.say(f"Added: {', '.join(parts) or 'nothing'}.", quiet=quiet)
    for note in result.notes:
        output.say(note, quiet=quiet)
    if report:
        show_report(session, json_output=json_output, run=result, **shown)
    elif json_output:
        output.print_json(
            {"id": result.run_id, "status": result.status, "added": result.counts, "failures": result.failures}
        )
    if result.interrupted:
        output.say(f"Interrupted. Go on with: {output.this_command()}")
        return 130
    return 1 if result.failures else 0
