"""The one setting of each persona that a report or comparison is about, and the groups, prompts and scorings of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from sqlalchemy.engine import Connection

from charbench.domain.sample import DEFAULT_CONDITION
from charbench.errors import UsageError
from charbench.store.asked import Asked, read_asked_in
from charbench.store.dialect import MAX_PARAMETERS, chunks
from charbench.store.noted_settings import find_setting
from charbench.store.recount import SERIES_TOTALS, add_up, group_sums, samples_by_prompt, series_sums
from charbench.store.settings import Setting, read_settings, sampling_of
from charbench.store.summaries import UNREAD, GroupTotals, SeriesTotals, group_totals, series_totals
from charbench.store.tables import GROUP_TOTALS


@dataclass(frozen=True, slots=True)
class Selection:
    """One setting for each persona, by persona, with what belongs to it.

    ``groups`` are those of all conditions but samples that were taken just to look. ``others`` are the personas' other
    settings, the newest first; ``left_out`` counts the samples of these personas under the default condition that
    belong to none of the chosen ones. ``named``: some setting was named. ``usual`` are the settings that a report shows
    in place of those that this one's run asked for, by persona.
    """

    settings: Mapping[str, Setting]
    groups: list[GroupTotals]
    scorings: frozenset[int]
    others: Sequence[Setting]
    left_out: int
    named: bool
    usual: Mapping[str, Setting] = field(default_factory=dict)

    def series(self, connection: Connection, groups: Sequence[GroupTotals]) -> list[SeriesTotals]:
        """Return the metrics of these groups in their settings, over the prompts that count."""
        found = series_totals(connection, sorted({group.id for group in groups}), self.scorings)
        some = {(group.id, name): group.prompts for group in groups for name in group.personas
                if group.prompts is not None}  # fmt: skip
        sums = series_sums(connection, sorted({number for number, _ in some})) if some else {}
        counted = []
        for (group, number), one in found.items():
            wanted = some.get((group, one.persona))
            if wanted is not None:
                mine = add_up(sums.get((group, number), {}), wanted, SERIES_TOTALS)
                one = replace(one, **{name: mine[name] for name in SERIES_TOTALS})  # type: ignore[arg-type]
            counted.append(one)
        return counted


def select_settings(
    connection: Connection,
    personas: Sequence[str] = (),
    wanted: Sequence[str] = (),
    as_if: Mapping[str, Sequence[str]] = MappingProxyType({}),
    run: int | None = None,
) -> Selection:
    """Return the setting of each persona: the one that ``wanted`` names, else that of the newest run.

    ``run`` is the run that the report is the end of: it shows what this run has asked for, if it has, whether or not
    it had to take samples of it, and of several settings that differ in their scorers the one that it has scored by.

    ``as_if`` holds personas by URI: these checkpoints count as theirs, and as no other's.

    The newest run is the last one that added a sample to the persona's checkpoints: one that adds nothing changes
    nothing. Raises :class:`UnknownNameError` for a setting that the store does not have, :class:`UsageError` for two of
    one persona.
    """
    known = read_settings(connection, as_if)
    named: dict[str, Setting] = {}
    for name in wanted:
        setting = find_setting(connection, known, name, as_if)
        if named.get(setting.persona, setting).id != setting.id:
            raise UsageError(
                f"option --setting: {named[setting.persona].id} and {name} are both settings of {setting.persona}; "
                "name one (compare --across compares two)"
            )
        named[setting.persona] = setting
    asked = Asked({}) if run is None else read_asked_in(connection, run)
    settings = {
        persona: named.get(persona) or _of_run(mine, run, asked)
        for persona, mine in known.by_persona.items()
        if mine and (not personas or persona in personas)
    }
    others = [one for persona, setting in settings.items() for one in known.by_persona[persona] if one.id != setting.id]
    everything = [
        replace(group, persona=persona)
        for group in group_totals(connection)
        if group.condition not in UNREAD
        for persona in as_if.get(group.uri, (group.persona,))
    ]
    groups = _groups(connection, everything, settings)
    scorings = frozenset(one.id for setting in settings.values() for one in setting.scorers.values())
    usual = {
        persona: known.by_persona[persona][0]
        for persona, one in settings.items()
        if persona not in named and not _same_request(one, known.by_persona[persona][0])
    }
    left_out = _left_out(everything, groups, settings)
    return Selection(settings, groups, scorings, others, left_out, bool(named), usual)


def _same_request(one: Setting, other: Setting) -> bool:
    """Whether two settings differ in their scorers at most."""
    return (one.samplings, one.prompts) == (other.samplings, other.prompts)


def _of_run(known: Sequence[Setting], run: int | None, asked: Asked) -> Setting:
    """Return the first setting that this run asked for, or else the first one of the same newest run as the first.

    Of several states of the scorers it is the one with most scorers that this run has used.
    """
    mine = [one for one in known if run is not None and _asked_for(one, run, asked)]
    first = mine[0] if mine else known[0]
    alike = [one for one in mine if one.samplings == first.samplings] or [o for o in known if o.run == first.run]
    return max(alike, key=lambda one: sum(by.last_run == run for by in one.scorers.values()))


def _asked_for(setting: Setting, run: int, asked: Asked) -> bool:
    keys = {one.key for one in setting.samplings.values()}
    return setting.prompts is not None and asked.prompts(run, setting.persona, keys) == setting.prompts


def groups_of_setting(connection: Connection, persona: str, setting: Setting) -> list[GroupTotals]:
    """Return the groups of one setting, of all conditions."""
    everything = [group for group in group_totals(connection) if group.condition not in UNREAD]
    return _groups(connection, everything, {persona: setting})


def _groups(
    connection: Connection, everything: Sequence[GroupTotals], settings: Mapping[str, Setting]
) -> list[GroupTotals]:
    """Return the groups of these settings, each once for each choice of its prompts that counts."""
    found: dict[tuple[int, frozenset[str] | None], tuple[GroupTotals, list[str]]] = {}
    for persona, setting in settings.items():
        for group in _of_setting(everything, persona, setting):
            prompts = setting.prompts if group.condition == DEFAULT_CONDITION else None
            found.setdefault((group.id, prompts), (group, []))[1].append(persona)
    some = sorted({number for number, prompts in found if prompts is not None})
    counts: dict[int, dict[str, int]] = {}
    for part in chunks(some, MAX_PARAMETERS):
        counts |= samples_by_prompt(connection, part)
    mixed = [number for number, prompts in found if prompts is not None and counts.get(number, {}).keys() - prompts]
    sums = group_sums(connection, sorted(set(mixed))) if mixed else {}
    chosen = []
    for (number, prompts), (group, names) in found.items():
        if prompts is None or not counts.get(number, {}).keys() - prompts:
            chosen.append(replace(group, personas=tuple(names)))
            continue
        totals = add_up(sums[number], prompts, GROUP_TOTALS)
        if totals["samples"]:
            chosen.append(replace(group, personas=tuple(names), prompts=prompts, totals=totals))
    return chosen


def _of_setting(everything: Sequence[GroupTotals], persona: str, setting: Setting) -> list[GroupTotals]:
    """Return the groups that answer a setting, of any condition: the persona's own, and those of base models.

    Where a base model was asked by a sampler that the persona's checkpoints were not asked by, that is the newest of
    its settings.
    """
    variants = {one.sampler: one.variant for one in setting.samplings.values()}
    request = next(iter(setting.samplings.values())).request
    found: dict[tuple[str, str, str], GroupTotals] = {}
    for group in everything:
        shared = group.kind == "base" or not group.persona
        if not shared and group.persona != persona:
            continue
        sampling = sampling_of(0, "", group.sampler, group.protocol, group.params)
        fits = variants.get(group.sampler) == sampling.variant or (shared and group.sampler not in variants)
        if fits and sampling.request == request:
            found[group.uri, group.sampler, group.condition] = group
    return list(found.values())


def _left_out(everything: Sequence[GroupTotals], chosen: Sequence[GroupTotals], settings: Mapping[str, Setting]) -> int:
    """Return how many samples of the personas' own checkpoints belong to none of the chosen settings."""
    count = 0.0
    taken: dict[int, float] = {}
    for group in chosen:
        taken[group.id] = taken.get(group.id, 0) + group.totals["samples"]  # of one persona's prompts
    for group in everything:
        shared = group.kind == "base" or not group.persona
        if group.condition == DEFAULT_CONDITION and (shared or group.persona in settings):
            count += max(0, group.totals["samples"] - taken.get(group.id, 0))
    return int(count)


def samples_of_settings(connection: Connection, settings: Sequence[Setting]) -> dict[str, int]:
    """Return how many samples each setting has, by its ID: those of base models among them."""
    groups = sorted({group.id for one in settings for group in one.groups if one.prompts is not None})
    counts: dict[int, dict[str, int]] = {}
    for part in chunks(groups, MAX_PARAMETERS):
        counts |= samples_by_prompt(connection, part)

    def size(one: Setting) -> int:
        if one.prompts is None:
            return sum(group.samples for group in one.groups)
        mine = one.prompts
        return sum(n for group in one.groups for prompt, n in counts.get(group.id, {}).items() if prompt in mine)

    return {one.id: size(one) for one in settings}
