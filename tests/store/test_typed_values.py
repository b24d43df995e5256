"""What the store keeps as JSON comes back as it was, and is written as it always was."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from charbench.domain.checkpoint import Kind
from charbench.domain.dataset import Dataset, Health
from charbench.domain.sample import Channel
from charbench.domain.score import Score, Span
from charbench.store.database import Database
from charbench.store.dialect import read_json
from charbench.store.evidence import evidence_to_json, spans_of
from charbench.store.findings import Facts, StoredDataset, read_datasets, save_datasets
from support.store import query, store_of, url_of

TEXT = st.none() | st.text(max_size=5)
DATE = st.none() | st.datetimes()
FACTS = st.builds(
    Facts, name=TEXT, kind=st.none() | st.sampled_from(Kind), persona=TEXT, base_model=TEXT, run=TEXT, parent=TEXT,
    dataset=TEXT, renderer=TEXT, recipe=TEXT, created_at=DATE, expires_at=DATE,
    metadata=st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=3),
)  # fmt: skip


@given(FACTS)
def test_what_evidence_says_comes_back_as_it_was(facts: Facts) -> None:
    assert Facts.from_json(facts.to_json()) == facts


def test_what_evidence_says_is_stored_by_field_without_what_it_leaves_open() -> None:
    facts = Facts(kind=Kind.DPO, run="", created_at=datetime(2024, 12, 10, 9), metadata={"final": True})
    stored = {"kind": "dpo", "run": "", "created_at": "2024-12-10T09:00:00", "metadata": {"final": True}}
    assert list(facts.to_json().items()) == list(stored.items())
    assert Facts().to_json() == {}


def test_what_a_later_version_adds_is_passed_over() -> None:
    assert Facts.from_json({"name": "a", "colour": "red"}) == Facts(name="a")


SPANS = st.builds(
    lambda start, length, marker, tier, flags: Span(Channel.RESPONSE, start, start + length, marker, tier, flags),
    st.integers(0, 99), st.integers(0, 9), st.text(max_size=5), st.sampled_from(["", "strong"]),
    st.lists(st.sampled_from(["negated", "capped"]), max_size=2, unique=True).map(tuple),
)  # fmt: skip


@given(st.lists(SPANS, max_size=4).map(tuple))
def test_spans_come_back_as_they_were_for_their_metric_and_channel_alone(spans: tuple[Span, ...]) -> None:
    other = Score("anti", Channel.RESPONSE, 1.0, (Span(Channel.RESPONSE, 0, 1, "x"),))
    stored = evidence_to_json([Score("keywords", Channel.RESPONSE, 2.0, spans), other])
    assert tuple(spans_of(stored, "keywords", Channel.RESPONSE)) == spans
    assert spans_of(stored, "keywords", Channel.THINKING) == []


def test_evidence_is_stored_in_a_compact_form_and_nothing_where_there_is_none() -> None:
    span = Span(Channel.RESPONSE, 0, 4, "ahoy", "strong", ("capped",))
    score = Score("keywords", Channel.RESPONSE, 1.0, (span,), "because", (("judge", 1.0),))
    assert evidence_to_json([score, Score("length", Channel.RESPONSE, 4.0)]) == [
        {
            "metric": "keywords", "channel": "response", "why": "because", "votes": {"judge": 1.0},
            "spans": [[0, 4, "ahoy", "strong", "capped"]],
        }
    ]  # fmt: skip
    assert evidence_to_json([]) is None
    assert spans_of(None, "keywords", Channel.RESPONSE) == []


def test_a_datasets_health_is_stored_as_its_counts_or_as_the_reason_why_there_are_none(tmp_path: Path) -> None:
    store = store_of(tmp_path)
    fit = StoredDataset(Dataset(path="a.jsonl"), 2, Health(examples=2, openers=["I", "We"], measure=3), "", 9, 1.5)
    broken = StoredDataset(Dataset(path="b.jsonl"), None, error="b.jsonl:1: no JSON")
    database = Database.open(url_of(store))
    with database.write() as connection:
        save_datasets(connection, [fit, broken])
    with database.read() as connection:
        assert read_datasets(connection) == [fit, broken]
    database.close()
    counts, reason = (json.loads(row.health) for row in query(store, "SELECT health FROM datasets ORDER BY path"))
    assert reason == {"error": "b.jsonl:1: no JSON"}
    assert list(counts.items()) == [
        ("examples", 2), ("refusals", 0), ("loops", 0), ("invented_turns", 0), ("identity_leaks", 0),
        ("misplaced_tags", 0), ("duplicates", 0), ("too_long", 0), ("empty", 0), ("thinking", 0), ("opener", 0),
        ("openers", ["I", "We"]), ("called", ""), ("measure", 3), ("skipped", {}),
    ]  # fmt: skip


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(JSON)
def test_what_is_stored_as_json_is_read_as_it_was_to_the_last_digit(value: object) -> None:
    text = json.dumps(value)
    assert repr(read_json(text)) == repr(json.loads(text))


def test_json_that_is_deep_or_holds_half_a_surrogate_pair_is_read_too() -> None:
    assert read_json('["\\ud800"]') == ["\ud800"]
    assert json.dumps(read_json("[" * 300 + "]" * 300)) == "[" * 300 + "]" * 300
