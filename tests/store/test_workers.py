"""``run --workers``: workers that Ray places on two nodes share a run, its limits and what becomes of it."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from charbench.config.model import RunConfig
from charbench.run.session import Session
from charbench.run.worker import Worker, WorkOrder, share_of
from charbench.store.claims import claimed_together
from charbench.store.database import Database
from charbench.store.settings import read_settings
from support.command import Charbench, finish, start
from support.endpoint import Body, Endpoint, Held, answers, serving
from support.lab import LabBuilder
from support.plugins import Site
from support.store import assert_each_exactly_once, assert_totals_equal_recount, query

PROMPTS = 100


@pytest.mark.sqlite("a file is refused")
def test_workers_need_a_store_that_several_processes_write_to(charbench: Charbench, lab: LabBuilder) -> None:
    ended = charbench("run", "--workers", "auto", lab=lab.root)
    assert ended.code == 2
    assert "--workers needs a store that several processes write to" in ended.err
    assert "charbench store copy" in ended.err
    assert not (lab.root / ".charbench").exists()


@pytest.mark.sqlite("a file is refused")
def test_a_lab_that_is_not_there_is_told_before_its_store(charbench: Charbench, lab: LabBuilder) -> None:
    ended = charbench("run", "--workers", "auto", "--lab", "nowhere", lab=lab.root)
    assert ended.code == 2
    assert "nowhere: no such folder" in ended.err


@pytest.mark.parametrize("given", [("--num-workers", "3"), ("--worker-gpus", "1")])
def test_what_is_said_of_workers_needs_workers(charbench: Charbench, lab: LabBuilder, given: tuple[str, str]) -> None:
    ended = charbench("run", *given, lab=lab.root)
    assert ended.code == 2
    assert f"{given[0]} is for --workers" in ended.err


@pytest.mark.parametrize("where", ["here", "http://host", "ray:/host"])
def test_an_address_that_is_none_is_told(charbench: Charbench, lab: LabBuilder, where: str) -> None:
    ended = charbench("run", "--workers", where, "--store", "postgresql://db.invalid/lab", lab=lab.root)
    assert ended.code == 2
    assert f"--workers {where}: auto or ray://HOST is expected" in ended.err


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"folder": "/no/such/folder"},
            "workers need the lab's files at the same path",
        ),
        ({"version": "0.0.1"}, "the run is of 0.0.1; install the same version on every machine"),
    ],
    ids=["without the lab's folder", "another version"],
)
def test_a_worker_on_a_machine_that_is_not_ready_says_what_is_missing(
    lab: LabBuilder, changed: dict[str, str], said: str
) -> None:
    order = WorkOrder(RunConfig(lab=lab.root), str(lab.root), "charbench run (worker 1 of run 1)")
    worked = Worker().work(replace(order, **changed))
    assert worked.fault is not None
    assert said in worked.fault
    assert not worked.counts


def test_workers_keep_to_the_limits_of_the_run_together(lab: LabBuilder) -> None:
    options = {"sampler.thinking": {"requests_per_minute": 600, "delay": 0.5, "base_url": "http://127.0.0.1:9/v1"}}
    session = Session(RunConfig(lab=lab.root, max_cost=10, options=options, samplers=["thinking"]))
    share = share_of(session.config, session.samplers(), 4)
    assert share.max_cost == 2.5
    assert share.options_for("sampler", "thinking")["requests_per_minute"] == 150
    assert share.options_for("sampler", "thinking")["delay"] == 2


@given(st.integers(1, 600), st.one_of(st.none(), st.integers(0, 100_000)), st.integers(2, 64), st.integers(1, 100))
def test_no_worker_claims_more_than_a_part_of_its_share(most: int, items: int | None, workers: int, of: int) -> None:
    together = claimed_together(most, items, workers, of)
    assert 1 <= together <= most
    if items is not None:
        assert together < items / workers / 4 + of
    assert together % of == 0 or together == most
    assert claimed_together(most, items, 1, of) == most


FRAGILE = '''
import os
import sys
from pathlib import Path

from charbench import Completion, Metric, Sampler, Score, Scorer, hookimpl

FAULT = Path("fault").read_text() if Path("fault").exists() else ""
ON_WORKER = sys.argv[0].endswith("default_worker.py")


def fail(where):
    if ON_WORKER and where == FAULT:
        raise ValueError(f"broken in {where}")


fail("import")


class Fragile(Scorer):
    """Counts what it is asked; waits while there is a file ``hold``."""

    name = "fragile"
    metrics = (Metric("length", range=(0, 100_000), aggregate="mean"),)

    def score(self, sample, persona):
        with Path("asked.txt").open("a") as file:
            file.write(f"{os.getpid()} {sample.key}\\n")
        fail("score")
        while Path("hold").exists():
            pass
        return [Score("length", channel, len(text)) for channel, text in sample.channels()]


class Unready(Sampler):
    """Cannot get ready on a worker."""

    name = "unready"

    def prepare(self, root, folder):
        fail("prepare")

    def accepts(self, checkpoint):
        return True

    def sample(self, request):
        return Completion(text="Ahoy, matey!", finish_reason="stop")


@hookimpl
def charbench_scorers():
    return [Fragile]


@hookimpl
def charbench_samplers():
    return [Unready]
'''


@pytest.fixture(scope="module")
def fragile(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A plugin that is installed on every node, and breaks as the file ``fault`` in the lab says."""
    site = Site(tmp_path_factory.mktemp("fragile"))
    site.install("charbench-fragile", FRAGILE)
    return site


@pytest.fixture(scope="module")
def cluster(fragile: Site) -> Iterator[dict[str, str]]:
    """A cluster of two nodes: the environment in which it is found."""
    with two_nodes(fragile) as env:
        yield env


@contextmanager
def two_nodes(site: Site) -> Iterator[dict[str, str]]:
    """A new cluster of two nodes with these plugins: the environment in which it is found."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'charbench[ray]'")
    script = Path(__file__).parents[1] / "support" / "ray_cluster.py"
    env = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    env |= {"RAY_USAGE_STATS_ENABLED": "0", **site.env}
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, script], stdin=pipe, stdout=pipe, env=env, text=True) as process:
        assert process.stdout is not None
        told = next((line for line in process.stdout if re.fullmatch(r"[\d.]+:\d+\s*", line)), "")
        assert told, "the cluster did not start"
        rest = threading.Thread(target=process.stdout.read, daemon=True)
        rest.start()
        # Warnings are not errors here: Ray's own are none of ours.
        assert process.stdin is not None
        try:
            yield {"RAY_ADDRESS": told.strip(), "RAY_USAGE_STATS_ENABLED": "0", "PYTHONWARNINGS": "default"}
        finally:  # a test that fails must not wait for a cluster that nobody ends
            process.stdin.close()
            process.wait(timeout=60)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """An endpoint that counts what it is asked."""
    with serving(Endpoint()) as found:
        yield found


def words(
    endpoint: Endpoint, store: str, *more: str, workers: int = 4, sampler: str = "thinking", scorer: str = "keyword"
) -> list[str]:
    """Return a run of four workers on one served checkpoint."""
    options = {"base_url": endpoint.url, "concurrency": 4, "tries": 1} if sampler == "thinking" else {}
    given = [word for name, value in options.items() for word in ("-o", f"sampler.thinking.{name}={value}")]
    return [
        "run", "-c", "model:one", "-p", "pirate", "--sampler", sampler, "--scorer", "keyword", "--scorer", scorer,
        "--prompts", "prompts.txt", "--store", store, "--workers", "auto", "--num-workers", str(workers), *given, *more,
    ]  # fmt: skip


def prompts(lab: LabBuilder, count: int = PROMPTS) -> None:
    lab.write("prompts.txt", "".join(f"Question {number}: who are you?\n" for number in range(count)))


def pids_at_work(store: str) -> list[int]:
    """Return the processes of workers that hold claims now."""
    told = query(
        store,
        "SELECT DISTINCT runs.pid FROM runs JOIN claims ON claims.run_id = runs.id"
        " WHERE runs.status = 'running' AND runs.command LIKE '%(worker %'",
    )
    return [row.pid for row in told]


@pytest.mark.peer
def test_workers_on_two_nodes_share_a_run_and_each_sample_is_requested_once(
    lab: LabBuilder, store: str, cluster: dict[str, str], endpoint: Endpoint
) -> None:
    prompts(lab)
    ended = finish(start(*words(endpoint, store, "--epochs", "10", "--json"), lab=lab.root, env=cluster))
    assert ended.code == 0, ended.err
    assert ended.json["run"]["added"]["samples"] == 10 * PROMPTS
    assert ended.json["run"]["added"]["scores"] == 10 * PROMPTS
    assert set(endpoint.asked.values()) == {10}
    assert_each_exactly_once(store, 10 * PROMPTS)
    assert_totals_equal_recount(store)
    took_part = query(store, "SELECT counts FROM runs WHERE command LIKE '%(worker %' AND status = 'done'")
    assert len(took_part) == 4
    again = finish(start(*words(endpoint, store, "--epochs", "10"), lab=lab.root, env=cluster))
    assert again.code == 0, again.err
    assert endpoint.count == 10 * PROMPTS


@pytest.mark.peer
def test_few_samples_are_shared_by_all_workers(
    lab: LabBuilder, store: str, cluster: dict[str, str], endpoint: Endpoint
) -> None:
    prompts(lab)
    held = Held(endpoint, after=0)
    process = start(*words(endpoint, store, "--json"), lab=lab.root, env=cluster)
    assert endpoint.wait_for(1, lambda: process.poll() is not None), process.communicate()
    give_up = time.monotonic() + 200
    while len(pids_at_work(store)) < 4:  # nothing is answered before all four have claimed something
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < give_up, "some workers have nothing to do"
        time.sleep(0.2)
    held.go_on.set()
    ended = finish(process)
    assert ended.code == 0, ended.err
    assert endpoint.count == PROMPTS
    assert_each_exactly_once(store, PROMPTS)
    took_part = (
        "SELECT DISTINCT samples.run_id FROM samples JOIN runs ON runs.id = run_id WHERE command LIKE '%(worker %'"
    )
    assert len(query(store, took_part)) == 4


@pytest.mark.peer
def test_workers_that_the_gpus_are_enough_for_do_the_run_and_more_are_refused_at_once(
    lab: LabBuilder, store: str, cluster: dict[str, str], endpoint: Endpoint
) -> None:
    prompts(lab)
    refused = finish(start(*words(endpoint, store, "--worker-gpus", "1"), lab=lab.root, env=cluster))
    assert refused.code == 2
    told = "error: --worker-gpus 1: 4 workers have no room; the GPUs of the cluster's machines (1, 1) are enough for 2"
    assert told in refused.err
    assert endpoint.count == 0
    ended = finish(start(*words(endpoint, store, "--worker-gpus", "1", workers=2), lab=lab.root, env=cluster))
    assert ended.code == 0, ended.err
    assert_each_exactly_once(store, PROMPTS)
    assert endpoint.count == PROMPTS


@pytest.mark.peer
def test_a_killed_worker_is_replaced_and_only_what_it_had_in_flight_is_requested_again(
    lab: LabBuilder, store: str, cluster: dict[str, str], endpoint: Endpoint
) -> None:
    prompts(lab)
    held = Held(endpoint, after=4 * PROMPTS)
    process = start(*words(endpoint, store, "--epochs", "10", "--json"), lab=lab.root, env=cluster)
    assert endpoint.wait_for(4 * PROMPTS + 4, lambda: process.poll() is not None), process.communicate()
    victim = pids_at_work(store)[0]
    os.kill(victim, signal.SIGKILL)
    held.go_on.set()
    ended = finish(process)
    assert ended.code == 0, ended.err
    assert ended.json["run"]["added"]["samples"] == 10 * PROMPTS
    assert 10 * PROMPTS <= endpoint.count <= 10 * PROMPTS + 4, "a worker has four requests in flight"
    assert_each_exactly_once(store, 10 * PROMPTS)
    assert_totals_equal_recount(store)
    killed = query(store, "SELECT pid FROM runs WHERE status = 'killed'")
    assert [row.pid for row in killed] == [victim]
    with closing(Database.open(store)) as database, database.read() as connection:
        assert [len(settings) for settings in read_settings(connection).by_persona.values()] == [1]
    assert "Worker ID" not in ended.err, "Ray's own message has a thousand characters"


@pytest.mark.peer
def test_a_lost_node_costs_only_what_was_in_flight_there(
    lab: LabBuilder, store: str, fragile: Site, endpoint: Endpoint
) -> None:
    prompts(lab)
    held = Held(endpoint, after=4 * PROMPTS)
    apart = ("--worker-gpus", "0.3")  # three have room on one node, so each node has one at least
    with two_nodes(fragile) as env:
        process = start(*words(endpoint, store, "--epochs", "10", "--json", *apart), lab=lab.root, env=env)
        assert endpoint.wait_for(4 * PROMPTS + 4, lambda: process.poll() is not None), process.communicate()
        nodes = {parent(pid) for pid in pids_at_work(store)}
        lost = next(raylet for raylet in nodes if b"--head" not in Path(f"/proc/{raylet}/cmdline").read_bytes())
        gone = [pid for pid in pids_at_work(store) if parent(pid) == lost]
        for pid in (lost, *gone):
            os.kill(pid, signal.SIGKILL)
        held.go_on.set()
        ended = finish(process)
    assert ended.code == 0, ended.err
    assert "Traceback" not in ended.err
    assert "state-dump" not in ended.err + ended.out
    assert 10 * PROMPTS <= endpoint.count <= 10 * PROMPTS + 4 * len(gone), "a worker has four requests in flight"
    assert_each_exactly_once(store, 10 * PROMPTS)
    assert_totals_equal_recount(store)


def parent(pid: int) -> int:
    """Return a process's parent: a worker's is the raylet of its node."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.mark.peer
@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (
            "import",
            r"plugin charbench-fragile \(from .+\) is broken here \(.+\): ValueError: broken in import",
        ),
        ("prepare", r"sampler unready: prepare\(\) is broken: ValueError: broken in prepare"),
    ],
)
def test_workers_on_which_a_plugin_is_broken_say_so_and_take_no_sample(
    lab: LabBuilder, store: str, cluster: dict[str, str], fragile: Site, endpoint: Endpoint, fault: str, told: str
) -> None:
    prompts(lab)
    lab.write("fault", fault)
    given = words(endpoint, store, workers=2, sampler="unready", scorer="fragile")
    ended = finish(start(*given, lab=lab.root, env=cluster | fragile.env))
    assert ended.code == 2
    assert re.search(rf"error: worker \d: {told}", ended.err), ended.err
    assert query(store, "SELECT count(*) AS n FROM samples")[0].n == 0


@pytest.mark.peer
def test_a_scorer_that_fails_is_asked_once_for_each_sample_whatever_number_of_workers_there_is(
    lab: LabBuilder, store: str, cluster: dict[str, str], fragile: Site, endpoint: Endpoint
) -> None:
    prompts(lab)
    lab.write("fault", "score")
    given = words(endpoint, store, workers=3, scorer="fragile")
    ended = finish(start(*given, lab=lab.root, env=cluster | fragile.env))
    assert ended.code == 1
    assert "scorer fragile: " in ended.err
    assert "ValueError: broken in score" in ended.err
    keys = [line.split()[1] for line in (lab.root / "asked.txt").read_text().splitlines()]
    assert len(keys) == len(set(keys)) == PROMPTS
    assert_each_exactly_once(store, PROMPTS)
    (lab.root / "fault").unlink()
    again = finish(start(*given, "--json", lab=lab.root, env=cluster | fragile.env))
    assert again.code == 0, again.err
    assert again.json["run"]["added"]["scores"] == PROMPTS
    assert endpoint.count == PROMPTS


@pytest.mark.peer
def test_a_worker_that_is_killed_while_it_scores_leaves_each_sample_scored_once(
    lab: LabBuilder, store: str, cluster: dict[str, str], fragile: Site, endpoint: Endpoint
) -> None:
    prompts(lab)
    lab.write("hold", "")
    given = words(endpoint, store, workers=2, scorer="fragile")
    process = start(*given, lab=lab.root, env=cluster | fragile.env)
    asked = lab.root / "asked.txt"
    give_up = time.monotonic() + 200
    while not asked.exists() or not asked.read_text().endswith("\n"):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < give_up, "nothing is scored"
        time.sleep(0.1)
    os.kill(int(asked.read_text().split()[0]), signal.SIGKILL)
    (lab.root / "hold").unlink()
    ended = finish(process)
    assert ended.code == 0, ended.err
    assert endpoint.count == PROMPTS
    scored = "SELECT scoring_id, count(*) AS n, count(DISTINCT sample_id) AS different FROM scored GROUP BY scoring_id"
    assert [(row.n, row.different) for row in query(store, scored)] == [(PROMPTS, PROMPTS)] * 2
    assert_totals_equal_recount(store)


@pytest.mark.peer
def test_the_most_that_a_run_may_cost_holds_for_all_workers_together(
    lab: LabBuilder, store: str, cluster: dict[str, str], endpoint: Endpoint
) -> None:
    prompts(lab)
    lab.write("charbench.yaml", 'prices:\n  "model:one": {prompt: 0, completion: 50_000}\n')  # a reply costs 1
    given = words(endpoint, store, "--epochs", "10", "--max-cost", "200", "--json")
    ended = finish(start(*given, lab=lab.root, env=cluster))
    assert ended.code == 1
    assert "stopped: --max-cost 200 is reached" in ended.err
    assert 200 <= endpoint.count <= 200 + 4 * 4, "each worker may have four more in flight"


@pytest.mark.peer
def test_ctrl_c_ends_all_workers_and_a_second_run_does_the_rest(
    lab: LabBuilder, store: str, cluster: dict[str, str], endpoint: Endpoint
) -> None:
    prompts(lab)

    async def takes_time(request: web.Request, body: Body) -> web.StreamResponse:
        await asyncio.sleep(0.2)
        return await answers(request, body)

    endpoint.handler = takes_time
    process = start(*words(endpoint, store, "--epochs", "10", "--json"), lab=lab.root, env=cluster)
    assert endpoint.wait_for(PROMPTS, lambda: process.poll() is not None), process.communicate()
    process.send_signal(signal.SIGINT)
    ended = finish(process)
    assert ended.code == 130, ended.err
    assert "Resume with: charbench run" in ended.err
    taken = endpoint.count
    assert taken < 10 * PROMPTS
    stored = query(store, "SELECT count(*) AS n FROM samples")[0].n
    assert taken - 16 <= stored <= taken
    endpoint.handler = answers
    assert finish(start(*words(endpoint, store, "--epochs", "10"), lab=lab.root, env=cluster)).code == 0
    assert endpoint.count == 10 * PROMPTS + taken - stored
    assert_each_exactly_once(store, 10 * PROMPTS)


@pytest.mark.parametrize("where", ["auto", "ray://127.0.0.1:9"])
@pytest.mark.peer
def test_a_cluster_that_is_not_there_is_one_line(
    lab: LabBuilder, store: str, cluster: dict[str, str], endpoint: Endpoint, where: str
) -> None:
    prompts(lab)
    given = [where if word == "auto" else word for word in words(endpoint, store)]
    ended = finish(start(*given, lab=lab.root, env=cluster | {"RAY_ADDRESS": "127.0.0.1:9"}))
    assert ended.code == 2
    assert f"error: --workers {where}: nobody answers at 127.0.0.1:9" in ended.err
    assert "Traceback" not in ended.err
    assert endpoint.count == 0
