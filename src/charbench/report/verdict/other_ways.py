"""What checkpoints answered in other ways than the report's setting: the probes of a diagnosis."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.engine import Connection

from charbench.diagnosis.probes import PREFIX, WAYS, probe_title
from charbench.report.summary.insights import causes_of
from charbench.report.summary.judged import Judged
from charbench.report.summary.rows import Report
from charbench.report.summary.tally import Tally
from charbench.store.by_prompt import PromptTally, prompt_tallies, series_of
from charbench.store.diagnoses import Causes
from charbench.store.selection import Selection
from charbench.store.settings import Setting, sampling_of
from charbench.store.summaries import GroupTotals, group_totals


def answers_of_probes(
    connection: Connection, report: Report, selection: Selection, causes: Causes
) -> dict[int, dict[str, Tally]]:
    """Return by the ``id`` of each diagnosed row a row for each way that it was probed in, by the way's title.

    What differs from the report's setting in more than the way does not count; of recordings, where nothing says how
    they were sampled, the newest diagnosis does.
    """
    conditions = {f"{PREFIX}{name}": name for name in WAYS}
    rows = [row for row in report.checkpoints if causes_of(row, causes)]
    if not rows or report.metric is None:
        return {}
    groups = [group for group in group_totals(connection) if group.condition in conditions]
    series = series_of(connection, selection.scorings)
    found: dict[int, dict[str, Tally]] = {}
    for row in rows:
        metric = report.metric_of.get(row.persona, report.metric)
        of = next(
            (one for one in series if one.persona == row.persona and f"{one.scorer}.{one.metric}" == metric), None
        )
        setting = selection.settings.get(row.persona)
        is_known = setting is not None and bool(setting.shared)
        mine = [one for one in groups if not is_known or _is_of(one, setting, conditions)]
        for group in sorted(mine, key=lambda one: one.last_run_id):
            if group.uri in row.uris and group.sampler in row.samplers and of is not None:
                way = probe_title(conditions[group.condition])
                found.setdefault(id(row), {})[way] = _tally(row, group, prompt_tallies(connection, [group.id], of))
    return found


def _is_of(group: GroupTotals, setting: Setting | None, conditions: Mapping[str, str]) -> bool:
    """Whether a probe's parameters are a setting's, but for what the probe changes."""
    asked = setting.samplings.get(group.sampler) if setting is not None else None
    if asked is None:
        return False
    changed = "max_tokens" if conditions[group.condition] == "long" else "thinking"
    probe = sampling_of(0, "", group.sampler, group.protocol, group.params)
    return probe.variant == asked.variant and {**probe.shared, changed: None} == {**asked.shared, changed: None}


def _tally(row: Tally, group: GroupTotals, counted: list[PromptTally]) -> Tally:
    tally = Tally(row.persona, row.label, set(row.kinds), {group.uri}, {group.name}, {group.sampler})
    tally.totals = dict(group.totals)
    tally.groups = [group.id]
    tally.counts.add(counted, scored=True)
    tally.judged = Judged(sum(one.judged for one in tally.counts.prompts.values()))
    return tally
