"""Which checkpoints are viable: one verdict for each row of a report, by a stated rule.

A conclusion is drawn from bounds, never from the rate itself, and the bounds may be looked at several times
(:mod:`charbench.analysis.sequential_bounds`).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

from charbench.analysis.clusters import prompt_clusters
from charbench.analysis.corrected_rates import Proportion, corrected_rate
from charbench.analysis.paired import paired_rates_p
from charbench.analysis.sequential_bounds import ERROR, LOOKS, confidence, samples_that_decide
from charbench.config.verdict import VerdictConfig
from charbench.domain.measurement import Measurement
from charbench.report.earlier_code import EarlierCode, rescoring_command
from charbench.report.judges import JudgedBy
from charbench.report.render.cells import p_value
from charbench.report.summary.details import Origin
from charbench.report.summary.insights import causes_of
from charbench.report.summary.rows import Report
from charbench.report.summary.tally import Tally
from charbench.report.verdict.health_bounds import health_rates
from charbench.scoring.scorer_errors import scorer_errors
from charbench.store.diagnoses import Causes

MORE_PROMPTS = "charbench run {c} --prompts standard"
"""What is to be run where more prompts would decide; ``{c}`` names the checkpoints."""
MORE_OF_A_WAY = "charbench diagnose {c} --prompts standard"
"""The same where the verdict speaks of a way that a diagnosis found: a run would ask as before."""
DIAGNOSE = "charbench diagnose {c}"
"""What is to be run where probes can tell why there are no responses."""
SCORE = "charbench score"
"""What is to be run where nothing is scored."""
OTHER_SCORER = "charbench score --scorer"
"""What is to be run where this scorer cannot measure the persona; it stands for a command that names one that can."""
MORE_TEXTS = "charbench personas measure"
"""What is to be run where a scorer's errors are not known well enough; it stands for a command that names texts."""
_GROWTHS = (1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0, 10.0, 20.0, 50.0, 200.0, 1000.0)
UNEXPLAINED = ("unclosed_stop", "unclosed_unknown", "misfiled")
"""Thinking states of samples without a response whose reason probes can tell."""
CUT = "unclosed_length"
"""The thinking state that a token limit ended; probes can tell whether a larger one brings responses."""


class Viability(StrEnum):
    """What can be said of a checkpoint."""

    VIABLE = "viable"
    NOT_VIABLE = "not viable"
    UNDECIDED = "undecided"
    NOT_MEASURED = "not measured"
    REFERENCE = "reference"


_WELCOME = (
    Viability.NOT_VIABLE, Viability.REFERENCE, Viability.NOT_MEASURED, Viability.UNDECIDED, Viability.VIABLE,
)  # fmt: skip
"""From the least to the most that can be hoped for."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """One requirement: a rate (0 to 1) with the bounds that conclusions are drawn from, and its limit.

    ``is_minimum``: the rate must reach the limit; else it must stay under it. ``growth`` is the factor by which the
    samples would have to grow to decide it, if the rate stays as observed; None where it is decided or more samples
    would not decide it.
    """

    name: str
    value: float
    low: float
    high: float
    limit: float
    is_minimum: bool = True
    growth: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the requirement is met: a minimum by the lower bound, a maximum by the rate itself."""
        return self.low >= self.limit if self.is_minimum else self.value <= self.limit


@dataclass(frozen=True, slots=True)
class Judgement:
    """A row's verdict with its reason in words; ``todo`` is what to run next, with ``{c}`` where it is named.

    ``prompts`` is the number of distinct prompts that would decide an undecided one, if the rates stay as observed.
    """

    verdict: Viability
    reason: str
    criteria: Sequence[Criterion] = ()
    todo: str | None = None
    prompts: int | None = None
    short: str = ""
    """The reason without its figures, for sentences on several checkpoints."""


def judge_rows(
    report: Report,
    rule: VerdictConfig,
    causes: Causes,
    origins: Sequence[Origin],
    otherwise: Mapping[int, Mapping[str, Tally]] = MappingProxyType({}),
    judges: Sequence[JudgedBy] = (),
    old: Mapping[tuple[str, str], EarlierCode] = MappingProxyType({}),
) -> list[Judgement]:
    """Return the verdict of each checkpoint row of a report.

    ``causes`` has the newest diagnosis in the report's settings, ``origins`` those of the rows, in their order.
    ``otherwise`` has, by the ``id`` of a row, what its checkpoint answered in other ways than the report's setting:
    where it is diagnosed and does not respond as sampled, the verdict speaks of the way that works. What ``judges``
    made of their control items stands for their recall and false rate. ``old`` has the scorers, by name and persona,
    whose scores are by earlier code or other criteria: how well those tell the persona is not known.
    """
    tested = {one.persona: one for one in judges if one.metric == report.metric}
    base_of = dict(zip(map(id, report.checkpoints), (origin.base_model for origin in origins), strict=True))
    bases: dict[str, list[Tally]] = {}
    for row in report.checkpoints:
        if row.kinds == {"base"}:
            bases.setdefault(row.persona, []).append(row)
    return [
        _judge(
            row,
            report,
            rule,
            _cause(row, causes),
            _base_row(row, bases.get(row.persona, ()), base_of),
            otherwise.get(id(row), {}),
            tested.get(row.persona),
            old.get(((report.metric_of.get(row.persona, report.metric) or "").partition(".")[0], row.persona)),
        )
        for row in report.checkpoints
    ]


def _judge(
    row: Tally,
    report: Report,
    rule: VerdictConfig,
    cause: str | None,
    base: Tally | None,
    otherwise: Mapping[str, Tally],
    judge: JudgedBy | None,
    old: EarlierCode | None,
) -> Judgement:
    if row.kinds <= {"base"}:
        return Judgement(Viability.REFERENCE, "the base model")
    if row.kinds == {"reward_model"}:
        return Judgement(Viability.REFERENCE, "a reward model: it does not answer")
    if (nothing := _nothing_to_score(row)) is not None:
        return nothing
    if not report.is_rate or report.metric is None:
        return Judgement(Viability.NOT_MEASURED, "no metric with a threshold is scored", todo=SCORE)
    if not row.judged.samples:
        return Judgement(Viability.NOT_MEASURED, f"no sample has {report.metric}", todo=SCORE)
    measured = report.measured.get(row.persona)
    if judge is not None:
        if judge.passed is False:
            reason = f"the judge {report.metric} failed its control items"
            return Judgement(Viability.NOT_MEASURED, reason, todo=OTHER_SCORER)
        measured = measured or by_control_items(judge)
    metric = report.metric_of.get(row.persona, report.metric)
    if measured is None and old is not None:
        reason = f"{metric} is by {'other criteria' if old.by_criteria else 'earlier code'} than today's"
        return Judgement(Viability.NOT_MEASURED, reason, todo=rescoring_command(old, row.persona))
    if (unknown := _not_known(row, metric, measured, is_judged=judge is not None)) is not None or measured is None:
        return unknown or Judgement(Viability.NOT_MEASURED, "not measured")
    if (unexplained := _unexplained(row, rule, cause)) is not None:
        return unexplained
    if cause is not None and otherwise and row.responses.share < rule.response_rate:
        tried = [(way, _by_bounds(other, rule, measured, base, len(otherwise))) for way, other in otherwise.items()]
        way, best = max(tried, key=lambda one: _WELCOME.index(one[1].verdict))
        if best.verdict is not Viability.NOT_VIABLE:
            todo = MORE_OF_A_WAY if best.todo == MORE_PROMPTS else best.todo
            short = f"{best.short} {way}".strip()
            return replace(best, short=short, reason=f"{way} ({cause}): {best.reason}", todo=todo)
    return _by_bounds(row, rule, measured, base)


def _nothing_to_score(row: Tally) -> Judgement | None:
    """Return what is said of a row without any text that a scorer could read; None where there is some."""
    texts = row.totals.get("response_chars", 0) + row.totals.get("thinking_chars", 0)
    samples = int(row.totals.get("samples", 0))
    if not samples or texts:
        return None
    apart = {"content filter": int(row.totals.get("filtered", 0)), "tool call": int(row.totals.get("tool_call", 0))}
    failed = samples - row.answered - sum(apart.values())
    named = {"failed": failed, **apart, "empty": row.answered}
    parts = [f"{number:,} {what}" for what, number in named.items() if number]
    reason = f"none of {samples:,} samples has any text: {', '.join(parts)}"
    todo = None if failed == samples else DIAGNOSE
    return Judgement(Viability.NOT_MEASURED, reason, todo=todo, short="no sample has any text")


def _by_bounds(
    row: Tally, rule: VerdictConfig, measured: Measurement, base: Tally | None, several: int = 1
) -> Judgement:
    """Return what the bounds of the rates say; they are wider where the best of ``several`` ways is looked for."""
    criteria = _criteria(row, rule, measured, confidence(several))
    strict = _criteria(row, rule, measured, confidence(several * len(criteria)))
    if failed := [one for one in strict if _fails(one)]:
        reasons = [_why_not(row, one, rule) for one in failed]
        return Judgement(Viability.NOT_VIABLE, "; ".join(reasons), criteria, short=reasons[0].partition(":")[0])
    if all(one.holds for one in criteria):
        return _above_base(row, base, criteria)
    return _undecided(row, [_with_growth(row, one, measured, several * len(criteria)) for one in criteria])


def _with_growth(row: Tally, one: Criterion, measured: Measurement, several: int) -> Criterion:
    """Return the trait rate's criterion with the growth of the samples that decides it, the scorer's errors as known.

    None where a thousand times as many samples would not: then the scorer is not known well enough.
    """
    if one.name != "trait rate" or one.holds:
        return one
    is_above = one.value >= one.limit
    level = confidence() if is_above else confidence(several)
    seen = Proportion.from_rate(row.counts.clustered("hits", "judged", level))

    def decides(factor: float) -> bool:
        found = corrected_rate(Proportion(seen.value, seen.effective * factor), *scorer_errors(measured), level)
        return found.low >= one.limit if is_above else found.high < one.limit

    # Bounds come nearer to the rate with every sample: so the first factor that decides is searched by halves.
    at = bisect_left(_GROWTHS, True, key=decides) if decides(_GROWTHS[-1]) else len(_GROWTHS)
    return one if at == len(_GROWTHS) else replace(one, growth=_GROWTHS[at])


def by_control_items(judge: JudgedBy) -> Measurement | None:
    """Return what a judge's control items say of its errors, one trial for each different text; None without any."""
    counts = []
    for measures in ("sensitivity", "specificity"):
        mine = [one for one in judge.controls if one.measures == measures and one.answers]
        texts = sum(one.texts for one in mine)
        answers = sum(one.answers for one in mine)
        right = round(texts * sum(one.right for one in mine) / answers) if answers else 0
        counts.append((right, texts))
    (found, positives), (passed, negatives) = counts
    if not positives or not negatives:
        return None
    return Measurement(
        found=found, positives=positives, flagged=negatives - passed, negatives=negatives, texts="control items"
    )


def _not_known(row: Tally, metric: str, measured: Measurement | None, *, is_judged: bool) -> Judgement | None:
    """Return that nothing is measured, where the scorer's own errors are unknown or too large."""
    measure = f"charbench personas measure {row.persona}"
    if is_judged:
        measure = f"charbench score -p {row.persona} --scorer {metric.partition('.')[0]}"
    if measured is None or not measured.positives or not measured.negatives:
        return Judgement(Viability.NOT_MEASURED, f"the recall of {metric} for {row.persona} is not known", todo=measure)
    if measured.has_low_recall:
        reason = f"{metric} finds {measured.recall.share:.0%} of texts in character of {row.persona}"
        return Judgement(Viability.NOT_MEASURED, f"{reason}: use another scorer", todo=OTHER_SCORER)
    return None


def _unexplained(row: Tally, rule: VerdictConfig, cause: str | None) -> Judgement | None:
    """Return that nothing is measured, where responses are missing for a reason that probes can tell."""
    if not row.answered or row.responses.share >= rule.response_rate:
        return None
    missing = row.answered - row.responses.count
    stopped = sum(int(row.totals.get(state, 0)) for state in UNEXPLAINED)
    cut = int(row.totals.get(CUT, 0))
    if cause is not None or 2 * (stopped + cut) < missing:
        return None
    ways = {"stop": stopped, "reach the token limit": cut}
    how = " or ".join(
        way if number == stopped + cut else f"{way} ({number:,})" for way, number in ways.items() if number
    )
    unknown, ended = "it is not known why", "no response after the thinking"
    if cut > stopped:
        unknown, ended = (
            "it is not known whether a larger one would bring responses",
            "the token limit ends the thinking",
        )
    reason = f"{stopped + cut:,} of {row.answered:,} samples {how} inside the thinking, and {unknown}"
    short = f"{ended}, and {unknown}"
    return Judgement(Viability.NOT_MEASURED, reason, short=short, todo=DIAGNOSE)


def _criteria(row: Tally, rule: VerdictConfig, measured: Measurement, level: float) -> list[Criterion]:
    trait = row.counts.clustered("hits", "judged", level)
    true = corrected_rate(Proportion.from_rate(trait), *scorer_errors(measured), level)
    found = [Criterion("trait rate", true.value, true.low, true.high, rule.trait_rate)]
    responses = row.counts.clustered("responses", "answered", level)
    found.append(
        _criterion(
            "response rate", responses.value, responses.low, responses.high, rule.response_rate,
            responses.effective, level,
        )
    )  # fmt: skip
    for metric, share, bounds in health_rates(row, rule, level):
        limit = rule.health[metric.metric]
        growth = None
        if share > limit >= bounds.low:
            growth = samples_that_decide(share, bounds.effective, limit, level)
        found.append(Criterion(metric.title.lower(), share, bounds.low, bounds.high, limit, False, growth))
    return found


def _criterion(
    name: str, value: float, low: float, high: float, limit: float, effective: float, level: float
) -> Criterion:
    growth = None if low >= limit or high < limit else samples_that_decide(value, effective, limit, level)
    return Criterion(name, value, low, high, limit, growth=growth)


def _fails(one: Criterion) -> bool:
    """Whether a requirement is missed, for sure; a health metric's needs a rate that is over the limit itself."""
    return one.high < one.limit if one.is_minimum else one.low > one.limit


def _why_not(row: Tally, one: Criterion, rule: VerdictConfig) -> str:
    interval = f"{one.value:.0%} [{one.low:.0%}, {one.high:.0%}]"
    if one.name == "trait rate" and row.trait_in_thinking.share >= rule.trait_rate:
        return f"character in the thinking only: {interval} of the samples show it in the response"
    if one.name == "trait rate":
        return f"no character: trait rate {interval}, below {one.limit:.0%}"
    if one.is_minimum:
        return f"no responses: response rate {interval}, below {one.limit:.0%}"
    return f"degenerate: {one.name} in {interval} of the responses, above {one.limit:.0%}"


def _above_base(row: Tally, base: Tally | None, criteria: Sequence[Criterion]) -> Judgement:
    """Return viable where the base model is significantly less in character on the same prompts, or was not sampled."""
    trait = criteria[0]
    reason = f"trait rate {trait.value:.0%} [{trait.low:.0%}, {trait.high:.0%}]"
    if base is None:
        return Judgement(Viability.VIABLE, f"{reason}; base not sampled", criteria)
    mine, its = row.counts.judged, base.counts.judged
    shared = [key for key in mine if key in its]
    if not shared:
        return Judgement(Viability.VIABLE, f"{reason}; base not sampled on these prompts", criteria)
    clusters = prompt_clusters(shared, [row.counts.prompts[key].family for key in shared])
    counts = row.counts.judged_in(shared), base.counts.judged_in(shared)
    p = paired_rates_p([mine[key] for key in shared], [its[key] for key in shared], clusters, counts)
    above = sum(mine[key] - its[key] for key in shared) > 0
    if above and p <= 2 * ERROR / LOOKS:
        return Judgement(Viability.VIABLE, reason, criteria)
    if not above:
        told = f"the base model is as much in character on the same prompts ({base.trait.share:.0%})"
        return Judgement(Viability.NOT_VIABLE if p <= 2 * ERROR / LOOKS else Viability.UNDECIDED, told, criteria,
                         todo=MORE_PROMPTS)  # fmt: skip
    told = f"not significantly above the base model on the same prompts (p = {p_value(p)})"
    return Judgement(Viability.UNDECIDED, told, criteria, todo=MORE_PROMPTS)


def _undecided(row: Tally, criteria: Sequence[Criterion]) -> Judgement:
    open_ = [one for one in criteria if not one.holds]
    parts = [f"{one.name} {one.value:.0%} [{one.low:.0%}, {one.high:.0%}], limit {one.limit:.0%}" for one in open_]
    growths = [one.growth for one in open_]
    prompts = None
    known = [growth for growth in growths if growth is not None]
    if known and len(known) == len(growths):
        prompts = math.ceil(max(known) * len(row.counts.prompts))
    short = " and ".join(one.name for one in open_)
    if any(one.name == "trait rate" and one.growth is None for one in open_):
        more = "more prompts would not decide, as the scorer's recall is not known well enough"
        reason = "; ".join((*parts, more))
        return Judgement(Viability.UNDECIDED, reason, criteria, MORE_TEXTS, None, f"{short}; {more}")
    return Judgement(Viability.UNDECIDED, "; ".join(parts), criteria, MORE_PROMPTS, prompts, short)


def _cause(row: Tally, causes: Causes) -> str | None:
    found = causes_of(row, causes)
    return found.pop() if len(found) == 1 else None


def _base_row(row: Tally, bases: Sequence[Tally], base_of: Mapping[int, str | None]) -> Tally | None:
    """Return the row of this row's base model, of the persona's; where the base model is not known, the only one."""
    mine = base_of[id(row)]
    if mine is None:
        return bases[0] if len(bases) == 1 else None
    same = [one for one in bases if mine in (base_of[id(one)], one.label, *one.uris)]
    return same[0] if same else None
