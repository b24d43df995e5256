"""The pages of samples, and of what goes on, that ``charbench view`` serves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from charbench import LivePage, SamplePage, SamplesPage, WebPage, three_digits
from charbench_plugins.html_report.highlight import Piece, pieces
from charbench_plugins.html_report.states import said_of_state
from charbench_plugins.html_report.templates import written

_IN_LIST = 1_500
_ALONE = 1_000_000
"""Characters of a text that are shown; of a longer one the beginning."""
_TITLES = {"persona": "Persona", "setting": "Setting", "only": "Only", "channel": "Search in"}


def samples_page(page: SamplesPage) -> WebPage:
    """Return the page of samples that a user looks for."""
    return written(
        "samples.html.j2",
        title="Samples",
        links=page.links,
        page=page,
        titles=_TITLES,
        cards=[
            _card(row, [one for one in scores if _tells(one, row, page.metric)], page.metric, _IN_LIST)
            for row, scores in page.samples
        ],
    )


def sample_page(page: SamplePage) -> WebPage:
    """Return the page of one sample."""
    row, scores = page.sample
    facts = {name: value for name, value in row.items() if value not in (None, "") and name not in _SHOWN}
    return written(
        "sample.html.j2",
        title=f"Sample of {row['checkpoint_name']}",
        links=page.links,
        card_=_card(row, scores, page.metric, _ALONE),
        scores=_table(scores, page.metric),
        row=row,
        facts={name: str(value)[:_ALONE] for name, value in facts.items()},
    )


def live_page(page: LivePage) -> WebPage:
    """Return the page of what goes on in the store."""
    return written("live.html.j2", ("vega", "live"), title="Live", links=page.links, events=page.events)


_SHOWN = ("checkpoint_name", "persona", "prompt", "response", "thinking", "error", "response_length", "thinking_length")


def _card(row: Mapping[str, Any], scores: Sequence[Mapping[str, Any]], metric: str | None, most: int) -> dict[str, Any]:
    """Return a sample as the template takes it."""
    several = len({score["persona"] for score in scores}) > 1
    said = [(_said(score, several), _comes_first(score, metric)) for score in scores]
    facts = (row["persona"], row["prompt_id"], f"epoch {row['epoch'] + 1}", said_of_state(row["state"]))
    condition = row["condition"] if row["condition"] != "default" else None
    return {
        "key": row["key"],
        "name": row["checkpoint_name"] or row["sampler_path"],
        "facts": [str(one) for one in (*facts, condition) if one],
        "prompt": _cut(row["prompt"], most),
        "failure": None if row["error"] is None else _cut(row["error"] or row["error_kind"], most),
        "thinking": _pieces(row["thinking"], scores, "thinking", most),
        "response": _pieces(row["response"], scores, "response", most),
        "cut": [len(row[name]) for name in ("thinking", "response") if len(row[name]) > most],
        "scores": [text for text, first in said if first],
        "others": [text for text, first in said if not first],
    }


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]} […]"


def _pieces(text: str, scores: Sequence[Mapping[str, Any]], channel: str, most: int) -> list[Piece]:
    if not text.strip():
        return []
    spans = [[score["scorer"], *span] for score in scores if score["channel"] == channel
             for span in score.get("spans", ())]  # fmt: skip
    shown = pieces(text[:most], spans)
    return [*shown, Piece(" […]")] if len(text) > most else shown


def _tells(score: Mapping[str, Any], row: Mapping[str, Any], metric: str | None) -> bool:
    """Whether a score is worth a place in a list: of a base model, which has them for all personas, not every 0."""
    if score["value"] is None or bool(score["value"]):
        return True
    return score["persona"] == row["persona"] and _comes_first(score, metric)


def _table(scores: Sequence[Mapping[str, Any]], metric: str | None) -> list[dict[str, Any]]:
    """Return a row for each metric and persona, what the report ranks by first."""
    rows: dict[tuple[str, str, str], dict[str, Any]] = {}
    for score in sorted(scores, key=lambda one: not _comes_first(one, metric)):
        key = score["scorer"], score["metric"], score["persona"]
        row = rows.setdefault(key, {"name": f"{key[0]}.{key[1]}", "persona": key[2], "why": []})
        row[score["channel"]] = _value(score)
        row["why"] += [score["why"]] if score.get("why") else []
    return list(rows.values())


def _value(score: Mapping[str, Any]) -> str:
    return "no verdict" if score["value"] is None else three_digits(score["value"])


def _comes_first(score: Mapping[str, Any], metric: str | None) -> bool:
    return bool(score.get("why")) or f"{score['scorer']}.{score['metric']}" == metric


def _said(score: Mapping[str, Any], several: bool) -> str:
    value = _value(score)
    channel = " (thinking)" if score["channel"] == "thinking" else ""
    persona = f" for {score['persona']}" if several else ""
    why = f": {score['why']}" if score.get("why") else ""
    return f"{score['scorer']}.{score['metric']}{channel}{persona} {value}{why}"
