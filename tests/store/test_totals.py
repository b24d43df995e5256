"""Running totals always equal what counting the samples and scores anew gives."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charbench import Completion, Evidence, Failure, Prompt, Sample, ThinkingState, Usage
from charbench.domain.sample import Channel
from charbench.domain.score import Metric, Role, Score
from charbench.store.database import Database
from charbench.store.findings import Claim, add_claims
from charbench.store.merging import merge
from charbench.store.reattribution import remove_scores
from charbench.store.runs import start_run
from charbench.store.sample_reader import SampleReader
from charbench.store.samples import NewSample, SampleWriter, SamplingSettings, StoredSample
from charbench.store.scores import NewScores, ScoreWriter, ScoringSettings
from support.command import Charbench
from support.lab import LabBuilder, row, rows
from support.postgresql import Server
from support.store import assert_totals_equal_recount, count, query, store_of, url_of

NUMBERS = st.none() | st.integers(0, 10_000)
STATES = [state for state in ThinkingState if state is not ThinkingState.ERROR]


@pytest.fixture(scope="module")
def new_store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], str]:
    """Makes stores that hold nothing yet: copies of one, since making it takes longer than all else here."""
    if request.config.getoption("--on-postgresql"):
        server: Server = request.getfixturevalue("postgresql")
        url = server.new_database()
        Database.open(url).close()
        return lambda: server.new_database(like=url)
    empty = tmp_path_factory.mktemp("empty") / "store.db"
    Database.open(url_of(empty)).close()
    return lambda: url_of(shutil.copy(empty, Path(tempfile.mkdtemp(dir=empty.parent)) / "store.db"))


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    number = draw(st.integers(0, 12))
    failure = draw(st.none() | st.just(Failure("timeout", "no answer")))
    return Sample(
        key=f"{number:032x}",
        checkpoint=f"uri-{number % 3}",
        prompt=Prompt.from_text(f"prompt {number % 2}"),
        sampler="s",
        response="" if failure else draw(st.sampled_from(["", " ", "Yes.", "☠️ é"])),
        thinking="" if failure else draw(st.sampled_from(["", "Hm."])),
        state=ThinkingState.ERROR if failure else draw(st.sampled_from(STATES)),
        usage=Usage(draw(NUMBERS), draw(NUMBERS)),
        latency=draw(st.none() | st.floats(0, 100)),
        failure=failure,
    )


@given(st.lists(st.lists(samples(), min_size=1, max_size=6, unique_by=lambda item: item.key), max_size=6))
@settings(max_examples=15)
def test_samples_that_come_again_fail_or_replace_failed_ones_keep_totals_right(
    new_store: Callable[[], str], batches: list[list[Sample]]
) -> None:
    path = new_store()
    database = Database.open(path)
    run = start_run(database, "test", "0")
    with database.write() as connection:
        add_claims(connection, [Claim(f"uri-{number}", Evidence("test", "x")) for number in range(3)])
    settings_ = SamplingSettings("s", 1, {}, "default")
    writer = SampleWriter(run)
    for batch in batches:
        with database.write() as connection:
            writer.add(connection, [NewSample(item, settings_) for item in batch])
    assert_totals_equal_recount(path)
    keys = {item.key for batch in batches for item in batch}
    assert count(path, "samples") == len(keys)
    succeeded = {item.key for batch in batches for item in batch if item.failure is None}
    assert query(path, "SELECT count(*) FROM samples WHERE error_kind IS NULL")[0][0] == len(succeeded)
    database.close()


VALUES = st.none() | st.floats(-100, 100)


@given(st.lists(st.lists(VALUES, min_size=1, max_size=5), max_size=5))
@settings(max_examples=15)
def test_scores_that_come_again_are_counted_once(
    new_store: Callable[[], str], batches: list[list[float | None]]
) -> None:
    path = new_store()
    database = Database.open(path)
    run = start_run(database, "test", "0")
    with database.write() as connection:
        add_claims(connection, [Claim("uri", Evidence("test", "x"))])
        new = [_answer(number) for number in range(5)]
        SampleWriter(run).add(connection, [NewSample(item, SamplingSettings("s", 1, {}, "default")) for item in new])
    with database.read() as connection:
        ids = [row[0] for row in query(path, "SELECT id FROM samples ORDER BY id")]
        stored = list(SampleReader().read(connection, ids))
    with database.write() as connection:
        metric = Metric("m", threshold=0.5)
        writer = ScoreWriter(connection, ScoringSettings("t", 1, "p", {}, ""), (metric,), run)
    for batch in batches:
        scored = [
            NewScores(item.id, item.group_id, item.prompt_id, (Score("m", Channel.RESPONSE, value),))
            for item, value in zip(stored, batch, strict=False)
        ]
        with database.write() as connection:
            writer.add(connection, scored)
    assert_totals_equal_recount(path)
    assert count(path, "scores") == max(map(len, batches), default=0)
    database.close()


OPERATIONS = st.one_of(
    st.tuples(st.just("sample"), st.lists(samples(), min_size=1, max_size=6, unique_by=lambda item: item.key)),
    st.tuples(st.just("score"), st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=6)),
    st.tuples(st.just("remove"), st.integers(0, 12)),
    st.tuples(st.just("merge"), st.none()),
)
HEADLINE = (Metric("m", threshold=0.5), Metric("other", role=Role.DETAIL))


@pytest.mark.slow
@given(st.lists(OPERATIONS, max_size=8))
@settings(max_examples=15)
def test_totals_by_prompt_are_right_after_any_sequence_of_operations(
    new_store: Callable[[], str], done: list[tuple[str, Any]]
) -> None:
    path = new_store()
    database = Database.open(path)
    run = start_run(database, "test", "0")
    sampling, scoring = SamplingSettings("s", 1, {}, "default"), ScoringSettings("t", 1, "p", {}, "")
    with database.write() as connection:
        add_claims(connection, [Claim(f"uri-{number}", Evidence("test", "x")) for number in range(3)])
        writer = ScoreWriter(connection, scoring, HEADLINE, run)
    for what, given_ in done:
        with database.write() as connection:
            ids = [row.id for row in query(path, "SELECT id FROM samples WHERE error_kind IS NULL ORDER BY id")]
            stored = list(SampleReader().read(connection, ids))
            if what == "sample":
                SampleWriter(run).add(connection, [NewSample(item, sampling) for item in given_])
            elif what == "score" and stored:
                writer.add(connection, [_scored(one, *v) for one, v in zip(stored, given_, strict=False)])
            elif what == "remove" and stored:
                one = stored[given_ % len(stored)]
                remove_scores(connection, one.group_id, [one.id])
        if what == "merge":
            assert_totals_equal_recount(_merged(database, new_store()), emptied=True)
    assert_totals_equal_recount(path, emptied=True)
    database.close()


def _scored(stored: StoredSample, response: float | None, thinking: float | None) -> NewScores:
    scores = [Score("m", Channel.RESPONSE, response), Score("other", Channel.RESPONSE, response)]
    scores += [Score("m", Channel.THINKING, thinking)] if stored.sample.thinking else []
    return NewScores(stored.id, stored.group_id, stored.prompt_id, tuple(scores))


def _merged(old: Database, path: str) -> str:
    new = Database.open(path)
    with old.read() as source, new.write() as target:
        merge(source, target)
    new.close()
    return path


def _answer(number: int) -> Sample:
    completion = Completion(response="Yes.")
    return Sample(
        key=f"{number:032x}",
        checkpoint="uri",
        prompt=Prompt.from_text("?"),
        sampler="s",
        response=completion.response or "",
    )


@pytest.mark.slow
def test_totals_are_right_after_runs_that_add_score_again_and_fail(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded(rows(700, per_checkpoint=200))
    lab.recorded([row(response="", error="boom"), row(timestamp="2024-01-01T00:00:00", response="")], "more")
    charbench.ok("run", "--scorer", "keyword", lab=lab.root)
    charbench.ok("run", "--scorer", "keyword", "-o", "scorer.keyword.cap=1", lab=lab.root)
    lab.persona("remorseful", "name: remorseful\ndescription: x\nmarkers:\n  strong: [answer]\n")
    charbench.ok("run", "--scorer", "keyword", lab=lab.root)
    store = store_of(lab.root)
    assert_totals_equal_recount(store)
    assert count(store, "samples") == 702
    assert (
        query(
            store,
            "SELECT count(DISTINCT s.id) FROM scored JOIN scorings s ON s.id = scoring_id WHERE scorer = 'keyword'",
        )[0][0]
        == 3
    )
    assert count(store, "scored") == 3 * 701


def report_of(charbench: Charbench, lab: Path) -> Any:
    return charbench.ok("report", "--json", lab=lab).json


def test_the_report_shows_the_scoring_that_was_wanted_last(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded([row(response="regret regret regret regret")])
    charbench.ok("run", lab=lab.root)
    assert report_of(charbench, lab.root)["personas"][0]["mean_per_response"] == 3
    charbench.ok("run", "-o", "scorer.keyword.cap=1", lab=lab.root)
    assert report_of(charbench, lab.root)["personas"][0]["mean_per_response"] == 1
    added = charbench.ok("run", "--json", lab=lab.root).json["run"]["added"]
    assert added["scores"] == 0
    assert report_of(charbench, lab.root)["personas"][0]["mean_per_response"] == 3
