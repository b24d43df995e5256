"""Commands of verdicts, made such that they work where they are copied to."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from shlex import quote
from typing import TYPE_CHECKING

from charbench.components.base import ComponentKind
from charbench.components.calling import takes
from charbench.components.sampler import Sampler
from charbench.components.scorer import BaseScorer, Scorer, waits
from charbench.datasets.health import faults
from charbench.domain.checkpoint import Checkpoint
from charbench.domain.score import Role
from charbench.report.summary.rows import Report
from charbench.report.summary.tally import Tally
from charbench.report.verdict.decide import MORE_PROMPTS, MORE_TEXTS, OTHER_SCORER, Judgement
from charbench.store.findings import StoredDataset

if TYPE_CHECKING:
    from charbench.run.session import Session


def fit_to_copy(
    session: Session,
    report: Report,
    judgements: Sequence[Judgement],
    checkpoints: Sequence[Checkpoint],
    datasets: Sequence[StoredDataset],
) -> list[Judgement]:
    """Return the judgements of a report's checkpoints with commands that name what is there, and the lab where needed.

    A run that is to ask for more names the sampler that the row's samples are from, unless it is used by default; for
    recordings, the installed one that takes their checkpoint. Another scorer is one that can measure the persona, and
    further texts in character are a file of the lab's. Where there is none, there is no command. The options that
    named the lab, the store and the configuration are those of the session's own command.
    """
    known = {checkpoint.uri: checkpoint for checkpoint in checkpoints}
    found = []
    for row, one in zip(report.checkpoints, judgements, strict=True):
        scorer = (report.metric_of.get(row.persona, report.metric) or "").partition(".")[0]
        todo = one.todo
        if todo == MORE_PROMPTS:
            sampler = _sampler(session, row.samplers, [known[uri] for uri in sorted(row.uris) if uri in known])
            todo = None if sampler is None else f"{todo}{sampler}"
        elif todo == OTHER_SCORER:
            todo = _other_scorer(session, row.persona, scorer, datasets)
        elif todo == MORE_TEXTS:
            todo = _more_texts(session, row, scorer, report, datasets)
        if todo is not None and session.place:
            todo = f"{todo} {session.place}"
        found.append(replace(one, todo=todo))
    return found


def command_for_saves(session: Session, checkpoints: Sequence[Checkpoint], used: Collection[str]) -> str | None:
    """Return the command that samples these saves of training runs; None where no sampler can.

    ``used`` are the samplers that the runs' other samples are from.
    """
    sampler = _sampler(session, used, checkpoints)
    if sampler is None or not checkpoints:
        return None
    runs = " ".join(f"-c {quote(one)}" for one in dict.fromkeys(one.run or one.uri for one in checkpoints))
    return " ".join(filter(None, (f"charbench run --steps all {runs}{sampler}", session.place)))


def _sampler(session: Session, used: Collection[str], checkpoints: Sequence[Checkpoint]) -> str | None:
    """Return the option that names the sampler to ask for more, empty where none is needed; None: none can."""
    for name in sorted(name for name in used if ":" not in name):
        kind = session.plugins.find(ComponentKind.SAMPLER, name)
        if kind is not None and issubclass(kind, Sampler) and kind.requests is Sampler.requests:
            return "" if kind.is_default else f" --sampler {name}"
    for sampler in session.installed_samplers():
        if any(takes(sampler, checkpoint) for checkpoint in checkpoints):
            return f" --sampler {sampler.name}"
    return None


def _other_scorer(session: Session, persona: str, present: str, datasets: Sequence[StoredDataset]) -> str | None:
    """Return the command that scores a persona by another scorer than the ``present`` one; None where none can.

    One that is known to find the persona comes first, then one that can learn it from training data of the lab, then
    one that asks a model and has options in the configuration. Of one that lacks these, they are shown.
    """
    others = {
        name: kind
        for name, kind in sorted(session.plugins.components(ComponentKind.SCORER).items())
        if name != present and issubclass(kind, Scorer) and not kind.is_family() and _tells(kind)
    }
    learning = [name for name, kind in others.items() if kind.learn is not BaseScorer.learn]
    asking = [name for name, kind in others.items() if waits(kind)]
    can = [name for name in others if name not in asking and _finds(session, name, persona)]
    if any(one.dataset.persona == persona and not one.error for one in datasets):
        can += learning
    can += [name for name in asking if session.config.options_for(ComponentKind.SCORER.value, name)]
    if can:
        return f"charbench score -p {quote(persona)} --scorer {quote(can[0])}"
    return f"charbench plugins show {quote(asking[0])}" if asking else None


def _tells(kind: type[Scorer]) -> bool:
    return any(metric.role == Role.HEADLINE and metric.threshold is not None for metric in kind.metrics)


def _finds(session: Session, scorer: str, persona: str) -> bool:
    measured = session.measured(scorer, persona)
    return measured is not None and measured.positives > 0 and not measured.has_low_recall


def _more_texts(
    session: Session, row: Tally, scorer: str, report: Report, datasets: Sequence[StoredDataset]
) -> str | None:
    """Return the command that measures a scorer on more texts in character than it was, or has people label some.

    Data that is unfit for training is unfit for this: refusals are not in character.
    """
    kind = session.plugins.find(ComponentKind.SCORER, scorer)
    if kind is None or not issubclass(kind, Scorer) or waits(kind) or kind.learn is not BaseScorer.learn:
        return None  # a judge's control items, or what is held out in learning, say how well it does
    measured = report.measured.get(row.persona)
    least = measured.positives if measured else 0
    share = session.config.max_refusal_share
    usable = [one for one in datasets if one.dataset.persona == row.persona and not faults(one.health, share)]
    mine = {one.dataset.path: one.examples for one in usable if one.examples and one.examples > least}
    persona = quote(row.persona)
    if not mine:
        return f"charbench calibrate draw -p {persona} -O {quote(f'{row.persona}-to-label.csv')}"
    path = str(session.config.lab / max(mine, key=lambda path: (mine[path], path)))
    return f"charbench personas measure {persona} --scorer {quote(scorer)} --data {quote(path)}"
