"""The plots of a report, as Vega-Lite specifications: the page draws them, and ``--format plots`` writes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from charbench_plugins.html_report.contests import strengths
from charbench_plugins.html_report.plot import Plot
from charbench_plugins.html_report.row_labels import natural, row_labels
from charbench_plugins.html_report.templates import visible

MOST_CELLS = 6_000
"""A heat map of more cells is left out: none of them could be read."""
_MOST_MARKERS = 15
_SLANTED = 15
"""Columns of a heat map whose names are slanted; names of more stand upright, as many as there is room for."""
_ONE_RUN_EACH = "One training run each cannot separate the amount of data from the recipe or the seed."
_STEP = 18
"""Pixels of a row."""
_TALL = 600
"""Pixels from which the names of columns stand above them, as below they are out of sight."""
HEAT = ("#e1e7ed", "#5b93c7", "#08306b")
"""Colours of a heat map, from 0% to 100%, on white: an empty cell is told from one of 0%. ``page.js`` has them too."""
_PERCENT = {"format": ".0%"}
_UNIT = {"domain": [-0.03, 1.03], "nice": False}
_TICKS = {"format": ".0%", "values": [0, 0.2, 0.4, 0.6, 0.8, 1]}


def plots(data: Mapping[str, Any], markers: Sequence[Mapping[str, Any]] = ()) -> list[Plot]:
    """Return the plots for which ``data`` (``charbench report --json``) holds figures.

    ``markers`` has the markers found in the samples that are shown: ``checkpoint``, ``persona``, ``kind``, ``marker``,
    what of the texts it ``found`` most often, and the ``share`` of the responses that have it.
    """
    rows = [row for row in data["checkpoints"] if row["response_rate"] is not None]
    rated = [row for row in rows if row["trait_rate"] is not None]
    found = [
        _responses_against_trait(rated),
        _thinking_against_response(rated),
        *strengths(data),
        *_doses(rated),
        _by_prompt(rated),
        _by_condition(data.get("robustness", ())),
        _markers(markers),
    ]
    return [replace(plot, rows=[*map(_visible, plot.rows)]) for plot in found if plot is not None]


def _visible(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row whose names hold nothing that a picture or a terminal cannot hold."""
    return {name: visible(value) if isinstance(value, str) else value for name, value in row.items()}


def _responses_against_trait(rows: Sequence[Mapping[str, Any]]) -> Plot | None:
    if not rows:
        return None
    shown = [
        {
            "checkpoint": row["checkpoint"],
            "persona": row["persona"],
            "kind": row["kind"],
            "responses": row["response_rate"],
            "responses_low": row["response_rate_low"],
            "responses_high": row["response_rate_high"],
            "trait": row["trait_rate"],
            "trait_low": row["trait_rate_low"],
            "trait_high": row["trait_rate_high"],
            "samples": row["samples"],
        }
        for row in rows
    ]
    x, y = _axis("responses", "Response rate"), _axis("trait", "Trait rate")
    layers = [
        {
            "mark": {"type": "rule", "opacity": 0.3},
            "encoding": {"x": x, "y": _axis("trait_low", "Trait rate"), "y2": {"field": "trait_high"}},
        },
        {
            "mark": {"type": "rule", "opacity": 0.3},
            "encoding": {"y": y, "x": _axis("responses_low", "Response rate"), "x2": {"field": "responses_high"}},
        },
        {"mark": {"type": "point", "filled": True, "size": 90}, "encoding": {"x": x, "y": y, "shape": _kind()}},
    ]
    encoding = {
        "color": _persona(rows),
        "tooltip": _tooltip(
            ("checkpoint", "kind", "samples"),
            ("trait", "trait_low", "trait_high", "responses", "responses_low", "responses_high"),
        ),
    }
    return Plot(
        "responses_against_trait",
        "Response rate against trait rate",
        "Each point is a checkpoint: across, the share of samples with a response; up, the share of samples whose "
        "response has the trait. Lines are 95% intervals. Viable checkpoints stand at the top right.",
        shown,
        {"height": 320, "width": "container", "encoding": encoding, "layer": layers},
    )


def _thinking_against_response(rows: Sequence[Mapping[str, Any]]) -> Plot | None:
    shown = [
        {
            "checkpoint": row["checkpoint"],
            "persona": row["persona"],
            "kind": row["kind"],
            "thinking": row["trait_rate_in_thinking"],
            "response": row["trait_rate"],
            "erosion": row["trait_rate_in_thinking"] - row["trait_rate"],
        }
        for row in rows
        if row["trait_rate_in_thinking"] is not None
    ]
    if not any(row["thinking"] for row in shown):
        return None
    x, y = _axis("thinking", "Trait rate in the thinking"), _axis("response", "Trait rate in the response")
    diagonal = {
        "data": {"values": [{"at": 0}, {"at": 1}]},
        "mark": {"type": "line", "strokeDash": [4, 4], "opacity": 0.5, "tooltip": None},
        "encoding": {"x": _axis("at", x["title"]), "y": _axis("at", y["title"])},
    }
    points = {
        "mark": {"type": "point", "filled": True, "size": 90},
        "encoding": {
            "x": x,
            "y": y,
            "color": _persona(rows),
            "shape": _kind(),
            "tooltip": _tooltip(("checkpoint", "kind"), ("thinking", "response", "erosion")),
        },
    }
    return Plot(
        "thinking_against_response",
        "Character in the thinking against character in the response",
        "Each point is a checkpoint. On the dashed line the thinking and the response show the trait equally often; "
        "the distance below it is character that the thinking has and the response has lost.",
        shown,
        {"height": 320, "width": "container", "layer": [diagonal, points]},
    )


def _doses(rows: Sequence[Mapping[str, Any]]) -> Iterable[Plot | None]:
    """Yield trait rates by the number of training examples, and by step, where there are two or more of them."""
    for name, title in (("examples", "Training examples"), ("step", "Training step")):
        shown = [
            {
                "checkpoint": row["checkpoint"],
                "persona": row["persona"],
                "run": row.get("training_run") or "unknown",
                "recipe": row.get("recipe") or "unknown",
                name: row[name],
                "trait": row["trait_rate"],
                "low": row["trait_rate_low"],
                "high": row["trait_rate_high"],
            }
            for row in rows
            if row.get(name) is not None
        ]
        if len({row[name] for row in shown}) < 2:
            yield None
            continue
        x = {"field": name, "type": "quantitative", "title": title, "axis": {"labelOverlap": "greedy"}}
        x["scale"] = {"zero": name == "examples", "padding": 10, "nice": False}
        legend: dict[str, Any] | None = {} if len({row["recipe"] for row in shown}) > 1 else None
        path = {
            "mark": {"type": "line", "opacity": 0.4, "tooltip": None},
            "encoding": {"y": _axis("trait", "Trait rate"), "detail": {"field": "run"}},
        }
        layers = [
            *([path] if name == "step" else []),
            {
                "mark": {"type": "rule", "opacity": 0.4},
                "encoding": {"y": _axis("low", "Trait rate"), "y2": {"field": "high"}},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 90},
                "encoding": {
                    "y": _axis("trait", "Trait rate"),
                    "shape": {"field": "recipe", "type": "nominal", "title": "Recipe", "legend": legend},
                },
            },
        ]
        encoding = {
            "x": x,
            "color": _persona(rows),
            "tooltip": _tooltip(("checkpoint", "run", "recipe", name), ("trait", "low", "high")),
        }
        yield Plot(
            f"trait_by_{name}",
            f"Trait rate by {title.lower()}",
            f"Each point is a checkpoint: across, the {title.lower()}; up, the trait rate with its 95% interval. "
            + ("Lines join checkpoints of one training run." if name == "step" else _ONE_RUN_EACH),
            shown,
            {"height": 280, "width": "container", "encoding": encoding, "layer": layers},
        )


def _by_prompt(rows: Sequence[Mapping[str, Any]]) -> Plot | None:
    labels = row_labels([(row["checkpoint"], row["persona"]) for row in rows])
    shown = [
        {
            "row": label,
            "checkpoint": row["checkpoint"],
            "persona": row["persona"],
            "prompt": one["prompt"],
            "family": one["family"],
            "trait": one["with_trait"] / one["judged"],
            "samples": one["judged"],
        }
        for label, row in _by_persona(labels, rows)
        for one in row.get("by_prompt", ())
        if one["judged"]
    ]
    return _heat_map(
        "trait_by_prompt",
        "Trait rate by checkpoint and prompt",
        "A row for each checkpoint, one persona below the other, in the order of trait rates; a column for each "
        "prompt. The stronger the colour, the more samples have the trait. An empty cell has no scored sample.",
        shown,
        ("prompt", "Prompt"),
        ("checkpoint", "persona", "prompt", "family", "samples"),
    )


def _by_condition(robustness: Sequence[Mapping[str, Any]]) -> Plot | None:
    labels = row_labels([(row["checkpoint"], row["persona"]) for row in robustness])
    shown = [
        {
            "row": label,
            "checkpoint": row["checkpoint"],
            "persona": row["persona"],
            "condition": name,
            "trait": one["trait_rate"],
            "samples": one["samples"],
        }
        for label, row in _by_persona(labels, robustness)
        for name, one in row["conditions"].items()
        if one["trait_rate"] is not None
    ]
    return _heat_map(
        "trait_by_perturbation",
        "Trait rate by checkpoint and perturbation",
        "A row for each checkpoint, a column for each perturbation of the prompts. The stronger the colour, the more "
        "samples have the trait. An empty cell has no scored sample.",
        shown,
        ("condition", "Perturbation"),
        ("checkpoint", "persona", "condition", "samples"),
    )


def _heat_map(
    name: str, title: str, alt: str, shown: Sequence[Mapping[str, Any]], across: tuple[str, str], words: Sequence[str]
) -> Plot | None:
    field, said = across
    if len({row[field] for row in shown}) < 2 or len(shown) > MOST_CELLS:
        return None
    ordered = sorted({row[field] for row in shown}, key=natural)
    columns = len(ordered)
    axis: dict[str, Any] = {"labelAngle": -45, "labelLimit": 140}
    if columns > _SLANTED:
        axis, said = {"labelAngle": -90, "labelLimit": 120, "labelOverlap": "greedy"}, f"{columns} {said.lower()}s"
    encoding = {
        "x": {"field": field, "type": "nominal", "title": said, "axis": axis, "sort": ordered},
        "y": {"field": "row", "type": "nominal", "title": None, "sort": None, "axis": {"labelLimit": 240}},
        "color": {
            "field": "trait",
            "type": "quantitative",
            "title": "Trait rate",
            "scale": {"domain": [0, 1]},
            "legend": _PERCENT,
        },
        "tooltip": _tooltip(words, ("trait",)),
    }
    height = _STEP * len({row["row"] for row in shown})
    if height > _TALL:
        axis["orient"] = "top"
    spec = {"height": height, "width": "container", "mark": {"type": "rect"}, "encoding": encoding}
    return Plot(name, title, alt, shown, spec, wide=True)


def _markers(markers: Sequence[Mapping[str, Any]]) -> Plot | None:
    """Return how much oftener than the base model each checkpoint uses a marker; None without a base model's."""
    base: dict[tuple[str, str], float] = {}
    for one in markers:
        if one["kind"] == "base":
            key = one["persona"], one["marker"]
            base[key] = max(base.get(key, 0.0), one["share"])
    bases = {one["persona"] for one in markers if one["kind"] == "base"}
    more = [
        {**one, "difference": one["share"] - base.get((one["persona"], one["marker"]), 0.0)}
        for one in markers
        if one["kind"] != "base" and one["persona"] in bases
    ]
    widest: Counter[str] = Counter()
    for one in more:
        widest[one["marker"]] = max(widest[one["marker"]], abs(one["difference"]))
    kept = {marker for marker, _ in widest.most_common(_MOST_MARKERS)}
    shown = [one for one in more if one["marker"] in kept]
    if not shown:
        return None
    encoding = {
        "y": {"field": "found", "type": "nominal", "title": None, "sort": "-x", "axis": {"labelLimit": 220}},
        "x": {
            "field": "difference",
            "type": "quantitative",
            "title": "Share of responses, minus the base model's",
            "axis": _PERCENT,
        },
        "color": _persona(shown),
        "tooltip": _tooltip(("found", "marker", "checkpoint", "persona"), ("share", "difference")),
    }
    return Plot(
        "markers_against_base",
        "Markers that changed against the base model",
        "Each tick is a checkpoint: how much oftener its responses have a marker than those of the base model, in the "
        f"samples on this page. The {len(kept)} markers that changed most, each by what it found most often.",
        shown,
        {
            "height": _STEP * len(kept),
            "width": "container",
            "mark": {"type": "tick", "thickness": 3},
            "encoding": encoding,
        },
    )


def _by_persona(labels: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """Yield the rows with their labels, one persona after the other: rates by different markers are not compared."""
    return sorted(zip(labels, rows, strict=True), key=lambda one: str(one[1]["persona"]))


def _axis(field: str, title: str) -> dict[str, Any]:
    return {"field": field, "type": "quantitative", "title": title, "scale": _UNIT, "axis": _TICKS}


def _persona(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    personas = sorted({row["persona"] for row in rows})
    return {
        "field": "persona",
        "type": "nominal",
        "title": "Persona",
        "scale": {"domain": personas},
        "legend": {"symbolOpacity": 1} if len(personas) > 1 else None,
    }


def _kind() -> dict[str, Any]:
    return {"field": "kind", "type": "nominal", "title": "Kind"}


def _tooltip(words: Iterable[str], rates: Iterable[str]) -> list[dict[str, Any]]:
    return [{"field": name, "type": "nominal"} for name in words] + [
        {"field": name, "type": "quantitative", "format": ".1%"} for name in rates
    ]
