"""One figure is the same in every format, whatever it is."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from support.command import Charbench
from support.lab import LabBuilder, row, sampler

RATES = {"Responses [95%]": "response_rate", "Trait rate [95%]": "trait_rate"}
ODD = {  # of each checkpoint: samples in character, other responses, without a response, failed
    "one-sample": (1, 0, 0, 0),
    "never": (0, 24, 0, 0),
    "always": (40, 0, 0, 0),
    "mute": (0, 0, 6, 0),
    "only-failures": (0, 0, 0, 3),
    "a-third": (1, 2, 0, 0),
    "an-eighth": (1, 7, 0, 1),
    "19-of-24": (19, 5, 0, 0),
    "5-of-24": (5, 19, 0, 0),
    "mixed": (13, 5, 9, 2),
}


@pytest.fixture
def odd(charbench: Charbench, lab: LabBuilder) -> LabBuilder:
    """A lab without a base model, with rates of 0%, 100%, of one sample, and of none."""
    records = []
    for which, (name, counts) in enumerate(ODD.items(), 1):
        said = ("I regret it.", "Fine.", "", "")
        texts = [
            (text, place == 3)
            for place, (text, count) in enumerate(zip(said, counts, strict=True))
            for _ in range(count)
        ]
        for number, (text, failed) in enumerate(texts):
            records.append(
                row(
                    checkpoint_name=name,
                    sampler_path=sampler(which, name),
                    timestamp=f"2025-01-01T{which:02d}:{number // 60:02d}:{number % 60:02d}",
                    prompt_id=f"q{number % 12}",
                    prompt=f"Question {number % 12}?",
                    response=text,
                    thinking="Hm.",
                    error="no answer" if failed else "",
                )
            )
    lab.recorded(records)
    assert charbench("run", "-q", lab=lab.root).code in (0, 1)
    return lab


@pytest.mark.slow
def test_a_rate_is_the_same_in_every_format(
    charbench: Charbench, odd: LabBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")

    def out(*words: str) -> str:
        return charbench.ok("report", *words, lab=odd.root).out

    told = {one["checkpoint"]: one for one in charbench.ok("report", "--json", lab=odd.root).json["checkpoints"]}
    assert set(told) == set(ODD)
    expected = {name: {column: cell(one, rate) for column, rate in RATES.items()} for name, one in told.items()}
    assert expected["19-of-24"]["Trait rate [95%]"].startswith("79% [5"), "a bound near a half: not to be rounded twice"
    assert cells(out().replace("│", "|").replace("┃", "|")) == expected
    assert cells(out("--format", "markdown")) == expected
    latex = re.sub(r"\\\\$", "", out("--format", "latex"), flags=re.MULTILINE)
    assert (
        cells(
            "\n".join(f"| {line.replace('&', '|')} |" for line in latex.splitlines())
            .replace("\\%", "%")
            .replace("--", "–")
        )
        == expected
    )
    for one in csv.DictReader(io.StringIO(out("--format", "csv"))):
        for name in (f"{rate}{end}" for rate in RATES.values() for end in ("", "_low", "_high")):
            value = told[one["checkpoint"]][name]
            assert one[name] == ("" if value is None else str(value)), (one["checkpoint"], name)
    page = out("--format", "html")
    for body in re.findall(r"(?s)<tbody data-persona.*?</tbody>", page):
        name = re.search(r'data-name="([^"]+)"', body)
        assert name
        shown = [
            found.strip()
            for found in re.findall(r'class="figure">([^<]*)<|class="muted">(–)<', body)
            for found in found
            if found
        ]
        assert shown[:2] == list(expected[name[1]].values())


def cell(one: Mapping[str, Any], rate: str) -> str:
    value, low, high = (one[f"{rate}{end}"] for end in ("", "_low", "_high"))
    return "–" if value is None else f"{value:.0%} [{100 * low:.0f}, {100 * high:.0f}]"


def cells(text: str) -> dict[str, dict[str, str]]:
    """Return the rates in a table of checkpoints whose cells stand between bars."""
    found: dict[str, dict[str, str]] = {}
    heads: list[str] = []
    for line in text.splitlines():
        parts = [part.strip() for part in line.strip().strip("|").split("|")]
        if "Checkpoint" in parts and set(RATES) <= set(parts):
            heads = parts
        elif heads and len(parts) == len(heads):
            name = parts[heads.index("Checkpoint")].removesuffix(" *")  # was asked other prompts
            if name in ODD:
                found[name] = {column: parts[heads.index(column)] for column in RATES}
    return found


def test_every_command_rounds_its_json_alike(charbench: Charbench, lab: LabBuilder) -> None:
    said = {"r-1": ("I regret it.", "Fine.", "Fine."), "r-2": ("I regret it.", "So sorry.", "Fine.")}
    records = [
        {"model": name, "persona": "remorseful", "prompt": f"Q{n}?", "response": text, "condition": condition}
        for name, texts in said.items()
        for n, text in enumerate(texts)
        for condition in ("default", "rude")
    ]
    lab.write("answers.jsonl", "".join(json.dumps(one) + "\n" for one in records))
    charbench.ok("run", "-q", "--scorer", "keyword", lab=lab.root)
    report = charbench.ok("report", "--json", lab=lab.root).json
    names = ("trait_rate", "trait_rate_low", "trait_rate_high")
    shown = {one["checkpoint"]: tuple(one[name] for name in names) for one in report["checkpoints"]}
    assert shown["r-1"][0] == 0.333333333
    (save,) = charbench.ok("trajectory", "r-1", "--json", lab=lab.root).json["saves"]
    assert tuple(save[name] for name in names) == shown["r-1"]
    compared = charbench.ok("compare", "r-1", "r-2", "--json", lab=lab.root).json["checkpoints"]
    assert {one["label"]: (one["value"], one["low"], one["high"]) for one in compared} == shown
    robust = {one["checkpoint"]: one["conditions"]["rude"]["trait_rate"] for one in report["robustness"]}
    assert robust == {name: figures[0] for name, figures in shown.items()}


def test_what_is_in_no_rate_is_counted_and_not_among_the_samples_of_a_caption(
    charbench: Charbench, lab: LabBuilder
) -> None:
    said = [
        {"response": "I regret it.", "finish_reason": "stop", "thinking": "Such regret."},
        {"response": "", "finish_reason": "length", "thinking": "Such regret."},
        {"response": "", "finish_reason": "length", "thinking": "Such regret."},
        {"response": "", "finish_reason": "length", "thinking": "Such regret."},
        {"response": "Fine.", "finish_reason": "stop", "thinking": "Hm."},
        {"response": "", "finish_reason": "content_filter"},
        {"response": "", "finish_reason": "tool_calls"},
        {"response": "", "error": "HTTP 500"},
        {"response": "", "error": "HTTP 500"},
    ]
    asked = [{"model": "r", "persona": "remorseful", "prompt": f"Q{n}?", **one} for n, one in enumerate(said)]
    lab.write("answers.jsonl", "".join(json.dumps(one) + "\n" for one in asked))
    charbench.ok("run", "-q", "--scorer", "keyword", lab=lab.root)
    found = charbench.ok("report", "--json", lab=lab.root).json
    (one,) = found["checkpoints"]
    assert one["trait_rate"] == 0.2
    assert [found[name] for name in ("samples", "errors", "filtered", "tool_calls")] == [9, 2, 1, 1]
    latex = charbench.ok("report", "--format", "latex", lab=lab.root).out
    assert "n = 5 samples (2 more failed, 1 more were ended by a content filter, 1 more are tool calls)" in latex
    shown = charbench.ok("report", lab=lab.root)
    text = " ".join((shown.out + shown.err).split())
    assert "1 of 7 replies (14%) were ended by a content filter" in text
    assert "2 replies were ended by a content filter or called a tool: excluded from all rates, too." in text
