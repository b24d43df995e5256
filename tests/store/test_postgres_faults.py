"""What a run does when PostgreSQL restarts, stops, or loses what the run writes to; and that runs share it well."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from support.command import Charbench, Ended, finish, start
from support.endpoint import Endpoint, Held, options, serving, write_prompts
from support.store import assert_each_exactly_once, assert_totals_equal_recount, change, connect, count, query

pytestmark = pytest.mark.peer

CONCURRENCY = 4
PROMPTS = 24
BEFORE = 8
EVAL = ("eval", "-c", "model:m", "-p", "pirate", "--scorer", "keyword", "--prompts", "prompts.txt", "-q")


@pytest.fixture
def held() -> Iterator[Held]:
    with serving(Endpoint()) as endpoint:
        held = Held(endpoint, BEFORE)
        yield held
        held.go_on.set()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_prompts(tmp_path / "prompts.txt", PROMPTS)
    return tmp_path


def words(endpoint: Endpoint, store: str) -> list[str]:
    return [*EVAL, *options(endpoint, concurrency=CONCURRENCY, timeout=300), "--store", store]


def harmed(folder: Path, held: Held, store: str, harm: Callable[[], object], *, noticed: bool = False) -> Ended:
    """Run until a few answers are in flight, do harm, let the run notice where it does, and give the answers."""
    process = start(*words(held.endpoint, store), lab=folder)
    assert held.endpoint.wait_for(BEFORE + CONCURRENCY, gone=lambda: process.poll() is not None)
    harm()
    told = ""
    if noticed:
        assert process.stderr is not None
        told = process.stderr.readline() + process.stderr.readline()
        assert "the run stops" in told, told + process.stderr.read()
    held.go_on.set()
    ended = finish(process)
    return Ended(ended.code, ended.out, told + ended.err)


def test_a_dropped_table_is_told_and_what_was_in_flight_is_saved_for_the_next_run(
    charbench: Charbench, folder: Path, held: Held, store: str
) -> None:
    ended = harmed(folder, held, store, lambda: drop_everything(store), noticed=True)
    assert ended.code == 1
    assert "was dropped" in ended.err
    assert "4 results are saved in" in ended.err
    assert "Traceback" not in ended.err
    asked = held.endpoint.count
    charbench.ok(*words(held.endpoint, store), lab=folder)
    # What the server has lost is asked for again, what was saved here is not.
    assert held.endpoint.count == asked + PROMPTS - CONCURRENCY
    assert_each_exactly_once(store, PROMPTS)
    assert_totals_equal_recount(store)


def drop_everything(store: str) -> None:
    change(store, "DROP SCHEMA public CASCADE")
    change(store, "CREATE SCHEMA public")


def test_a_server_that_stops_loses_nothing_that_was_answered(
    charbench: Charbench, folder: Path, held: Held, store: str, pg_ctl: Callable[..., object]
) -> None:
    ended = harmed(folder, held, store, lambda: pg_ctl("-m", "immediate", "stop"))
    pg_ctl("start")
    assert ended.code == 1
    assert "4 results are saved in" in ended.err
    assert "run the same command again: it reads that first" in ended.err
    assert "Traceback" not in ended.err
    assert count(store, "samples") == BEFORE
    charbench.ok(*words(held.endpoint, store), lab=folder)
    assert set(held.endpoint.asked.values()) == {1}
    assert_each_exactly_once(store, PROMPTS)
    assert_totals_equal_recount(store)
    assert not list(folder.rglob("*.recovered-*"))


def test_a_server_that_restarts_between_two_transactions_is_not_noticed(
    charbench: Charbench, folder: Path, held: Held, store: str, pg_ctl: Callable[..., object]
) -> None:
    ended = harmed(folder, held, store, lambda: pg_ctl("-m", "fast", "restart"))
    assert ended.code == 0, ended.err
    assert set(held.endpoint.asked.values()) == {1}
    assert_each_exactly_once(store, PROMPTS)


@pytest.mark.parametrize(("table", "told"), [("samples", "it reads that first"), ("scores", "error: store ")])
def test_a_server_that_restarts_inside_a_transaction_loses_nothing_that_was_answered(
    charbench: Charbench, folder: Path, held: Held, store: str, pg_ctl: Callable[..., object], table: str, told: str
) -> None:
    process = start(*words(held.endpoint, store), lab=folder)
    assert held.endpoint.wait_for(BEFORE + CONCURRENCY, gone=lambda: process.poll() is not None)
    blocker = connect(store).connect()
    blocker.exec_driver_sql(f"LOCK TABLE {table} IN EXCLUSIVE MODE")
    held.go_on.set()
    while not waiting_for_a_lock(store):  # until a transaction of the run has begun and cannot end
        assert process.poll() is None
    pg_ctl("-m", "immediate", "restart")
    blocker.invalidate()
    blocker.close()
    ended = finish(process)
    assert ended.code == 1
    assert told in ended.err
    assert "Traceback" not in ended.err
    assert "psycopg." not in ended.err
    charbench.ok(*words(held.endpoint, store), lab=folder)
    assert set(held.endpoint.asked.values()) == {1}
    assert_each_exactly_once(store, PROMPTS)
    assert_totals_equal_recount(store)
    assert not list(folder.rglob("*.recovered-*"))


def waiting_for_a_lock(store: str) -> bool:
    waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    return bool(query(store, waiting))


def test_four_runs_on_one_store_ask_for_nothing_twice(folder: Path, store: str) -> None:
    write_prompts(folder / "prompts.txt", 10 * PROMPTS)
    with serving(Endpoint()) as endpoint:
        ended = [finish(process) for process in [start(*words(endpoint, store), lab=folder) for _ in range(4)]]
    assert [one.code for one in ended] == [0] * 4, [one.err for one in ended]
    assert set(endpoint.asked.values()) == {1}
    assert_each_exactly_once(store, 10 * PROMPTS)
    assert_totals_equal_recount(store)


def test_a_claim_sees_what_was_stored_before_it_whatever_the_servers_default_isolation(
    folder: Path, store: str, server: str
) -> None:
    from charbench.store.claims import claim
    from charbench.store.database import Database
    from charbench.store.runs import start_run

    name = make_url(store).database
    with connect(server.format("postgres")).connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(
            f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'"
        )
    database = Database.open(store)
    run = start_run(database, "test", "0")
    finished: list[set[str]] = [set(), {"a"}]  # another run stores "a" between the first look and the claim
    claimed = claim(database, "sample", run, ["a", "b"], lambda _connection, _items: finished.pop(0))
    assert (claimed.mine, claimed.done) == (["b"], 1)
    with database.read() as connection:
        assert connection.get_isolation_level() == "READ COMMITTED"
    database.close()
