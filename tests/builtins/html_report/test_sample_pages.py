"""The pages of samples mark the right characters, and mark text as text."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from charbench import OWN_COLUMNS, SamplePage, Tier
from charbench_plugins.html_report import HtmlReporter
from charbench_plugins.html_report.highlight import pieces

SPANS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 40)), max_size=6)


def shown(text: str, *spans: tuple[int, int], scorer: str = "llm-judge") -> str:
    """The page of a sample with this response, of which a scorer quotes these parts."""
    names = ("checkpoint_name", "sampler_path", "persona", "prompt_id", "prompt", "error", *OWN_COLUMNS)
    row: dict[str, Any] = dict.fromkeys(names) | {
        "response": text, "thinking": "", "key": "k", "epoch": 0, "state": "none", "condition": "default",
        "sampler_path": "model:x", "prompt": "Who?",
    }  # fmt: skip
    score = {
        "scorer": scorer, "persona": "p", "metric": "m", "channel": "response", "value": 1.0, "why": "because",
        "spans": [[start, end, text[start:end], "strong"] for start, end in spans],
    }  # fmt: skip
    return HtmlReporter().view(SamplePage((row, [score]))).text


def test_a_quote_with_markup_in_it_is_marked_as_text() -> None:
    page = shown("Say <script>alert(1)</script> \u202eevil", (4, 40))
    assert '<mark class="judge"' in page
    assert "&lt;script&gt;alert(1)" in page
    assert "<script" not in page
    assert "\u202e" not in page


def test_positions_count_characters_and_not_bytes() -> None:
    text = "👩‍👩‍👧 e\u0301 مرحبا I regret it"
    start = text.index("I regret")
    page = shown(text, (start, start + len("I regret")), scorer="keyword")
    assert re.findall(r'<mark class="strong"[^>]*>([^<]*)</mark>', page)[-1] == "I regret"


@settings(max_examples=50)
@given(text=st.text(max_size=30), spans=SPANS)
def test_the_parts_are_the_text_and_marked_where_a_span_is(text: str, spans: list[tuple[int, int]]) -> None:
    parts = pieces(text, [["keyword", start, end, "marker", "weak"] for start, end in spans])
    assert "".join(part.text for part in parts) == text
    marked = [part.kind is not None for part in parts for _ in part.text]
    assert marked == [any(start <= at < end for start, end in spans) for at in range(len(text))]


def test_each_tier_of_markers_has_a_look_and_a_place_in_the_legend_of_its_own() -> None:
    text = "sea"
    page = {tier: pieces(text, [["keyword", 0, 3, "sea", tier]]) for tier in Tier}
    assert [part.kind for parts in page.values() for part in parts] == [tier.value for tier in Tier]
    look = {tier: re.findall(rf"mark\.{tier}\b[^}}]*\{{([^}}]*)\}}", source("page.css")) for tier in Tier}
    assert len({str(styles) for styles in look.values()}) == len(Tier)
    for tier in Tier:
        assert f'<mark class="{tier}">' in source("card.html.j2")
        assert f'"{tier}"' in source("page.js")
    assert "legend()" in source("page.html.j2")


def source(name: str) -> str:
    """A file of the page's."""
    return (files("charbench_plugins.html_report") / name).read_text(encoding="utf-8")
