"""Settings: what was requested of a persona's checkpoints, and the samples and scores that answer each.

A setting is a query over samples, not a partition of them: sampling parameters, prompts, and scorers as they are set
up. The parameters that samplers share (:class:`charbench.GenerationConfig`) make the setting whichever sampler asks;
a sampler's own options are part of it too, as one variant for each sampler. What served a request is provenance, and
no part of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import product
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from charbench.components.generation import GenerationConfig
from charbench.domain.checkpoint import Kind
from charbench.domain.keys import digest
from charbench.domain.sample import DEFAULT_CONDITION
from charbench.store.asked import Asked, read_asked
from charbench.store.dialect import among
from charbench.store.states import newest_states, read_scorers, states_of_batches
from charbench.store.summaries import ADHOC, has_results
from charbench.store.tables import (
    checkpoints,
    groups,
    removed_samples,
    samples,
    samplings,
    score_totals,
    scorings,
    series,
)

UNKNOWN = "(unknown)"
"""The persona of checkpoints that belong to none and are scored for none."""
ID_LENGTH = 6
SHARED = tuple(name for name in GenerationConfig.model_fields if name not in ("thinking_tags", "template_opens"))
"""Parameters that mean the same for every sampler."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """One row of ``samplings``, split into what all samplers share and the sampler's own options."""

    id: int
    key: str
    sampler: str
    protocol: int
    shared: Mapping[str, Any]
    own: Mapping[str, Any]

    @property
    def request(self) -> str:
        """A digest of the parameters that make the setting."""
        return digest(dict(self.shared)) if self.shared else digest(self.sampler, dict(self.own))

    @property
    def variant(self) -> str:
        """A digest of the sampler's version and own options."""
        return digest(self.sampler, self.protocol, dict(self.own))


@dataclass(frozen=True, slots=True)
class ScoredBy:
    """One row of ``scorings``: a scorer as it is set up, for one persona."""

    id: int
    key: str
    scorer: str
    protocol: int
    config: Mapping[str, Any]
    fingerprint: str
    last_run: int
    version: str | None = None
    """Digests of the scorer's code, where it is a plugin's (see ``code_versions``)."""


@dataclass(frozen=True, slots=True)
class GroupOf:
    """A group of samples under the default condition: whose it is, and the runs that added the first and last one."""

    id: int
    uri: str
    persona: str | None
    sampling: Sampling
    samples: int
    first_run: int
    last_run: int


@dataclass(frozen=True)
class Setting:
    """What was requested for one persona. ``prompts`` None: all that there are (nothing says what was asked for)."""

    persona: str
    samplings: Mapping[str, Sampling]
    """One for each sampler."""
    scorers: Mapping[str, ScoredBy]
    prompts: frozenset[str] | None
    groups: tuple[GroupOf, ...] = field(compare=False)
    run: int = field(compare=False)
    """The newest run that added to it."""
    is_probe: bool = field(default=False, compare=False)
    """Whether nothing but diagnoses asked for it."""

    @cached_property
    def id(self) -> str:
        """A short name that depends on what was requested alone."""
        asked = [] if self.prompts is None else [digest(*sorted(self.prompts))]
        parts = sorted(one.variant for one in self.samplings.values())
        by = sorted(one.key for one in self.scorers.values())
        return digest(self.persona, next(iter(self.samplings.values())).request, parts, by, asked)[:ID_LENGTH]

    @property
    def shared(self) -> Mapping[str, Any]:
        """The parameters that all its samplers share."""
        return next(iter(self.samplings.values())).shared

    @property
    def variants(self) -> set[tuple[str, str]]:
        """What tells the samplings that belong to it: request and variant."""
        return {(one.request, one.variant) for one in self.samplings.values()}


@dataclass(frozen=True, slots=True)
class Known:
    """All settings that a store has samples of, by persona; of each persona the one of the newest run first.

    ``resolvable`` holds those that were complete once and are part of a later one now: their names stay valid.
    """

    by_persona: Mapping[str, Sequence[Setting]]
    resolvable: Mapping[str, Setting]


def read_settings(connection: Connection, as_if: Mapping[str, Sequence[str]] = MappingProxyType({})) -> Known:
    """Return every setting of the store.

    ``as_if`` holds personas by URI: these checkpoints count as theirs, and as no other's.

    Of a persona the setting of the newest run comes first: of the run that was the last to add a sample to the
    persona's own checkpoints (to those without a persona only where it has none). What nothing but diagnoses asked for
    comes last.
    """
    answers = Answers.read(connection, as_if)
    settings: dict[str, Sequence[Setting]] = {}
    resolvable: dict[str, Setting] = {}
    for persona in sorted(answers.personas):
        listed: dict[str, Setting] = {}
        for setting, complete in answers.settings(persona):
            resolvable.setdefault(setting.id, setting)
            if complete:
                listed.setdefault(setting.id, setting)
        settings[persona] = sorted(listed.values(), key=partial(_newest_first, answers.scored_in))
    return Known(settings, resolvable)


States = Callable[[Sequence[Any], Callable[[Any], str]], Iterable[tuple[Mapping[str, Any], bool]]]
"""Returns the combinations of one choice for each slot that a sequence of choices stands for, as ``newest_states``."""


@dataclass(frozen=True)
class Answers:
    """What settings are made of: groups of samples, scorers as they were set up, and what runs asked for."""

    groups: Sequence[GroupOf]
    scorers: Mapping[str, Sequence[ScoredBy]]
    scored_in: Mapping[int, Mapping[int, int]]
    asked: Asked
    wanted: Mapping[int, frozenset[str]] = field(default_factory=dict)
    """By run: the keys of the scorings that it wanted, as far as runs say."""

    @classmethod
    def read(
        cls,
        connection: Connection,
        as_if: Mapping[str, Sequence[str]] = MappingProxyType({}),
        *,
        removed: bool = False,
    ) -> Answers:
        """Read them; ``removed``: with groups all of whose samples are taken out of reports, whatever scored them."""
        found = [
            replace(group, persona=persona)
            for group in _groups(connection, removed=removed)
            for persona in as_if.get(group.uri, (group.persona,))
        ]
        scored_in = {} if removed else _scored_in(connection)
        return cls(found, _scorers(connection), scored_in, read_asked(connection), read_scorers(connection))

    @cached_property
    def ownerless(self) -> Sequence[GroupOf]:
        """The groups of base models, and of checkpoints without a persona."""
        return [group for group in self.groups if group.persona is None]

    @property
    def personas(self) -> set[str]:
        """The personas that there are settings of."""
        personas = {group.persona for group in self.groups if group.persona}
        return personas | (set(self.scorers) or {UNKNOWN}) if self.ownerless else personas

    def settings(self, persona: str, states: States | None = None) -> Iterator[tuple[Setting, bool]]:
        """Yield a persona's settings, and of each whether it is complete."""
        own = [group for group in self.groups if group.persona == persona]
        others = self.ownerless if own else ()
        for request in {group.sampling.request for group in own or self.ownerless}:
            mine = [group for group in own or self.ownerless if group.sampling.request == request]
            beside = [group for group in others if group.sampling.request == request]
            yield from _of_request(persona, mine, beside, self, states or newest_states)


def _newest_first(judged: Mapping[int, Mapping[int, int]], setting: Setting) -> tuple[Any, ...]:
    recorded = not setting.shared
    size = sum(group.samples for group in setting.groups)
    newest = sorted((-one.last_run, -one.id) for one in setting.scorers.values())
    uris = len({group.uri for group in setting.groups})
    # Of two that one run added to: the one that has more checkpoints; what was asked before what is recorded. Of two
    # states of the scorers the one that has scored more checkpoints: a new judge that is tried on one of them does not
    # take the others' scores out of sight.
    about_scores = -_covered(judged, setting), newest, setting.id
    return setting.is_probe, -setting.run, setting.prompts is None, -uris, recorded, -size, *about_scores


def _covered(judged: Mapping[int, Mapping[int, int]], setting: Setting) -> int:
    """Return for how many groups there are scores of at least half of the samples, added up over the scorers."""
    return sum(
        2 * judged.get(group.id, {}).get(one.id, 0) >= group.samples
        for one in setting.scorers.values()
        for group in setting.groups
    )


def _of_request(
    persona: str,
    own: Sequence[GroupOf],
    others: Sequence[GroupOf],
    answers: Answers,
    states: States,
) -> Iterator[tuple[Setting, bool]]:
    """Yield the settings of one request, and of each whether it is complete: the scorers' newest state last."""
    scored_in, asked = answers.scored_in, answers.asked
    scored = set().union(*(scored_in.get(group.id, {}) for group in (*own, *others)))
    everywhere = set().union(*scored_in.values())
    mine = [one for one in answers.scorers.get(persona, ()) if one.id in scored or one.id not in everywhere]
    ordered = sorted(own, key=lambda group: (group.last_run, group.sampling.id))
    sampled = list({group.sampling.key: group.sampling for group in ordered}.values())
    for used, is_whole in states(sampled, lambda one: one.sampler):
        keys = {one.key for one in used.values()}
        held = [group for group in own if group.sampling.key in keys]
        beside = [
            group
            for group in others
            if (group.sampling.sampler, group.sampling.variant) in {(one.sampler, one.variant) for one in used.values()}
            or group.sampling.sampler not in used
        ]
        sets = _prompt_sets(persona, held, keys, asked)
        parts = _parts(sets, keys, asked)
        for (prompts, runs), (scorers, is_complete) in product(sets.items(), _scorer_states(mine, answers, states)):
            is_probe = asked.diagnoses.issuperset(runs)
            made = Setting(persona, used, scorers, prompts, (*held, *beside), runs[-1], is_probe)
            yield made, is_whole and is_complete and prompts not in parts


def _scorer_states(
    mine: Sequence[ScoredBy], answers: Answers, states: States
) -> Iterable[tuple[Mapping[str, Any], bool]]:
    """Return the states of the scorers: where runs say what they wanted, those that runs have left."""
    wanted = answers.wanted
    if states is newest_states and mine and all(one.last_run in wanted for one in mine):
        batches = [[one for one in mine if one.key in keys] for keys in wanted.values()]
        return states_of_batches([batch for batch in batches if batch], lambda one: one.scorer)
    return states(mine, lambda one: one.scorer) or [({}, True)]


def _prompt_sets(
    persona: str, own: Sequence[GroupOf], keys: set[str], asked: Asked
) -> dict[frozenset[str] | None, list[int]]:
    """Return the sets of prompts that runs asked for, each with those runs, the newest last.

    None stands for the prompts of runs that do not say.
    """
    found: dict[frozenset[str] | None, list[int]] = {}
    newest = max(group.last_run for group in own)
    for run in sorted({*asked.runs(persona, keys), *(r for g in own for r in (g.first_run, g.last_run))}):
        if run <= newest:
            found.setdefault(asked.prompts(run, persona, keys), []).append(run)
    return found


def _parts(sets: dict[frozenset[str] | None, list[int]], keys: set[str], asked: Asked) -> set[frozenset[str] | None]:
    """Return the sets that are no setting of their own: what runs had planned that were stopped or killed meanwhile.

    Those are part of what another run has asked for, whose set gets their runs.
    """
    parts: set[frozenset[str] | None] = set()
    for prompts, runs in sets.items():
        if prompts is None or not all(asked.is_partly(run, keys) for run in runs):
            continue
        wholes = [one for one in sets if one is not None and prompts < one]
        if wholes:
            parts.add(prompts)
            whole = sets[max(wholes, key=lambda one: (len(one), sets[one][-1]))]
            whole[:] = sorted({*whole, *runs})
    return parts


def _groups(connection: Connection, *, removed: bool) -> list[GroupOf]:
    def run_of(order: Any) -> Any:
        mine = sa.select(samples.c.run_id).order_by(order).limit(1).correlate(groups)
        here = mine.where(samples.c.group_id == groups.c.id).scalar_subquery()
        if not removed:
            return here
        there = mine.join(removed_samples, removed_samples.c.sample_id == samples.c.id)
        return sa.func.coalesce(here, there.where(removed_samples.c.group_id == groups.c.id).scalar_subquery())

    query = (
        sa.select(
            groups.c.id, groups.c.samples, checkpoints.c.uri, checkpoints.c.persona, checkpoints.c.kind,
            samplings.c.id.label("sampling_id"), samplings.c.key, samplings.c.sampler, samplings.c.protocol,
            samplings.c.params, run_of(samples.c.id).label("first_run"), run_of(samples.c.id.desc()).label("last_run"),
        )
        .join(checkpoints, checkpoints.c.id == groups.c.checkpoint_id)
        .join(samplings, samplings.c.id == groups.c.sampling_id)
        .where(samplings.c.condition == DEFAULT_CONDITION)
        .order_by(groups.c.id)
    )  # fmt: skip
    if not removed:
        query = query.where(groups.c.samples > 0)
    found = []
    for row in connection.execute(query):
        sampling = sampling_of(row.sampling_id, row.key, row.sampler, row.protocol, row.params)
        owner = None if row.kind == Kind.BASE else row.persona
        runs = (row.first_run or 0, row.last_run or 0)
        found.append(GroupOf(row.id, row.uri, owner or None, sampling, row.samples, *runs))
    return found


def sampling_of(number: int, key: str, sampler: str, protocol: int, params: Mapping[str, Any]) -> Sampling:
    """Return a sampling with its parameters split into shared and own ones."""
    shared = {name: value for name, value in params.items() if name in SHARED}
    own = {name: value for name, value in params.items() if name not in SHARED}
    return Sampling(number, key, sampler, protocol, shared, own)


def recorded_groups(connection: Connection, group_ids: Sequence[int]) -> set[int]:
    """Return which of these groups are recordings: nothing says how their samples were taken."""
    query = sa.select(groups.c.id, samplings.c.params).join(samplings, samplings.c.id == groups.c.sampling_id)
    rows = connection.execute(query.where(among(connection, groups.c.id, list(group_ids))))
    return {number for number, params in rows if not set(params) & set(SHARED)}


def _scorers(connection: Connection) -> dict[str, list[ScoredBy]]:
    found: dict[str, list[ScoredBy]] = {}
    for row in connection.execute(
        sa.select(scorings).where(has_results()).order_by(scorings.c.last_run_id, scorings.c.id)
    ):
        one = ScoredBy(
            row.id, row.key, row.scorer, row.protocol, row.config, row.fingerprint, row.last_run_id, row.version
        )
        found.setdefault(row.persona, []).append(one)
    return found


def _scored_in(connection: Connection) -> dict[int, dict[int, int]]:
    """Return the scorings that have scores in each group, each with the number of responses or thoughts scored."""
    query = (
        sa.select(
            score_totals.c.group_id,
            series.c.scoring_id,
            sa.func.max(score_totals.c.count + score_totals.c.missing),
        )
        .join(series, series.c.id == score_totals.c.series_id)
        .group_by(score_totals.c.group_id, series.c.scoring_id)
    )
    found: dict[int, dict[int, int]] = {}
    for group, scoring, texts in connection.execute(query):
        found.setdefault(group, {})[scoring] = int(texts)
    return found


__all__ = ["ADHOC", "UNKNOWN", "GroupOf", "Known", "Sampling", "ScoredBy", "Setting", "read_settings", "sampling_of"]
