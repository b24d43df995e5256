"""Strengths from games of pairs: a table and a plot for each contest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from charbench import interval_decimals
from charbench_plugins.html_report.plot import Plot
from charbench_plugins.html_report.row_labels import row_labels

_STEP = 22
"""Pixels of a row."""


def contest_rows(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the contests of a report as the template takes them."""
    return [_shown(contest) for contest in data.get("contests", ())]


def strengths(data: Mapping[str, Any]) -> list[Plot]:
    """Return a plot of strengths for each contest in which somebody has one."""
    contests = list(data.get("contests", ()))
    plots = []
    for number, contest in enumerate(contests, 1):
        by, players = _ranked_by(contest), contest["checkpoints"]
        labels = row_labels([(one["checkpoint"], one["kind"]) for one in players])
        shown = [
            {
                "row": label,
                "checkpoint": one["checkpoint"],
                "persona": contest["persona"],
                "strength": one[by],
                "low": one[f"{by}_low"],
                "high": one[f"{by}_high"],
                "games": one["games"],
            }
            for label, one in zip(labels, players, strict=True)
            if one[by] is not None
        ]
        if len(shown) > 1:
            plots.append(_plot(f"strengths_{number}" if len(contests) > 1 else "strengths", contest, shown))
    return plots


def _plot(name: str, contest: Mapping[str, Any], shown: Sequence[Mapping[str, Any]]) -> Plot:
    at_equal_length = _ranked_by(contest) == "length_controlled"
    title = f"Strength in pairs{' at equal length' if at_equal_length else ''}"
    x = {"type": "quantitative", "title": f"{title}, log odds", "scale": {"zero": False}}
    layers = [
        {"mark": "rule", "encoding": {"x": {"field": "low", **x}, "x2": {"field": "high"}}},
        {"mark": {"type": "point", "filled": True, "size": 90}, "encoding": {"x": {"field": "strength", **x}}},
    ]
    tooltip = [{"field": field, "type": "nominal"} for field in ("checkpoint", "games")] + [
        {"field": field, "type": "quantitative", "format": "+.2f"} for field in ("strength", "low", "high")
    ]
    encoding = {
        "y": {"field": "row", "type": "nominal", "title": None, "sort": None, "axis": {"labelLimit": 240}},
        "tooltip": tooltip,
    }
    return Plot(
        name,
        f"{title}: {contest['persona']} ({contest['scorer']})",
        "Each row is a checkpoint, the strongest first: how often the judge prefers its answers, as the logarithm of "
        "the odds against an average one; 0.7 more is two wins for each loss. Lines are 95% intervals.",
        shown,
        {"height": _STEP * len(shown), "width": "container", "encoding": encoding, "layer": layers},
    )


def _shown(contest: Mapping[str, Any]) -> dict[str, Any]:
    parted = len({one["group"] for one in contest["checkpoints"] if one["games"]}) > 1
    rows = [
        {
            "tier": "–" if one["tier"] is None else f"{one['group']}.{one['tier']}" if parted else str(one["tier"]),
            "name": one["checkpoint"],
            "kind": one["kind"],
            "figures": [_figure(one, field) for field in ("strength", "length_controlled")],
            "counts": [one[field] for field in ("games", "won", "tied", "lost")],
        }
        for one in contest["checkpoints"]
    ]
    flips = f"{contest['flipped']:,} of {contest['both_orders']:,} verdicts changed with the order, and count as ties"
    return {
        "title": f"In pairs: {contest['persona']} (scorer {contest['scorer']})",
        "rows": rows,
        "said": f"{contest['games']:,} games on {contest['prompts']:,} prompts; {flips}; "
        f"ranked by {'strength at equal length' if _ranked_by(contest) == 'length_controlled' else 'strength'}.",
    }


def _ranked_by(contest: Mapping[str, Any]) -> str:
    return "length_controlled" if contest["ranked_by"] == "length_controlled" else "strength"


def _figure(one: Mapping[str, Any], field: str) -> str:
    values = [one[field], one[f"{field}_low"], one[f"{field}_high"]]
    if values[0] is None:
        return "–"
    digits = 2 if None in values else interval_decimals(values[2] - values[1])
    value, *interval = (f"{0.0 if value is None else value:+.{digits}f}".replace("-", "−") for value in values)
    return value if None in values else f"{value} [{interval[0]}, {interval[1]}]"
