"""Which base models a run samples beside its checkpoints, so that each is compared with what it was trained from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from charbench.components.calling import takes
from charbench.components.sampler import Sampler
from charbench.components.source import CheckpointSource
from charbench.domain.checkpoint import Checkpoint, Kind
from charbench.domain.uris import BASE, SERVED, TinkerPath
from charbench.run.base_model import base_model_of
from charbench.run.dry_sampling import Estimate, estimate
from charbench.run.plan import Requests, sampling_plan
from charbench.run.planned import OneAfterTheOther, Planned
from charbench.run.session import Session
from charbench.run.wanted import Wanted
from charbench.text.enumeration import short_list

SOURCE = "run"


@dataclass(frozen=True, slots=True)
class Beside:
    """What a sampler is to sample: its base models come first, so that a stopped run resumes them.

    ``added`` are the base models that are sampled only because of the others; ``lines`` say so to the user, and which
    base model cannot be asked. ``planned`` is what is then to be asked, where some of that was planned to decide.
    """

    checkpoints: Sequence[Checkpoint]
    added: Sequence[Checkpoint] = ()
    lines: Sequence[str] = ()
    planned: OneAfterTheOther | None = None


def with_bases(
    session: Session,
    sampler: Sampler,
    sources: Sequence[CheckpointSource],
    chosen: Sequence[Checkpoint],
    served: Collection[str],
) -> Beside:
    """Return what ``sampler`` is to sample of ``chosen``, with or without base models as the option ``base`` says.

    By default a base model is added where at least one of its checkpoints has samples to take: a run that has nothing
    else to ask asks no base model either. ``base`` true adds it in any case, false leaves all out but those that are
    named. ``served`` are the URIs that the chosen endpoint lists, empty where it lists none: no other served model is
    asked as a base model, since an endpoint may answer to any name with whatever it serves.
    """
    wanted = session.config.base
    if type(sampler).requests is not Sampler.requests:  # what it asks is its own to say
        return Beside(chosen)
    if wanted is False:
        named = session.config.checkpoints
        return Beside([c for c in chosen if c.kind is not Kind.BASE or any(c.is_wanted_as(text) for text in named)])
    present = {checkpoint.uri for checkpoint in chosen}
    groups = [one for one in _by_base(sampler, chosen) if not _is_settled(session, sampler, one[0], present, served)]
    plan = None
    if not wanted and groups:
        plan = Planned(Requests(sampler, sampling_plan(session, sources, chosen)))
        groups = _that_ask_any(session, plan, groups)
    added: dict[str, Checkpoint] = {}
    lines: list[str] = []
    for group in groups:
        base = base_model_of(session.database, group[0], sampler, guess=False, source=SOURCE)
        if base is None and not group[0].base_model:
            continue
        if base is None or (base.uri.startswith(SERVED) and served and base.uri not in served):
            lines.append(_not_asked(session, sampler, group))
        elif base.uri not in present:
            added[base.uri] = base
    parts: list[Requests | Planned] = [] if plan is None else [plan]
    if added:
        asked = Requests(sampler, sampling_plan(session, sources, list(added.values()), chosen))
        lines.insert(0, _expected(session, asked, list(added.values())))
        parts.insert(0, asked)
    planned = None if plan is None else OneAfterTheOther(parts)
    return Beside([*added.values(), *chosen], list(added.values()), lines, planned)


def add_bases(
    session: Session,
    sources: Sequence[CheckpointSource],
    wanted: list[Wanted],
    checkpoints: Sequence[Checkpoint],
    say: Callable[[str], None],
) -> list[Checkpoint]:
    """Put base models beside what each sampler is ``wanted`` to sample, and ``say`` so.

    Return all checkpoints that the run is then about.
    """
    everything = {checkpoint.uri: checkpoint for checkpoint in checkpoints}
    for one in wanted:
        beside = with_bases(session, one.sampler, sources, one.checkpoints, one.served)
        one.checkpoints = beside.checkpoints
        everything |= {base.uri: base for base in beside.added}
        one.planned = beside.planned
        for line in beside.lines:
            say(line)
    return list(everything.values())


def _by_base(sampler: Sampler, chosen: Sequence[Checkpoint]) -> list[list[Checkpoint]]:
    """Return the checkpoints that a sampler can ask, those that have one base model together."""
    groups: dict[tuple[str | None, bool], list[Checkpoint]] = {}
    for checkpoint in chosen:
        if checkpoint.kind is Kind.BASE or not checkpoint.sampleable or checkpoint.missing_since:
            continue
        if takes(sampler, checkpoint):
            key = checkpoint.base_model, TinkerPath.parse(checkpoint.uri) is not None
            groups.setdefault(key, []).append(checkpoint)
    return list(groups.values())


def _is_settled(
    session: Session, sampler: Sampler, checkpoint: Checkpoint, present: Collection[str], served: Collection[str]
) -> bool:
    """Whether a checkpoint's base model is sampled anyway, or nobody knows it: then no plan is needed to tell."""
    name = checkpoint.base_model
    named = Checkpoint(uri=f"{BASE}{name}", kind=Kind.BASE, base_model=name)
    if name and named.uri not in present and takes(sampler, named):
        return False
    base = base_model_of(session.database, checkpoint, sampler, guess=False, source=SOURCE)
    if base is None:
        return not name
    return base.uri in present and not (base.uri.startswith(SERVED) and served and base.uri not in served)


def _that_ask_any(session: Session, plan: Planned, groups: Sequence[list[Checkpoint]]) -> list[list[Checkpoint]]:
    """Return the groups of which samples are missing; planning ends where that is known of all."""
    group_of = {checkpoint.uri: number for number, group in enumerate(groups) for checkpoint in group}
    asking: set[int] = set()
    for request in plan.missing(session.database, session.config.retry_errors):
        if (number := group_of.get(request.checkpoint.uri)) is not None:
            asking.add(number)
            if len(asking) == len(groups):
                break
    return [groups[number] for number in sorted(asking)]


def _not_asked(session: Session, sampler: Sampler, group: Sequence[Checkpoint]) -> str:
    """Return why no base model is sampled beside these checkpoints, and what can be done."""
    names = short_list([checkpoint.name for checkpoint in group])
    name = group[0].base_model
    base = Checkpoint(uri=f"{BASE}{name}", kind=Kind.BASE, base_model=name)
    others = [one.name for one in session.installed_samplers() if one.name != sampler.name and takes(one, base)]
    way = f"; --sampler {others[0]} can" if others else ""
    return f"Base model {name} is not sampled beside {names}: sampler {sampler.name} cannot ask it here{way}."


def _expected(session: Session, requests: Requests, bases: Sequence[Checkpoint]) -> str:
    """Return what the base models add to a run, for the user to read before anything is sent."""
    config = session.config
    expected = estimate(session.database, requests.sampler, requests, config.retry_errors, config.prices)
    which = "Base model" if len(bases) == 1 else "Base models"
    told = f"{expected.requests:,} requests, at most {expected.completion_tokens:,} completion tokens{_cost(expected)}"
    return (
        f"{which} {short_list([base.name for base in bases])}: sampled as well on the same prompts, so that verdicts "
        f"can compare ({told}); --no-base leaves it out."
    )


def _cost(expected: Estimate) -> str:
    return "" if expected.cost is None else f", cost at most {expected.cost:,.4f}"
