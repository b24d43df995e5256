"""The page: what a report holds, laid out for the template; nothing in it is code but what ships with this package."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from charbench import ReportContent
from charbench_plugins.html_report.plots import plots
from charbench_plugins.html_report.samples import Samples

_STATES = {
    "state_closed": "closed thinking and a response",
    "state_none": "no thinking",
    "state_closed_empty": "closed thinking, empty response",
    "state_unclosed_stop": "stopped inside the thinking",
    "state_unclosed_length": "token limit inside the thinking",
    "state_unclosed_unknown": "thinking only, reason not recorded",
    "state_misfiled": "answer misfiled as thinking",
    "state_filtered": "ended by a content filter",
    "state_tool_call": "tool call",
    "errors": "failed",
}
_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def page(report: ReportContent) -> str:
    """Return the page as HTML: one file that asks for no other."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    data = report.data
    samples = Samples.of(report)
    packed, left_out = samples.packed()
    drawn = plots(data, samples.markers())
    environment = Environment(
        loader=PackageLoader("charbench_plugins.html_report", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters["visible"] = visible
    environment.filters["percent"] = percent
    scripts = {name: _asset(f"{name}.js") for name in ("vega", "page")}
    style = _asset("page.css")
    return environment.get_template("page.html.j2").render(
        title=_title(data),
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        version=version("charbench"),
        data=data,
        rows=[_row(index, row, data) for index, row in enumerate(data["checkpoints"])],
        verdict=data.get("verdict"),
        notes=report.notes,
        runs=report.runs,
        has_verdicts=any(row.get("verdict") for row in data["checkpoints"]),
        choices=_choices(data["checkpoints"]),
        states=_STATES,
        plots=drawn,
        specs=_json({plot.name: plot.spec for plot in drawn}),
        labels=_json(
            {
                "rows": [[row["checkpoint"], row["persona"], row["kind"]] for row in data["checkpoints"]],
                "states": {name.removeprefix("state_"): said for name, said in _STATES.items()},
                "metric": data["metric"],
            }
        ),
        packed=packed,
        shown=len(samples.shown) - left_out,
        left_out=left_out + max(0, data["samples"] - len(samples.shown)),
        cut=samples.cut,
        scripts=scripts,
        style=style,
        policy=_policy([style], list(scripts.values())),
        intervals=[_interval(row) for row in data["checkpoints"]],
    )


def visible(value: object) -> str:
    """Return text in which characters that turn the direction of what follows stand as their codes."""
    return _BIDI.sub(lambda found: f"\\u{ord(found[0]):04x}", str(value))


def percent(value: float | None) -> str:
    """``67%``; a dash where there is none."""
    return "–" if value is None else f"{value:.0%}"


def _title(data: Mapping[str, Any]) -> str:
    personas = [row["persona"] for row in data["personas"]]
    named = ", ".join(personas[:3]) + (f" and {len(personas) - 3} more" if len(personas) > 3 else "")
    return f"charbench: {named}" if named else "charbench"


def _row(index: int, row: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return one row of the leaderboard as the template takes it."""
    total = row["samples"] or 1
    health = {name: value for name, value in row.items() if "." in name and value is not None}
    states, left = [], 0.0
    for name, said in _STATES.items():
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
        "prompts": row.get("by_prompt", ()),
    }


def _interval(row: Mapping[str, Any]) -> dict[str, list[float] | None]:
    """Return the rates of a row in hundredths, each with its interval, for the bars."""
    rates = {}
    for name in ("response_rate", "trait_rate", "trait_rate_in_thinking"):
        values = [row[name], row[f"{name}_low"], row[f"{name}_high"]]
        rates[name] = None if None in values else [round(100 * value, 1) for value in values]
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


@cache
def _asset(name: str) -> str:
    return (files("charbench_plugins.html_report") / name).read_text(encoding="utf-8")


def _policy(styles: Sequence[str], scripts: Sequence[str]) -> str:
    """Return the Content-Security-Policy: these texts and no others are code, and nothing is fetched."""

    def hashes(texts: Sequence[str]) -> str:
        digests = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts)
        return " ".join(f"'sha256-{one}'" for one in digests)

    return (
        f"default-src 'none'; script-src {hashes(scripts)}; style-src {hashes(styles)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
