"""A report with all that belongs to it, read from the store at one time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection

from charbench.domain.measurement import Measurement
from charbench.report.caveats import Caveat, caveats
from charbench.report.earlier_code import EarlierCode, Installed, earlier_samples, earlier_scores
from charbench.report.judges import JudgedBy, judged_by
from charbench.report.pairwise.contests import Contest, contests
from charbench.report.summary.details import Origin, origins
from charbench.report.summary.panel import PanelRow, panel_rows
from charbench.report.summary.robustness import Robustness, robustness
from charbench.report.summary.rows import By, Report, build_report
from charbench.report.verdict.decide import Judgement, judge_rows
from charbench.report.verdict.health_bounds import read_health_by_prompt
from charbench.report.verdict.other_ways import answers_of_probes
from charbench.report.verdict.to_copy import commands_to_diagnose, fit_to_copy
from charbench.report.verdict.words import VerdictSummary, summarize
from charbench.run.steps import at_steps
from charbench.store.database import Database
from charbench.store.diagnoses import Causes, causes_in
from charbench.store.findings import read_checkpoints, read_datasets
from charbench.store.selection import Selection, select_settings
from charbench.store.served import Served, served_by
from charbench.store.settings import Setting
from charbench.store.summaries import group_totals

if TYPE_CHECKING:
    from charbench.run.session import Session


@dataclass(frozen=True, slots=True)
class ReadReport:
    """A report; ``judgements`` and ``origins`` are those of its checkpoint rows, in their order."""

    report: Report
    selection: Selection
    judgements: Sequence[Judgement]
    origins: Sequence[Origin]
    summary: VerdictSummary
    caveats: Sequence[Caveat]
    robustness: Sequence[Robustness]
    contests: Sequence[Contest]
    causes: Causes
    """The newest diagnosis in the report's settings."""
    diagnosing: Mapping[int, str]
    """By the ``id`` of a row with its character in the thinking only the command that diagnoses it in its setting."""
    served: Mapping[int, Sequence[Served]]
    judges: Sequence[JudgedBy]
    panel: Sequence[PanelRow]
    earlier: Sequence[EarlierCode]
    """What plugins have made with earlier code."""


def read_report(
    session: Session,
    database: Database,
    *,
    by: By = By.CHECKPOINT,
    metric: str | None = None,
    checkpoints: Sequence[str] = (),
    settings: Sequence[str] = (),
    run: int | None = None,
    steps: str | None = None,
) -> ReadReport:
    """Read the report of what the store holds for the session's personas; see :func:`.rows.build_report`.

    ``steps`` says which saves of each training run it is about, None all that have samples.

    ``run`` is the run that it is the end of: it shows the scorers that were named for it, and their scores.
    """
    chosen = [persona.name for persona in session.selected_personas()]
    with database.read() as connection:
        known = read_checkpoints(connection)
        checkpoints = [*checkpoints, *(c.uri for c in known if any(map(c.is_wanted_as, checkpoints)))]
        # Checkpoints that are evaluated by name count for the personas that are named, whatever their own is.
        named = [group.uri for group in group_totals(connection) if {group.uri, group.name} & set(checkpoints)]
        selection = select_settings(connection, chosen, settings, dict.fromkeys(named, chosen) if chosen else {}, run)
        selection, told = _of_steps(connection, selection, steps)
        asked = session.config.scorers if run is not None else ()
        today = Installed(session)
        by_earlier = earlier_scores(selection.settings, today)
        old = {(one.name, persona): one for one in by_earlier for persona in one.personas}
        measured = _measured(session, today, selection.settings, old)
        report = build_report(connection, selection, by, chosen, metric, checkpoints, measured, asked)
        report.notes.extend(told)
        causes = causes_in(connection, selection.settings)
        rows = report.checkpoints or report.personas
        found = origins(connection, report.checkpoints)
        rule = session.config.verdict
        judges = judged_by(connection, selection, report.metric)
        otherwise = answers_of_probes(connection, report, selection, causes)
        shown = [group for row in rows for group in row.groups]
        served = served_by(connection, shown)
        read_health_by_prompt(connection, selection, report.checkpoints, rule)
        judgements = fit_to_copy(
            session,
            report,
            judge_rows(report, rule, causes, found, otherwise, judges, old),
            known,
            read_datasets(connection),
            served,
            otherwise,
            selection.settings,
        )
        return ReadReport(
            report,
            selection,
            judgements,
            found,
            summarize(report.checkpoints, judgements, found, rule, known),
            caveats(connection, report),
            robustness(connection, selection, report.metric, chosen, checkpoints),
            contests(connection, selection, chosen, checkpoints),
            causes,
            commands_to_diagnose(session, report, known, served, selection.settings),
            served,
            judges,
            panel_rows(connection, selection, report),
            by_earlier + earlier_samples(connection, shown, today),
        )


def _of_steps(connection: Connection, selection: Selection, steps: str | None) -> tuple[Selection, list[str]]:
    """Return the selection without the saves that ``steps`` leaves out, and a line on them."""
    if steps is None:
        return selection, []
    uris = {group.uri for group in selection.groups}
    there = [replace(one, metadata={**one.metadata, "gone_since": None}) for one in read_checkpoints(connection)
             if one.uri in uris]  # fmt: skip
    left = {one.uri for one in there} - {one.uri for one in at_steps(there, steps)}
    which = "1 save is" if len(left) == 1 else f"{len(left):,} saves are"
    kept = [group for group in selection.groups if group.uri not in left]
    return replace(selection, groups=kept), [f"{which} not shown (--steps {steps})."] if left else []


def _measured(
    session: Session, today: Installed, settings: Mapping[str, Setting], old: Mapping[tuple[str, str], EarlierCode]
) -> Callable[[str, str], Measurement | None]:
    """Return what tells how well a scorer tells a persona, as it was set up in these settings.

    It is not known of ``old`` scores by earlier code; by other criteria where the scorer knows how well it told it by
    those.
    """

    @cache  # it makes the scorer and reads a file
    def measured(scorer: str, persona: str) -> Measurement | None:
        by = settings[persona].scorers.get(scorer) if persona in settings else None
        if by is None:
            return session.measured(scorer, persona)
        earlier = old.get((scorer, persona))
        return None if earlier is not None and not earlier.by_criteria else today.measured(by, persona)

    return measured
