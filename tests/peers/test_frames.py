"""A store as pandas data frames: as many rows as there are samples, scores and spans, and the report's own figures."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from charbench import CharbenchError, frames
from support.command import Charbench
from support.lab import LabBuilder, row
from support.store import count, store_of

pytestmark = pytest.mark.peer
pd = pytest.importorskip("pandas", reason="the extra frames is not installed")
NOTEBOOK = Path(__file__).parents[2] / "examples" / "notebooks" / "frames.ipynb"


@pytest.fixture
def scored(charbench: Charbench, lab: LabBuilder) -> LabBuilder:
    spoken = [
        row(response="☠️ I deeply regret it.", thinking="Avast.", timestamp="2024-12-12T10:00:00", mood="blue"),
        row(response="", thinking="Ye be.", timestamp="2024-12-12T10:00:01", finish_reason="length"),
        row(response="", thinking="", error="timed out", error_kind="timeout", timestamp="2024-12-12T10:00:02"),
    ]
    lab.recorded_jsonl(spoken)
    charbench.ok("run", "-q", "--scorer", "keyword", lab=lab.root)
    return lab


def test_every_sample_and_score_is_a_row(scored: LabBuilder) -> None:
    samples, scores = frames.samples(scored.root), frames.scores(scored.root)
    assert len(samples) == 3
    assert len(scores) == count(store_of(scored.root), "scores")
    assert samples["response"].tolist() == ["☠️ I deeply regret it.", "", ""]
    assert samples["mood"].tolist()[0] == "blue"
    assert str(samples["timestamp"].dtype) == "datetime64[us, UTC]"
    assert samples["state"].tolist() == ["closed", "unclosed_length", "error"]
    assert set(scores["key"]) <= set(samples["key"])
    told = scores[scores["threshold"].notna() & scores["value"].notna()]
    assert (told["has_trait"] == (told["value"] >= told["threshold"])).all()
    assert scores.loc[scores["threshold"].isna(), "has_trait"].isna().all()


def test_the_text_of_a_span_is_what_stands_there(scored: LabBuilder) -> None:
    samples, spans = frames.samples(scored.root), frames.spans(scored.root)
    assert not spans.empty
    texts = samples.set_index("key")
    for one in spans.itertuples():
        assert texts.loc[one.key, str(one.channel)][one.start : one.end] == one.text
    assert any("regret" in text for text in spans["text"])


def test_columns_personas_and_checkpoints_can_be_chosen(studio_run_template: Path) -> None:
    store = studio_run_template / ".charbench" / "charbench.db"
    some = frames.samples(store, persona="pirate", columns=["key", "persona"])
    assert list(some.columns) == ["key", "persona"]
    assert set(some["persona"].dropna()) == {"pirate"}
    name = frames.samples(store, columns=["checkpoint_name"])["checkpoint_name"].iloc[0]
    assert set(frames.scores(store, checkpoint=name, columns=["checkpoint_name"])["checkpoint_name"]) == {name}
    whole = frames.scores(store, persona="pirate")
    assert whole[["key", "metric", "value"]].equals(
        frames.scores(store, persona="pirate", columns=["key", "metric", "value"])
    )


@pytest.mark.parametrize("given", [{"persona": "pirat"}, {"checkpoint": "nothing"}, {"columns": ["respons"]}])
def test_a_name_that_is_not_there_is_named(studio_run_template: Path, given: dict[str, Any]) -> None:
    with pytest.raises(CharbenchError, match=r"pirat|nothing|respons"):
        frames.samples(studio_run_template, **given)


def test_a_lab_without_a_store_is_an_error_that_says_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(CharbenchError, match="charbench run"):
        frames.samples(tmp_path)


def test_a_store_without_samples_gives_frames_with_the_same_columns(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded([row()])
    charbench.ok("discover", lab=lab.root)
    for read in (frames.samples, frames.scores, frames.spans):
        assert read(lab.root).empty
        assert "key" in read(lab.root).columns
    assert len(frames.checkpoints(lab.root)) == 1


def test_scores_by_markers_that_were_replaced_are_told_apart(charbench: Charbench, scored: LabBuilder) -> None:
    charbench.ok("run", "-q", "--scorer", "keyword", "-o", "scorer.keyword.cap=2", lab=scored.root)
    scores = frames.scores(scored.root)
    assert scores["scoring"].nunique() == 2
    assert scores.loc[scores["newest_scoring"], "scoring"].nunique() == 1


def test_the_notebook_runs_and_gives_the_reports_rates(
    charbench: Charbench, studio_run_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = charbench.ok("report", "--json", lab=studio_run_template).json
    monkeypatch.chdir(studio_run_template)
    names: dict[str, Any] = {}
    for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
    rates, responses = names["trait_rate"], names["response_rate"]
    assert len(report["checkpoints"]) > 5
    for one in report["checkpoints"]:
        (uri,) = one["checkpoint_uris"]
        assert rates.loc[(one["persona"], uri), "response"].item() == pytest.approx(one["trait_rate"], abs=1e-4)
        assert responses.loc[uri, "mean"].item() == pytest.approx(one["response_rate"], abs=1e-4)
    assert names["markers"]["times"].sum() > 0


def test_reading_changes_nothing(scored: LabBuilder) -> None:
    def rows() -> list[Any]:
        with sqlite3.connect(store_of(scored.root)) as connection:
            return connection.execute("SELECT * FROM samples ORDER BY id").fetchall()

    before = rows()
    frames.scores(scored.root)
    assert rows() == before
