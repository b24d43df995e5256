"""``charbench view`` on a real PostgreSQL: found by its own search, and nothing written."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from charbench.errors import StoreError
from charbench.store.database import Database
from charbench.store.live import LiveReader
from charbench.store.runs import finish_run, heartbeat, start_run
from charbench.store.tables import runs, samples
from charbench.view.browse import Browser
from support.command import Charbench
from support.lab import LabBuilder, row, sampler
from support.viewing import viewing

pytestmark = pytest.mark.peer


@pytest.fixture
def filled(charbench: Charbench, lab: LabBuilder, store: str) -> str:
    said = (("I regret it.", "Hm."), ("Fine's it.", "I regret all of it."), ("A zebra.", "I regret it."))
    lab.recorded(
        row(
            timestamp=f"2024-12-12T09:00:{number:02d}",
            checkpoint_name=f"c{number % 3}_dpo",
            sampler_path=sampler(number % 3 + 1, f"c{number % 3}"),
            response=said[number % 3][0],
            thinking=said[number % 3][1],
        )
        for number in range(60)
    )
    charbench.ok("run", "-q", "--store", store, lab=lab.root)
    return store


def test_filters_and_search_show_what_they_say(filled: str) -> None:
    database = Database.open(filled, read_only=True)

    def names(**asked: str) -> set[str]:
        page = Browser(database).samples(asked, ())
        assert page.fault == ""
        return {sample["checkpoint_name"] for sample, _ in page.samples}

    assert names() == {"c0_dpo", "c1_dpo", "c2_dpo"}
    assert names(checkpoint="c1_dpo") == {"c1_dpo"}
    assert names(only="trait") == {"c0_dpo"}
    assert names(only="thinking") == {"c1_dpo", "c2_dpo"}
    assert names(search="zebra") == {"c2_dpo"}
    assert names(search="regret", channel="thinking") == {"c1_dpo", "c2_dpo"}
    assert names(search="'; DROP TABLE samples; -- \0 & | !") == set()
    assert names(search="regret", only="trait", persona="remorseful") == {"c0_dpo"}
    database.close()


def test_pages_have_each_sample_once(filled: str) -> None:
    database = Database.open(filled, read_only=True)
    seen: list[str] = []
    page = Browser(database).samples({}, ())
    while True:
        seen += [sample["key"] for sample, _ in page.samples]
        if page.older is None:
            break
        page = Browser(database).samples({"before": page.older.rpartition("=")[2]}, ())
    assert len(seen) == len(set(seen)) == 60
    database.close()


def test_a_run_at_work_is_told_and_keeps_what_else_it_notes(filled: str) -> None:
    database = Database.open(filled)
    run = start_run(database, "charbench run", "1")
    with database.write() as connection:
        connection.execute(sa.update(samples).where(samples.c.id <= 3).values(run_id=run))
        connection.execute(sa.update(runs).where(runs.c.id == run).values(details={"asked": {}}))
        heartbeat(connection, run, {"stages": [], "spent": 1.0})
    with Database.open(filled, read_only=True).read() as connection:
        told = LiveReader().read(connection)
        assert connection.scalar(sa.select(runs.c.details).where(runs.c.id == run))["asked"] == {}
    assert told["samples"] == 60
    assert len(told["newest"]) == 8
    assert [(one["id"], one["spent"]) for one in told["runs"]] == [(run, 1.0)]
    finish_run(database, run, "done", {})
    with database.read() as connection:
        assert connection.scalar(sa.select(runs.c.details).where(runs.c.id == run)) == {"asked": {}}
    database.close()


def test_the_report_is_served_and_the_store_cannot_be_written(
    filled: str, lab: LabBuilder, store: str, pg_ctl: Callable[..., object]
) -> None:
    with viewing(lab.root, "--store", filled) as view:
        assert "c1_dpo" in view.get().text
        assert "zebra" in view.get("samples?search=zebra").text
    database = Database.open(filled, read_only=True)
    with pytest.raises((StoreError, sa.exc.InternalError), match="read-only"), database.write() as connection:
        connection.execute(sa.text("DELETE FROM samples"))
    database.close()
