"""A comparison under the full names of its figures, for JSON; None where there is no figure."""

from __future__ import annotations

import math
from typing import Any

from charbench.analysis.clusters import ClusteredMean
from charbench.analysis.differences import Difference
from charbench.report.compare.build import ComparisonReport
from charbench.report.compare.markers import MarkerLift, MarkerLifts
from charbench.report.compare.pairs import GroupComparison, Pair
from charbench.report.compare.prompts import PromptGap
from charbench.report.compare.tables import sentences
from charbench.report.judges import judge_dicts
from charbench.report.render.cells import finite, probability
from charbench.report.settings import selection_dict
from charbench.text.terminal import sanitize


def comparison_as_dict(answer: ComparisonReport) -> dict[str, Any]:
    """Return everything that was found: sides from the best on, every pair, markers, prompts, sentences and notes."""
    comparison = answer.comparison
    return {
        "metric": comparison.measure.name,
        "is_rate": comparison.measure.is_rate,
        "by": answer.question.by.value if answer.question.by else None,
        "checkpoints": [_side(comparison, index) for index in range(len(comparison.sides))],
        "pairs": [_pair(comparison, pair) for pair in comparison.pairs],
        "markers": [_lifts(lifts) for lifts in answer.markers],
        "prompts": [_gap(gap) for gap in answer.gaps],
        "says": sentences(answer),
        "notes": answer.notes,
        "judges": judge_dicts(answer.judges),
        **(selection_dict(answer.selection) if answer.selection else {}),
    }


def pair_rows(answer: ComparisonReport) -> list[dict[str, Any]]:
    """Return a flat row for each pair: what is compared, each side's value with its interval, and the difference."""
    comparison = answer.comparison
    sides = [_side(comparison, index) for index in range(len(comparison.sides))]
    rows = []
    for pair in comparison.pairs:
        row: dict[str, Any] = {"metric": comparison.measure.name}
        for name, side in (("first", sides[pair.first]), ("second", sides[pair.second])):
            row[name] = sanitize(str(side["label"]))
            row |= {f"{name}_{field}": side[field] for field in ("samples", "value", "low", "high", "tier")}
        figures = _pair(comparison, pair)
        rows.append(row | {key: value for key, value in figures.items() if key not in ("first", "second")})
    return rows


def _side(comparison: GroupComparison, index: int) -> dict[str, Any]:
    side, estimate, eroded = comparison.sides[index], comparison.estimates[index], comparison.erosions[index]
    shared = comparison.shared[index]
    return {
        "label": side.label,
        "uris": side.uris,
        "persona": side.personas,
        "kind": side.kinds,
        "sampler": "/".join(sorted({group.sampler for group in side.groups})),
        "tier": comparison.tiers[index],
        "samples": side.samples,
        "responses": side.responses,
        "prompts": len(side.known),
        "prompts_shared": len(side.known if shared is None else shared),
        "other_prompts": shared is not None,
        "hits": side.hits if comparison.measure.is_rate else None,
        "judged": side.judged,
        "not_scored": side.unscored,
        "missing": side.missing,
        "value_if_unscored_no": finite(side.bounds[0]) if side.bounds and comparison.measure.is_rate else None,
        "value_if_unscored_yes": finite(side.bounds[1]) if side.bounds and comparison.measure.is_rate else None,
        "value": finite(estimate.value),
        "low": finite(estimate.low),
        "high": finite(estimate.high),
        "clusters": estimate.clusters,
        "low_precision": estimate.low_precision,
        "near_end": isinstance(estimate, ClusteredMean) and estimate.near_end,
        "thinking_minus_response": _difference(eroded.gap) if eroded else None,
        "in_thinking": side.in_thinking if eroded else None,
        "in_response_given_thinking_samples": eroded.kept.total if eroded else None,
        "in_response_given_thinking": finite(eroded.kept.share) if eroded else None,
        "in_response_given_thinking_low": finite(eroded.kept.low) if eroded else None,
        "in_response_given_thinking_high": finite(eroded.kept.high) if eroded else None,
    }


def _pair(comparison: GroupComparison, pair: Pair) -> dict[str, Any]:
    return {
        "first": comparison.sides[pair.first].label,
        "second": comparison.sides[pair.second].label,
        **_difference(pair.difference),
        "p_holm": probability(pair.adjusted),
        "compared": pair.was_compared,
        "told_apart": pair.apart,
        "prompts_for_difference_seen": pair.needed(pair.difference.value) if _seen(pair) else None,
        "prompts_for_difference_seen_range": pair.likely(pair.difference.value) if _seen(pair) else None,
    }


def _seen(pair: Pair) -> bool:
    return math.isfinite(pair.difference.value) and abs(pair.difference.value) > 1e-9


def _difference(difference: Difference) -> dict[str, Any]:
    return {
        "difference": finite(difference.value),
        "low": finite(difference.low),
        "high": finite(difference.high),
        "p": probability(difference.p),
        "test": difference.test,
        "paired": difference.paired,
        "prompts" if difference.paired else "samples": difference.count,
        "clusters": difference.clusters,
        "low_precision": difference.low_precision,
    }


def _lifts(lifts: MarkerLifts) -> dict[str, Any]:
    return {
        "persona": lifts.persona,
        "channel": lifts.channel.value,
        "label": lifts.side.label,
        "base_label": lifts.base.label,
        "prompts": lifts.prompts,
        "texts": lifts.texts,
        "base_texts": lifts.base_texts,
        "words": lifts.words,
        "base_words": lifts.base_words,
        "markers": [_marker(marker) for marker in lifts.markers],
    }


def _marker(marker: MarkerLift) -> dict[str, Any]:
    return {
        "marker": marker.lift.marker,
        "count": marker.lift.count,
        "base_count": marker.lift.base_count,
        "texts": marker.texts,
        "base_texts": marker.base_texts,
        "log_odds": finite(marker.lift.value),
        "low": finite(marker.lift.low),
        "high": finite(marker.lift.high),
        "z": finite(marker.lift.z),
        "p": probability(marker.p),
        "p_bh": probability(marker.adjusted),
        "told_apart": marker.apart,
    }


def _gap(gap: PromptGap) -> dict[str, Any]:
    sides = zip(("highest", "lowest"), (gap.high, gap.low), gap.units, gap.texts, strict=True)
    asked = next((text.prompt for text in gap.texts if text), None)
    found: dict[str, Any] = {"persona": gap.persona, "prompt_id": gap.name, "prompt": asked}
    for name, side, unit, text in sides:
        found[name] = {
            "label": side.label,
            "value": finite(unit.value),
            "mean": finite(unit.mean),
            "response": text.response if text else None,
        }
    return found
