"""The plan: which checkpoints a run is about, what they are asked, and what their samples are scored for."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from charbench.components.calling import items, takes
from charbench.components.containment import each
from charbench.components.sampler import Sampler, SampleRequest, SamplingPlan
from charbench.components.source import CheckpointSource, Lab
from charbench.domain.checkpoint import Checkpoint, Kind
from charbench.domain.dataset import RecordedFile, RecordedSample
from charbench.domain.persona import Persona
from charbench.domain.prompt import Prompt
from charbench.errors import UnknownNameError
from charbench.personas.prompt_sets import prompts_for
from charbench.run.base_model import is_model
from charbench.run.session import Session
from charbench.store.claims import shared_out
from charbench.store.summaries import groups_of
from charbench.text.enumeration import short_list


def select_checkpoints(
    checkpoints: Iterable[Checkpoint], wanted: Sequence[str], personas: Sequence[str]
) -> list[Checkpoint]:
    """Return the checkpoints that ``wanted`` and ``personas`` leave; empty lists leave all.

    ``wanted`` holds URIs, names or runs, or patterns of URIs and names. Where personas are given, checkpoints of
    others are left out; base models stay, and so does one of no known persona that is wanted by name. Raises
    :class:`UnknownNameError` for one that nothing matches.
    """
    chosen = everything = list(checkpoints)
    if wanted:
        for text in wanted:
            if not any(checkpoint.is_wanted_as(text) for checkpoint in everything):
                raise UnknownNameError("checkpoint", text, {c.name for c in everything if c.sampleable})
        chosen = [c for c in everything if any(c.is_wanted_as(text) for text in wanted)]
    if personas:
        chosen = [c for c in chosen if c.persona in personas or c.kind is Kind.BASE or (wanted and c.persona is None)]
    return chosen


def of_no_persona(
    checkpoints: Iterable[Checkpoint], personas: Sequence[str], unscored: Collection[str] = ()
) -> list[str]:
    """Return a line on checkpoints that are left out since nothing tells their persona.

    Those are what :func:`select_checkpoints` leaves out for these personas; where none is named, those of ``unscored``
    (URIs), which have samples and no scores.
    """
    unknown = (c for c in checkpoints if c.persona is None and c.kind is not Kind.BASE and c.sampleable)
    names = sorted(dict.fromkeys(c.name for c in unknown if personas or c.uri in unscored))
    if not names:
        return []
    of = f"-c {shlex.quote(names[0])}"
    if not personas:
        command = f"charbench score -p PERSONA {of}"
        return [f"Not scored, as nothing tells their persona: {short_list(names)}. To score one: {command}"]
    given = " ".join(f"-p {shlex.quote(name)}" for name in personas)
    return [f"Left out, as nothing tells their persona: {short_list(names)}. To score one for it: {given} {of}"]


def sampling_plan(
    session: Session,
    sources: Sequence[CheckpointSource],
    checkpoints: Sequence[Checkpoint],
    beside: Sequence[Checkpoint] = (),
) -> SamplingPlan:
    """Return what is to be sampled: each checkpoint's prompts by its persona.

    A base model gets the prompts of all that it is compared with: of these checkpoints, and of those ``beside`` them
    that are sampled elsewhere.
    """
    config = session.config
    config.check_prompts()
    personas = session.personas.all
    prompts: dict[str, Sequence[Prompt]] = {}
    everything = [*checkpoints, *beside]
    by_persona: dict[str, Sequence[Prompt]] = {}
    for checkpoint in everything:
        persona = personas.get(checkpoint.persona) if checkpoint.persona else None
        if persona is None and len(config.personas) == 1:
            persona = session.personas.get(config.personas[0])
        name = persona.name if persona else ""
        if name not in by_persona:
            with config.naming("prompts"):
                by_persona[name] = prompts_for(config.prompts, persona, config.lab, config.read_limits)
        prompts[checkpoint.uri] = by_persona[name]
    for base in checkpoints:
        if base.kind is Kind.BASE and (its := compared_with(base, everything)):
            asked: dict[str, Prompt] = {}
            for prompt in (one for checkpoint in its for one in prompts[checkpoint.uri]):
                asked.setdefault(prompt.key, prompt)
            prompts[base.uri] = list(asked.values())
    sampleable = [checkpoint for checkpoint in checkpoints if checkpoint.sampleable]
    recorded = Recordings(sources, session.lab)
    perturbations = session.perturbations()
    session.lifecycle.prepare_all(perturbations)
    return SamplingPlan(sampleable, prompts, config.epochs, recorded, perturbations)


def compared_with(base: Checkpoint, checkpoints: Iterable[Checkpoint]) -> list[Checkpoint]:
    """Return the checkpoints that were trained from a base model, as far as is known."""
    return [
        one
        for one in checkpoints
        if one.kind is not Kind.BASE and one.sampleable and (not one.base_model or is_model(base, one.base_model))
    ]


def personas_to_score(
    session: Session,
    checkpoints: Sequence[Checkpoint],
    personas: Sequence[str],
    warnings: list[str],
    *,
    without_file: bool = False,
    others: int = 0,
) -> Iterator[tuple[Persona, list[Checkpoint], list[int]]]:
    """Yield each persona with the checkpoints and the groups of samples that are to be scored for it.

    A checkpoint's samples are scored for its own persona; a base model's for every one; those of no known
    persona for the one that the run is limited to, if it is limited to one. A persona that has no file is passed over
    and told; ``without_file``: it is a bare name. A run that finds ``others`` at work begins with another persona.
    """
    mine: dict[str, list[str]] = {}
    bases: list[str] = []
    for checkpoint in checkpoints:
        if checkpoint.kind is Kind.BASE:
            bases.append(checkpoint.uri)
        elif checkpoint.persona:
            mine.setdefault(checkpoint.persona, []).append(checkpoint.uri)
        elif len(personas) == 1:
            mine.setdefault(personas[0], []).append(checkpoint.uri)
    if bases and not mine:
        mine = {name: [] for name in personas}
    for name in shared_out(sorted(mine), others):
        persona = session.personas.all.get(name)
        if persona is None and without_file:
            persona = Persona(name=name)
        if persona is None:
            note_without_file(name, len(mine[name]), warnings)
            continue
        uris = {*mine[name], *bases}
        with session.database.read() as connection:
            groups = groups_of(connection, sorted(uris))
        if groups:
            yield persona, [c for c in checkpoints if c.uri in uris], groups


def note_without_file(name: str, checkpoints: int, warnings: list[str]) -> None:
    """Tell, once, that a persona's checkpoints are not scored because nothing says what it is like."""
    warning = (
        f"persona {name!r} has no file, so {checkpoints} checkpoints are not scored; "
        f"write one with: charbench personas new {name}"
    )
    if warning not in warnings:
        warnings.append(warning)


def _recordings(source: CheckpointSource, lab: Lab) -> Iterator[RecordedSample | RecordedFile]:
    return items(source, source.recordings(lab))


def _requests(sampler: Sampler, plan: SamplingPlan) -> Iterator[SampleRequest]:
    return items(sampler, sampler.requests(plan))


@dataclass(frozen=True, slots=True)
class Recordings:
    """The recorded samples of all sources, anew at each iteration."""

    sources: Sequence[CheckpointSource]
    lab: Lab
    files: dict[str, RecordedFile] = field(default_factory=dict)
    """By path: the files that the last iteration has read to their ends."""

    def __iter__(self) -> Iterator[RecordedSample]:
        self.files.clear()
        for source in self.sources:
            for found in each(f"source {source.name}", partial(_recordings, source, self.lab)):
                if isinstance(found, RecordedFile):
                    self.files[found.path] = found
                else:
                    yield found


@dataclass(frozen=True, slots=True)
class Requests:
    """What a sampler wants to ask, anew at each iteration; ``condition`` None: as the sampler says."""

    sampler: Sampler
    plan: SamplingPlan
    condition: str | None = None

    def __iter__(self) -> Iterator[SampleRequest]:
        for request in each(f"sampler {self.sampler.name}", partial(_requests, self.sampler, self.plan)):
            yield replace(request, condition=self.condition) if self.condition else request

    def total(self) -> int | None:
        """Return how many requests there are, None where only the sampler knows."""
        if type(self.sampler).requests is not Sampler.requests:
            return None
        accepted = [c.uri for c in self.plan.there() if takes(self.sampler, c)]
        return self.plan.epochs * sum(1 for uri in accepted for _ in self.plan.questions(uri))
