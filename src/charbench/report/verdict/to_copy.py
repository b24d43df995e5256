"""Commands of verdicts, made such that they work where they are copied to."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from pydantic import ValidationError

from charbench.components.base import ComponentKind
from charbench.components.calling import takes
from charbench.components.sampler import Sampler
from charbench.components.scorer import BaseScorer, Scorer, waits
from charbench.datasets.health import faults
from charbench.domain.checkpoint import Checkpoint
from charbench.domain.score import Role
from charbench.domain.uris import SERVED
from charbench.model_client.endpoints import asked_by_default
from charbench.personas.prompt_sets import STANDARD, prompts_for
from charbench.report.summary.insights import is_only_in_thinking
from charbench.report.summary.rows import Report
from charbench.report.summary.tally import Tally
from charbench.report.verdict.decide import DIAGNOSE, MORE_OF_A_WAY, MORE_PROMPTS, MORE_TEXTS, OTHER_SCORER, Judgement
from charbench.store.findings import StoredDataset
from charbench.store.served import Served
from charbench.store.settings import Setting
from charbench.text.redaction import redact

if TYPE_CHECKING:
    from charbench.run.session import Session

_A_FILE = "--prompts FILE"
"""What names the prompts where more than the standard ones would decide."""
_DEFAULT_PROMPTS = 5


def fit_to_copy(
    session: Session,
    report: Report,
    judgements: Sequence[Judgement],
    checkpoints: Sequence[Checkpoint],
    datasets: Sequence[StoredDataset],
    served: Mapping[int, Sequence[Served]],
    otherwise: Mapping[int, Mapping[str, Tally]],
    settings: Mapping[str, Setting],
) -> list[Judgement]:
    """Return the judgements of a report's checkpoints with commands that name what is there, and the lab where needed.

    A run that is to ask for more names the sampler that the row's samples are from, unless it is used by default; for
    recordings, the installed one that takes their checkpoint. It names the persona where it is not the checkpoint's
    own, the endpoint of served models, unless it is the default, and the options of ``settings`` (by persona) that the
    sampler has not got today; where all of the standard prompts were asked
    (``otherwise``: in a way that a diagnosis tried, as in :func:`.decide.judge_rows`), it names a file of others.
    Another scorer is one that can measure the persona, and further texts in character are a file of the lab's. Where
    there is none, there is no command. The options that named the lab, the store and the configuration are those of
    the session's own command.
    """
    known = {checkpoint.uri: checkpoint for checkpoint in checkpoints}
    found = []
    for row, one in zip(report.checkpoints, judgements, strict=True):
        scorer = (report.metric_of.get(row.persona, report.metric) or "").partition(".")[0]
        todo = one.todo
        if todo in (MORE_PROMPTS, MORE_OF_A_WAY):
            asked = [row] if todo == MORE_PROMPTS else list(otherwise.get(id(row), {}).values())
            more = todo.replace(f"--prompts {STANDARD}", _A_FILE) if any(map(_has_standard, asked)) else todo
            ways = _as_asked(session, row, known, served, settings)
            todo = None if ways is None else f"{more}{ways}"
        elif todo == DIAGNOSE:
            todo += _in_its_setting(session, row, known, served, settings)
        elif todo == OTHER_SCORER:
            todo = _other_scorer(session, row.persona, scorer, datasets)
        elif todo == MORE_TEXTS:
            todo = _more_texts(session, row, scorer, report, datasets)
        if todo is not None and session.place:
            todo = f"{todo} {session.place}"
        if todo is not None and _A_FILE in todo:
            todo += "  # a file of further prompts, one a line"
        found.append(replace(one, todo=todo))
    return found


def commands_to_diagnose(
    session: Session,
    report: Report,
    checkpoints: Sequence[Checkpoint],
    served: Mapping[int, Sequence[Served]],
    settings: Mapping[str, Setting],
) -> dict[int, str]:
    """Return by the ``id`` of each row with its character in the thinking only what diagnoses it in its setting."""
    known = {checkpoint.uri: checkpoint for checkpoint in checkpoints}
    found = {}
    for row in filter(is_only_in_thinking, report.checkpoints):
        words = (DIAGNOSE.format(c=row.options) + _in_its_setting(session, row, known, served, settings), session.place)
        found[id(row)] = " ".join(filter(None, words))
    return found


def _in_its_setting(
    session: Session,
    row: Tally,
    known: Mapping[str, Checkpoint],
    served: Mapping[int, Sequence[Served]],
    settings: Mapping[str, Setting],
) -> str:
    """Return the options by which a row is diagnosed as it was asked; none where nothing says how that was."""
    setting = settings.get(row.persona)
    if setting is None or not setting.shared:
        return ""
    return _as_asked(session, row, known, served, settings) or ""


def _as_asked(
    session: Session,
    row: Tally,
    known: Mapping[str, Checkpoint],
    served: Mapping[int, Sequence[Served]],
    settings: Mapping[str, Setting],
) -> str | None:
    """Return the options by which a row's checkpoints are asked as they were; None where no sampler can ask them."""
    mine = [known[uri] for uri in sorted(row.uris) if uri in known]
    sampler = _sampler(session, row.samplers, mine)
    if sampler is None:
        return None
    persona = f" -p {quote(row.persona)}" if any(one.persona != row.persona for one in mine) else ""
    asked_with = _options(session, row, settings.get(row.persona))
    return f"{persona}{sampler}{_endpoint(session, row, served)}{asked_with}"


def command_for_saves(session: Session, checkpoints: Sequence[Checkpoint], used: Collection[str]) -> str | None:
    """Return the command that samples these saves of training runs; None where no sampler can.

    ``used`` are the samplers that the runs' other samples are from.
    """
    sampler = _sampler(session, used, checkpoints)
    if sampler is None or not checkpoints:
        return None
    runs = " ".join(f"-c {quote(one)}" for one in dict.fromkeys(one.run or one.uri for one in checkpoints))
    return " ".join(filter(None, (f"charbench run --steps all {runs}{sampler}", session.place)))


def _has_standard(row: Tally) -> bool:
    """Whether the row was asked all the standard prompts, so that they are no more prompts to it."""
    asked = row.counts.prompts
    if len(asked) <= _DEFAULT_PROMPTS:  # most rows: the set need not be read
        return False
    return all(prompt.key in asked for prompt in prompts_for(STANDARD, None, Path()))


def _endpoint(session: Session, row: Tally, served: Mapping[int, Sequence[Served]]) -> str:
    """Return the option that names the endpoint of a served model's samples; empty where it is asked by default.

    It is empty too where an option of a sampler names the endpoint, and where samples are from several.
    """
    used = {one.provenance.endpoint for group in row.groups for one in served.get(group, ())} - {None}
    if len(used) != 1 or not all(uri.startswith(SERVED) for uri in row.uris):
        return ""
    if any(session.config.options_for(ComponentKind.SAMPLER.value, name).keys() & {"base_url", "endpoint"}
           for name in row.samplers):  # fmt: skip
        return ""
    endpoints = session.config.named_endpoints()
    (stored,) = used
    served_at = endpoints.earlier().get(str(stored), str(stored))
    if "://" not in served_at and served_at not in endpoints.named:
        return ""
    default = asked_by_default(replace(endpoints, chosen="") if endpoints.is_typed else endpoints)
    if default in endpoints.named or "://" in default:
        default = redact(endpoints.identity(default))
    return "" if default == served_at else f" --endpoint {quote(served_at)}"


def _options(session: Session, row: Tally, setting: Setting | None) -> str:
    """Return the options by which a row's sampler asks as it did, where it would ask otherwise today."""
    words = []
    for name, asked in sorted(setting.samplings.items() if setting is not None else ()):
        kind = session.plugins.find(ComponentKind.SAMPLER, name)
        if name not in row.samplers or kind is None or not asked.shared:
            continue
        try:
            today = kind.Config.model_validate(session.config.options_for(ComponentKind.SAMPLER.value, name))
        except ValidationError:
            continue
        values = today.model_dump(mode="json")
        for option, value in {**asked.shared, **asked.own}.items():
            if option in values and values[option] != value:
                told = value if isinstance(value, str) else json.dumps(value)
                words.append(f" -o {quote(f'sampler.{name}.{option}={told}')}")
    return "".join(words)


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
