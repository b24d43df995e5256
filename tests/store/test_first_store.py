"""A store that the first version filled opens with all that is in it, and nothing of it is asked or scored again."""

from __future__ import annotations

import shutil
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import pytest

from support.command import Charbench
from support.store import assert_totals_equal_recount, store_of

pytestmark = pytest.mark.sqlite("the kept store is a file; test_postgres_upgrade.py has it on servers")

ARCHIVE = Path(__file__).parents[1] / "data" / "stores" / "first.tar.gz"
"""Made by ``tools/make_first_store.py``."""
URL = "http://127.0.0.1:18099/v1"
"""Where its samples came from. Nobody listens there now: a request would fail, and be an attempt."""
KEPT = ("samples", "scored", "scores", "games", "labels", "label_items", "diagnoses", "jobs", "attempts", "checkpoints")


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """The lab, with its store."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    # Its scores are of the markers of that time: the persona files of that time are the lab's own.
    shutil.copytree(ARCHIVE.with_name("personas"), tmp_path / "lab" / "personas")
    return tmp_path / "lab"


def rows(lab: Path) -> dict[str, int]:
    """Return how many rows each table has."""
    with closing(sqlite3.connect(lab / ".charbench" / "charbench.db")) as connection, connection:
        counted = {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in KEPT}
    connection.close()
    return counted


def as_then() -> list[str]:
    """Return the words of the run that filled the store."""
    options = [
        f"sampler.thinking.base_url={URL}",
        "sampler.thinking.tries=1",
        f"scorer.llm-judge.base_url={URL}",
        "scorer.llm-judge.model=judge",
        f"scorer.pairwise.base_url={URL}",
        "scorer.pairwise.model=pairs",
        "scorer.pairwise.games=6",
    ]
    words = ["run", "-p", "pirate", "--sampler", "thinking", "--prompts", "prompts.txt", "--epochs", "2"]
    words += [word for name in ("pirate_strong", "pirate_weak", "base") for word in ("-c", f"model:{name}")]
    words += [word for name in ("keyword", "refusal", "llm-judge", "pairwise") for word in ("--scorer", name)]
    return words + [word for option in options for word in ("-o", option)]


def test_a_store_of_the_first_version_keeps_everything_and_nothing_is_asked_or_scored_again(
    charbench: Charbench, lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rows(lab)
    assert min(before.values()) > 0, "the archive holds some of everything"
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    ended = charbench(*as_then(), lab=lab)
    assert "6 failed in an earlier run and are not retried" in ended.err
    assert "Added: nothing." in ended.err
    assert "Nothing to do: everything is already in the store." in charbench.ok("run", lab=lab).err
    assert rows(lab) == before
    assert_totals_equal_recount(store_of(lab))


def test_its_samples_scores_labels_and_jobs_are_reported(charbench: Charbench, lab: Path) -> None:
    report = charbench.ok("report", "--json", lab=lab).json
    assert {row["persona"] for row in report["personas"]} == {"pirate", "remorseful"}
    status = charbench.ok("status", "--json", lab=lab).json
    assert (status["pending"], status["complete"]) == (1, 1)
    (agreement,) = charbench.ok("calibrate", "report", "-p", "pirate", "--json", lab=lab).json
    assert agreement["labelled"] == 12
