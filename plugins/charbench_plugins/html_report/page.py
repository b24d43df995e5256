"""The page: what a report holds, laid out for the template; nothing in it is code but what ships with this package."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from charbench import PageLink, ReportContent, WebPage
from charbench_plugins.html_report.columns import in_columns
from charbench_plugins.html_report.contests import contest_rows
from charbench_plugins.html_report.plots import plots
from charbench_plugins.html_report.row_labels import natural
from charbench_plugins.html_report.samples import MOST_BYTES, Samples
from charbench_plugins.html_report.states import STATES
from charbench_plugins.html_report.templates import asset, pieces, written

_TEMPLATE, _SCRIPTS = "page.html.j2", ("vega", "page")
_PAGE_BYTES = 2_900_000
"""Of a page, about: samples take what the rest leaves."""
_ROW_BYTES = 3_800
"""Of a row of the leaderboard, about."""
_LEAST_BYTES = 400_000
"""Of the samples, however large the rest is."""


def page(report: ReportContent, links: Sequence[PageLink] = ()) -> WebPage:
    """Return the page: one file that asks for no other. ``links`` lead to pages that are served beside it."""
    return written(_TEMPLATE, _SCRIPTS, **_values(report, links))


def page_text(report: ReportContent) -> Iterator[str]:
    """Yield the text of the page, piece by piece."""
    return pieces(_TEMPLATE, _SCRIPTS, **_values(report))


def _values(report: ReportContent, links: Sequence[PageLink] = ()) -> dict[str, Any]:
    data = report.data
    samples = Samples.of(report)
    drawn = plots(data, samples.markers())
    specs = _json({plot.name: plot.spec | {"data": in_columns(plot.rows)} for plot in drawn})
    prompts = _json(in_columns(_prompts(data["checkpoints"])))
    code = sum(len(asset(f"{name}.js")) for name in _SCRIPTS)
    rest = len(specs) + len(prompts) + _ROW_BYTES * len(data["checkpoints"]) + code
    packed, left_out = samples.packed(min(MOST_BYTES, max(_LEAST_BYTES, _PAGE_BYTES - rest)))
    return {
        "links": links,
        "title": _title(data),
        "made": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "version": version("charbench"),
        "data": data,
        "rows": [_row(index, row, data) for index, row in enumerate(data["checkpoints"])],
        "verdict": data.get("verdict"),
        "notes": report.notes,
        "runs": report.runs,
        "shows_means": bool(data["metric"]) and all(row["with_trait"] is None for row in data["checkpoints"]),
        "has_verdicts": any(row.get("verdict") for row in data["checkpoints"]),
        "choices": _choices(data["checkpoints"]),
        "checkpoints": len({tuple(row["checkpoint_uris"]) or row["checkpoint"] for row in data["checkpoints"]}),
        "states": {name: said for name, said in STATES.items() if any(row.get(name) for row in data["checkpoints"])},
        "contests": contest_rows(data),
        "plots": drawn,
        "specs": specs,
        "prompts": prompts,
        "labels": _json(
            {
                "rows": [[row["checkpoint"], row["persona"], row["kind"]] for row in data["checkpoints"]],
                "states": {name.removeprefix("state_"): said for name, said in STATES.items()}
                | {"error": STATES["errors"]},
                "metric": data["metric"],
                "served": bool(links),
            }
        ),
        "packed": packed,
        "shown": len(samples.shown) - left_out,
        "left_out": left_out + max(0, data["samples"] - len(samples.shown)),
        "cut": samples.cut,
        "intervals": [_interval(row) for row in data["checkpoints"]],
    }


def _title(data: Mapping[str, Any]) -> str:
    personas = [row["persona"] for row in data["personas"]]
    named = ", ".join(personas[:3]) + (f" and {len(personas) - 3} more" if len(personas) > 3 else "")
    return f"charbench: {named}" if named else "charbench"


def _row(index: int, row: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return one row of the leaderboard as the template takes it."""
    total = row["samples"] or 1
    health = {name: value for name, value in row.items() if "." in name and value is not None}
    states, left = [], 0.0
    for name, said in STATES.items():
        if count := row.get(name):
            states.append({"name": name.removeprefix("state_"), "said": said, "count": count, "left": left,
                           "share": 100 * count / total})  # fmt: skip
            left += 100 * count / total
    setting = data.get("settings", {}).get(row["persona"], {})
    lineage = [
        ("URI", ", ".join(row.get("checkpoint_uris", ()))),
        ("Base model", row.get("base_model")),
        ("Training run", row.get("training_run")),
        ("Trained from", row.get("parent") or row.get("parent_uri")),
        ("Training data", row.get("dataset")),
        ("Training examples", row.get("examples")),
        ("Recipe", row.get("recipe")),
        ("Sampler", row.get("sampler")),
        ("Setting", setting.get("id")),
    ]
    return {
        "id": index,
        "row": row,
        "verdict": row.get("verdict") or "",
        "why": row.get("verdict_reason") or "",
        "states": states,
        "health": health,
        "lineage": [(name, value) for name, value in lineage if value not in (None, "")],
        "prompts": len(row.get("by_prompt", ())),
    }


def _prompts(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return what a row of the leaderboard shows of each prompt when it is expanded."""
    return [
        {
            "row": index,
            "prompt": one["prompt"],
            "family": one["family"],
            "samples": one["samples"],
            "responses": one["responses"],
            "with_trait": f"{one['with_trait']}/{one['judged']}",
            "in_thinking": one["with_trait_in_thinking"],
        }
        for index, row in enumerate(rows)
        for one in sorted(row.get("by_prompt", ()), key=lambda one: (one["family"], natural(one["prompt"])))
    ]


def _interval(row: Mapping[str, Any]) -> dict[str, list[float] | None]:
    """Return the rates of a row in hundredths, each with its interval; not rounded, as they will be."""
    rates = {}
    for name in ("response_rate", "trait_rate", "trait_rate_in_thinking"):
        values = [row[name], row[f"{name}_low"], row[f"{name}_high"]]
        rates[name] = None if None in values else [100 * value for value in values]
    return rates


def _choices(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return what the leaderboard can be filtered by: columns with two values or more."""
    columns = {"persona": "Persona", "kind": "Kind", "base_model": "Base model", "verdict": "Verdict"}
    found = {name: sorted({str(row[name]) for row in rows if row.get(name)}) for name in columns}
    return {name: values for name, values in found.items() if len(values) > 1}


def _json(value: Any) -> str:
    """Return JSON that can stand in an element ``script``: nothing in it ends the element or begins another."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
