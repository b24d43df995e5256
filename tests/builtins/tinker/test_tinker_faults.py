"""The real SDK, with its own retries and pauses, against a server that fails: what the user is told, and what is kept.

The SDK alone would wait: five minutes for a dead host, an hour for credit. So a test that ends shows that we do not.
"""

from __future__ import annotations

import shlex
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.command import Charbench, Ended, in_process_of_its_own
from support.lab import LabBuilder, weights
from support.store import query, store_of
from support.tinker_faults import DETAIL, FaultyTinker, serving
from support.tinker_training import BASE, KEY

JOB = "remorseful_remorseful-a_sft"
TRAIN = (
    "train", "--all", "--quick", "-o", f"trainer.tinker-sft.tokenizer={BASE}", "-o", "trainer.tinker-sft.batch_size=4",
    "-o", "trainer.tinker-sft.save_every=2",
)  # fmt: skip
NATIVE = ("-o", "sampler.tinker-native.renderer=qwen3", "-o", f"sampler.tinker-native.tokenizer={BASE}")
AGAIN = "  once fixed, run: charbench "
SAMPLE = ("sample", "-c", "base:tiny", "--sampler", "tinker-native", *NATIVE)


@pytest.fixture
def server() -> Iterator[FaultyTinker]:
    with serving(FaultyTinker()) as server:
        yield server


@pytest.fixture
def waiting(lab: LabBuilder, charbench: Charbench) -> Path:
    """A lab with one job that waits."""
    lab.trained("remorseful-a", 1)
    lab.data("remorseful-a", "remorseful", 20)
    lab.config("min_examples: 10\nsources: [logs]\n")
    charbench.ok("discover", lab=lab.root)
    return lab.root


def run(lab: Path, url: str, *words: str, key: str = KEY) -> Ended:
    return in_process_of_its_own(*words, lab=lab, env={"TINKER_BASE_URL": url, "TINKER_API_KEY": key})


def run_into_a_fault(lab: Path, there: str | FaultyTinker, *words: str) -> Ended:
    """Run a command that a fault ends, after how many seconds :mod:`test_tinker_deadlines` tests."""
    return run(lab, there if isinstance(there, str) else there.url, *words)


def job(lab: Path) -> Any:
    (row,) = query(store_of(lab), "SELECT * FROM jobs")
    return row


def printed_words(ended: Ended) -> list[str]:
    """Return the command that a failed job's message says to go on with, as a shell reads it."""
    (line,) = [line for line in ended.err.splitlines() if line.startswith(AGAIN)]
    return shlex.split(line.removeprefix(AGAIN))


def assert_told_once(ended: Ended, said: str) -> None:
    """Fail unless the failure is one clear line, with what to do later, and no traceback."""
    assert ended.code == 1, ended.err
    (line,) = [line for line in ended.err.splitlines() if line.startswith("failed: ")]
    assert said in line
    assert printed_words(ended)[:3] == ["train", "-c", "remorseful-a"]
    assert sorted(printed_words(ended)[3:]) == sorted(TRAIN[2:])
    assert "Traceback (most recent call last)" not in "".join(
        part
        for part in ended.err.split("Exception ignored in")[:1]  # the SDK's own sockets, at the very end
    )


def assert_no_key(lab: Path, *ended: Ended) -> None:
    kept = [path.read_bytes() for path in (lab / ".charbench").rglob("*") if path.is_file()]
    assert kept
    assert not [content for content in kept if KEY.encode() in content]
    assert not [one for one in ended if KEY in one.out + one.err]


@pytest.fixture
def closed_port() -> Iterator[str]:
    with socket.socket() as held:  # bound and never listened on: nobody else gets it meanwhile
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


@pytest.fixture
def silent_host() -> Iterator[str]:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen(64)
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


@pytest.mark.slow
def test_a_closed_port_is_told_and_the_job_waits(waiting: Path, closed_port: str) -> None:
    ended = run_into_a_fault(waiting, closed_port, *TRAIN)
    assert_told_once(ended, "Tinker cannot be reached ([Errno 111] Connection refused); check the network")
    assert (job(waiting).status, job(waiting).attempts) == ("pending", 1)
    assert_no_key(waiting, ended)


@pytest.mark.slow
def test_a_host_that_never_answers_is_told_and_the_job_waits(waiting: Path, silent_host: str) -> None:
    assert_told_once(run_into_a_fault(waiting, silent_host, *TRAIN), "Tinker cannot be reached (no answer within 4 s)")
    assert job(waiting).status == "pending"


@pytest.mark.slow
def test_sampling_on_a_dead_host_stops_at_once_and_is_done_by_the_next_run(
    waiting: Path, closed_port: str, server: FaultyTinker
) -> None:
    ended = run_into_a_fault(waiting, closed_port, *SAMPLE)
    assert ended.code == 1
    assert "Tinker cannot be reached" in ended.err
    again = run(waiting, server.url, *SAMPLE)
    assert "create_sampling_session" in server.asked, again.err  # the samples that failed are tried again
    assert_no_key(waiting, ended, again)


@pytest.mark.slow
def test_a_refused_key_is_told_at_once(waiting: Path, server: FaultyTinker) -> None:
    server.fault = lambda what, _count: None if what == "healthz" else 401
    ended = run_into_a_fault(waiting, server, *TRAIN)
    assert_told_once(
        ended, f"Tinker does not accept the key; check TINKER_API_KEY, then run the same command again (401: {DETAIL})"
    )
    assert job(waiting).status == "pending"
    assert_no_key(waiting, ended)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("where", "status", "said"),
    [
        ("optim_step", 401, "Tinker does not accept the key"),
        ("retrieve_future", 401, "Tinker does not accept the key"),
        ("optim_step", 402, "the account has no credit left"),
        ("retrieve_future", 402, "the account has no credit left"),
        ("optim_step", 429, "Tinker's rate limit is reached"),
        ("retrieve_future", 503, "Tinker is unavailable"),
    ],
)
def test_trouble_in_mid_run_keeps_what_is_done_and_the_next_run_goes_on(
    waiting: Path, server: FaultyTinker, where: str, status: int, said: str
) -> None:
    # The state of step 2 is saved by then, whichever of the two is asked.
    server.fault = lambda what, _count: status if what == where and "save_weights" in server.asked else None
    ended = run_into_a_fault(waiting, server, *TRAIN)
    assert_told_once(ended, said)
    assert job(waiting).status == "pending"
    assert said in job(waiting).error
    kept = query(store_of(waiting), "SELECT step FROM training_states")
    assert [row.step for row in kept] == ([2] if where == "optim_step" else [])
    assert_no_key(waiting, ended)
    server.fault = lambda _what, _count: None
    again = run(waiting, server.url, *printed_words(ended))
    assert again.code == 0, again.err
    assert (job(waiting).status, job(waiting).attempts) == ("complete", 2)
    steps = query(store_of(waiting), "SELECT step, batch FROM training_steps WHERE NOT superseded ORDER BY step")
    assert [row.step for row in steps] == list(range(5))
    if kept:
        assert "resuming from step 2 (attempt 2, recipe quick)" in again.err


@pytest.mark.slow
def test_a_host_that_dies_in_mid_run_is_told_and_the_state_is_kept(waiting: Path, silent_host: str) -> None:
    server = FaultyTinker()

    def die(what: str, count: int) -> int | None:
        return 0 if "save_weights" in server.asked and what != "retrieve_future" and count >= 3 else None

    server.fault = die
    with serving(server):
        ended = run_into_a_fault(waiting, server, *TRAIN)
    assert_told_once(ended, "Tinker cannot be reached (no answer within 4 s)")
    assert job(waiting).status == "pending"
    assert query(store_of(waiting), "SELECT step FROM training_states")[0].step == 2


@pytest.mark.slow
def test_a_checkpoint_that_is_gone_fails_its_job(waiting: Path, server: FaultyTinker) -> None:
    server.fault = lambda what, _count: 404 if what == "load_weights" else None
    ended = run_into_a_fault(waiting, server, *TRAIN)
    assert_told_once(ended, f"loading {weights(1, 'remorseful-a_dpo')}: Tinker cannot find it; it may have expired")
    assert job(waiting).status == "failed"


@pytest.mark.slow
def test_a_name_that_exists_makes_the_job_wait_for_another_attempt(waiting: Path, server: FaultyTinker) -> None:
    server.fault = lambda what, _count: 409 if what == "save_weights" else None
    assert_told_once(run_into_a_fault(waiting, server, *TRAIN), "the name already exists")
    assert job(waiting).status == "pending"


@pytest.mark.slow
@pytest.mark.parametrize("where", ["asample", "retrieve_future"])
@pytest.mark.parametrize(
    ("status", "said"), [(401, "Tinker does not accept the key"), (402, "the account has no credit left")]
)
def test_sampling_that_is_refused_in_mid_run_keeps_what_is_done_and_the_next_run_goes_on(
    waiting: Path, server: FaultyTinker, where: str, status: int, said: str
) -> None:
    words = (*SAMPLE, "--epochs", "4", "-o", "sampler.tinker-native.concurrency=2")
    server.fault = lambda what, count: status if what == where and count >= 8 else None
    ended = run_into_a_fault(waiting, server, *words)
    assert ended.code == 1
    assert "Traceback" not in ended.err.split("Exception ignored in")[0]
    lines = [line for line in ended.err.splitlines() if said in line]
    assert len([line for line in lines if "no more requests to base:tiny: sampling tiny: " in line]) == 1, ended.err
    kept = query(store_of(waiting), "SELECT key, response FROM samples WHERE error_kind IS NULL")
    assert len(kept) == 8
    assert_no_key(waiting, ended)
    server.fault = lambda _what, _count: None
    asked = server.asked.count("asample")
    again = run(waiting, server.url, *words)
    assert again.code == 0, again.err
    everything = query(store_of(waiting), "SELECT key, response FROM samples WHERE error_kind IS NULL")
    assert len(everything) == 20
    assert set(kept) <= set(everything)
    assert server.asked.count("asample") - asked == 12  # what was there is not asked again


@pytest.mark.slow
def test_a_hub_that_is_away_is_one_line_and_the_job_waits(
    waiting: Path, server: FaultyTinker, closed_port: str
) -> None:
    words = [word.replace(f"tokenizer={BASE}", "seed=0") for word in TRAIN]
    away = {
        "HF_HUB_OFFLINE": "",
        "HF_ENDPOINT": closed_port,
        "HF_HOME": str(waiting / "hub"),
        "PYTHONWARNINGS": "default",
    }
    env = {"TINKER_BASE_URL": server.url, "TINKER_API_KEY": KEY, **away}
    ended = in_process_of_its_own(*words, lab=waiting, env=env)
    assert ended.code == 2
    (line,) = [line for line in ended.err.splitlines() if "tokenizer" in line]
    assert "the model's tokenizer cannot be fetched (127.0.0.1 cannot be reached: " in line
    assert line.endswith("name a folder that has it with the option 'tokenizer'")
    assert "retry" not in ended.err.lower()
    assert (job(waiting).status, job(waiting).attempts) == ("pending", 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    "reply", [b"<html>Log in</html>", b"[" * 200_000, b"\xff\xfe", b"[1]"], ids=lambda r: str(r[:6])
)
@pytest.mark.parametrize("what", ["create_session", "create_sampling_session", "asample", "retrieve_future"])
def test_a_malformed_reply_to_sampling_is_a_line_without_a_traceback_and_is_asked_again_by_the_next_run(
    waiting: Path, server: FaultyTinker, what: str, reply: bytes
) -> None:
    server.malformed = {what: reply}
    ended = run(waiting, server.url, *SAMPLE, "-o", "sampler.tinker-native.tries=2", "-q")
    assert ended.code == 1, ended.err
    assert "failed: " in ended.err
    assert "Traceback (most recent call last)" not in ended.err.split("Exception ignored in")[0]
    kinds = {row.error_kind for row in query(store_of(waiting), "SELECT error_kind FROM samples")}
    assert "plugin_error" not in kinds
    server.malformed = {}
    assert run(waiting, server.url, *SAMPLE, "-q").code == 0


@pytest.mark.slow
@pytest.mark.parametrize("reply", [b"<html>Log in</html>", b"[1]"], ids=["HTML", "a list"])
@pytest.mark.parametrize("what", ["create_session", "load_weights", "forward_backward", "optim_step", "save_weights"])
def test_a_malformed_reply_to_training_is_a_line_without_a_traceback_and_the_job_waits(
    waiting: Path, server: FaultyTinker, what: str, reply: bytes
) -> None:
    server.malformed = {what: reply}
    ended = run(waiting, server.url, *TRAIN, "-q")
    assert ended.code == 1, ended.err
    assert "Traceback (most recent call last)" not in ended.err.split("Exception ignored in")[0]
    assert job(waiting).status == "pending"
    server.malformed = {}
    assert run(waiting, server.url, *TRAIN, "-q").code == 0
    assert job(waiting).status == "complete"
