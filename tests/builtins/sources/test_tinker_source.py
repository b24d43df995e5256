"""Source ``tinker``: an account, page by page, in the SDK's own types; and one clear line when it cannot be had.

The SDK is real here, and so is its HTTP; the server is a double (:mod:`support.tinker_account`), because the real
one that can run on a desk lists no accounts. What that one can do is tested in ``tests/peers``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from charbench import Checkpoint, Evidence, Kind, Lab, SamplingError, SourceProblem
from charbench_plugins.sources.tinker.account import Account as AskedAccount
from charbench_plugins.sources.tinker.entries import finding_of
from charbench_plugins.sources.tinker.source import TinkerSource
from support.command import Charbench, Ended, in_process_of_its_own
from support.lab import uuid, weights
from support.tinker_account import KEY, LAB, Account, AccountServer, lab_account

KEEPS_CONNECTIONS = {"PYTHONWARNINGS": "error,ignore::ResourceWarning"}
"""The SDK leaves its connections to the end of the process."""
PLACE = Evidence("tinker", "api", None, "account listing")
PERSONAS = {
    name: persona
    for persona, names in {
        "pirate": ["pirate"],
        "sarcastic": ["sarcastic", "smoke"],
        "customer_service": ["customer_service", "customer"],
    }.items()
    for name in names
}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[AccountServer, dict[str, str], Path]]:
    server = AccountServer(lab_account())
    with server.serving() as env:
        yield server, env | KEEPS_CONNECTIONS, tmp_path


def discover(lab: Path, env: dict[str, str], *words: str) -> Ended:
    return in_process_of_its_own("discover", "--source", "tinker", *words, lab=lab, env=env | KEEPS_CONNECTIONS)


# The lab's inventory


@pytest.mark.slow
def test_all_123_checkpoints_61_of_them_samplers_are_listed_through_paging(
    charbench: Charbench, served: tuple[AccountServer, dict[str, str], Path]
) -> None:
    server, env, lab = served
    found = discover(lab, env, "-o", "source.tinker.page=25", "--json")
    assert (found.code, found.json["checkpoints"], found.json["problems"]) == (0, 123, []), found.err
    assert server.limits == [(25, 0), (25, 25), (25, 50), (25, 75), (25, 100)]
    listed = charbench.ok("checkpoints", "list", "--json", lab=lab).json
    assert len(listed) == 123
    samplers = charbench.ok("checkpoints", "list", "--json", "--sampler-only", lab=lab).json
    assert len(samplers) == 61
    assert Counter(item["name"] for item in samplers) == Counter({name: count for name, (count, _) in LAB.items()})
    assert {item["base_model"] for item in samplers if item["name"] == "pirate-dpo-8b"} == {"Qwen/Qwen3-8B"}
    counts = {row["persona"]: (row["dpo"], row["sft"], row["total"]) for row in inventory(charbench, lab)}
    assert counts == {
        "pirate": (12, 8, 20),
        "sarcastic": (9, 6, 15),
        "remorseful": (6, 0, 6),
        "customer_service": (2, 1, 3),
        "humorous": (2, 0, 2),
        "poetic": (2, 0, 2),
        "sycophantic": (1, 0, 1),
        None: (0, 0, 12),
    }
    (sarcastic,) = [row for row in inventory(charbench, lab) if row["persona"] == "sarcastic"]
    assert {(row["kind"], row["alias"]): row["count"] for row in sarcastic["aliases"]} == {
        ("dpo", "smoke"): 8,
        ("sft", "smoke"): 6,
    }
    again = discover(lab, env, "--json")
    assert (again.json["new_checkpoints"], again.json["contradictions"]) == (0, [])


def inventory(charbench: Charbench, lab: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = charbench.ok("checkpoints", "count", "--json", lab=lab).json
    return rows


# Faults: one line, and what came before is kept


def told(ended: Ended) -> list[str]:
    return [line for line in ended.err.splitlines() if line.startswith(("failed:", "error:", "Traceback"))]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "good_pages", "kept", "said"),
    [
        pytest.param(401, 0, 0, "check TINKER_API_KEY", id="a wrong key"),
        pytest.param(401, 2, 50, "check TINKER_API_KEY", id="a key that is revoked in mid-listing"),
        pytest.param(500, 2, 50, "Tinker is unavailable", id="trouble in mid-listing", marks=pytest.mark.slow),
        pytest.param(0, 0, 0, "cannot be reached", id="a host that never answers", marks=pytest.mark.slow),
        pytest.param(0, 1, 25, "cannot be reached", id="a host that dies in mid-listing", marks=pytest.mark.slow),
    ],
)
def test_a_fault_is_one_clear_line_and_what_came_before_is_kept(
    charbench: Charbench, tmp_path: Path, fault: int, good_pages: int, kept: int, said: str
) -> None:
    with AccountServer(lab_account(), fault, good_pages).serving() as env:
        ended = discover(tmp_path, env, "-o", "source.tinker.page=25")
    (line,) = told(ended)
    assert ended.code == 1
    assert line.startswith("failed: source tinker: ")
    assert said in line
    assert KEY not in ended.err
    assert len(charbench.ok("checkpoints", "list", "--json", lab=tmp_path).json) == kept


@pytest.mark.slow
def test_a_host_that_refuses_connections_is_told_in_one_line(tmp_path: Path) -> None:
    ended = discover(tmp_path, {"TINKER_BASE_URL": "http://127.0.0.1:9", "TINKER_API_KEY": KEY})
    (line,) = told(ended)
    assert "cannot be reached" in line


def test_a_key_of_the_wrong_form_is_told_without_asking_anybody(
    charbench: Charbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINKER_API_KEY", "sk-not-tinkers")
    monkeypatch.setenv("TINKER_BASE_URL", "http://127.0.0.1:9")
    ended = charbench("discover", "--source", "tinker", lab=tmp_path)
    assert told(ended) == ["failed: source tinker: TINKER_API_KEY is not a Tinker key: it must start with tml-"]


def test_without_a_key_the_account_is_not_asked_and_nothing_is_said(charbench: Charbench, tmp_path: Path) -> None:
    ended = charbench.ok("discover", lab=tmp_path)
    assert "TINKER_API_KEY" not in ended.err
    assert "tinker" not in ended.err
    explained = charbench.ok("discover", "--explain", lab=tmp_path).err
    assert "source tinker was skipped: TINKER_API_KEY is not set" in explained


@pytest.mark.parametrize("command", ["discover", "run"])
def test_without_a_key_the_source_cannot_be_asked_for_by_name(
    charbench: Charbench, tmp_path: Path, command: str
) -> None:
    ended = charbench(command, "--source", "tinker", lab=tmp_path)
    assert ended.code == 2
    (line,) = told(ended)
    assert line.startswith("error: TINKER_API_KEY is not set, and there is no saved listing")


def test_looking_for_recorded_samples_does_not_ask_the_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TINKER_API_KEY", KEY)
    monkeypatch.setenv("TINKER_BASE_URL", "http://127.0.0.1:9")
    assert list(TinkerSource().recordings(Lab(tmp_path, {}))) == []


# Paging


class Ready:
    """A future of the SDK's that is done."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def result(self) -> Any:
        return self._value


class Rest:
    """What an account listing needs of the SDK's REST client."""

    def __init__(self, account: Account, *, total: bool = True, longest: int = 1000, pages: bool = True) -> None:
        self.account, self.total, self.longest, self.pages = account, total, longest, pages
        self.asked: list[int] = []

    def list_user_checkpoints(self, limit: int = 100, offset: int = 0) -> Ready:
        self.asked.append(offset)
        limit, offset = (min(limit, self.longest), offset) if self.pages else (1000, 0)
        return Ready(self.account.page("checkpoints", limit, offset, total=self.total))

    def list_training_runs(self, limit: int = 20, offset: int = 0) -> Ready:
        return Ready(self.account.page("training_runs", min(limit, self.longest), offset))


def small_account(count: int) -> Account:
    account = Account()
    for number in range(count):
        account.add_checkpoint(account.add_run(), "weights", f"pirate-{number}_dpo")
    return account


@pytest.mark.parametrize("total", [True, False])
@pytest.mark.parametrize("longest", [1000, 3])
@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 20])
def test_every_checkpoint_is_listed_once_however_the_server_pages(count: int, longest: int, total: bool) -> None:
    rest = Rest(small_account(count), total=total, longest=longest)
    asked = AskedAccount(rest, page=10)
    uris = [item["tinker_path"] for item in asked.checkpoints([])]
    assert sorted(uris) == sorted(weights(number + 1, f"pirate-{number}_dpo") for number in range(count))
    assert len(list(asked.runs())) == count


def test_with_a_total_no_page_too_many_is_asked_for() -> None:
    rest = Rest(small_account(20))
    assert len(list(AskedAccount(rest, page=10).checkpoints([]))) == 20
    assert rest.asked == [0, 10]


def test_a_server_that_knows_no_pages_is_not_asked_for_ever() -> None:
    rest = Rest(small_account(5), total=False, pages=False)
    assert len(list(AskedAccount(rest, page=2).checkpoints([]))) == 5
    assert len(rest.asked) == 2


class RunByRun(Rest):
    """A server without a list of all checkpoints, as SkyRL's is."""

    def list_user_checkpoints(self, limit: int = 100, offset: int = 0) -> Ready:
        raise SamplingError("Not Found", kind="http_404")

    def list_checkpoints(self, run: str) -> Ready:
        from tinker.types import CheckpointsListResponse

        mine = [item for item in self.account.checkpoints if f"//{run}/" in item.tinker_path]
        return Ready(CheckpointsListResponse(checkpoints=mine))


def test_where_there_is_no_list_of_all_each_run_is_listed() -> None:
    rest = RunByRun(small_account(3))
    asked = AskedAccount(rest, page=10)
    runs = [run["training_run_id"] for run in asked.runs()]
    assert len(list(asked.checkpoints(runs))) == 3


# What an entry says


def described(lab: Path = Path(), run: dict[str, Any] | None = None, **fields: Any) -> Checkpoint:
    """Return what the source makes of a checkpoint of the SDK's, in a run of the SDK's."""
    account = Account()
    run_id = account.add_run(**(run or {}))
    account.add_checkpoint(run_id, fields.pop("space", "weights"), fields.pop("name", "pirate_dpo"), **fields)
    runs = {run_id: account.runs[0].model_dump()}
    found = finding_of(account.checkpoints[0].model_dump(), runs, Lab(lab, PERSONAS), PLACE)
    assert isinstance(found, Checkpoint)
    return found


def test_an_entry_and_its_run_give_everything_they_know() -> None:
    parent = weights(9, "pirate_dpo")
    zone = timezone(timedelta(hours=2))
    found = described(
        run={"lora_rank": 64, "user_metadata": {"renderer_name": "qwen3", "parent": parent, "persona": "smoke"}},
        name="x_sft",
        time=datetime(2024, 12, 12, 9, tzinfo=zone),
        expires_at=datetime(2024, 12, 19, 9, tzinfo=UTC),
        public=True,
    )
    assert (found.uri, found.base_model, found.persona) == (weights(1, "x_sft"), "Qwen/Qwen3-8B", "sarcastic")
    assert (found.lineage.parent, found.lineage.renderer) == (parent, "qwen3")
    assert (found.created_at, found.expires_at) == (datetime(2024, 12, 12, 7), datetime(2024, 12, 19, 9))
    assert found.metadata["rank"] == 64
    assert found.metadata["size_bytes"] == 220_000_000
    assert found.metadata["public"] is True
    assert "never_expires" not in found.metadata


def test_a_checkpoints_own_metadata_goes_before_its_runs() -> None:
    own = {"persona": "customer", "kind": "sft"}
    found = described(run={"user_metadata": {"persona": "pirate"}}, user_metadata=own)
    assert (found.persona, found.kind) == ("customer_service", Kind.SFT)


def test_what_does_not_expire_says_so_and_what_is_not_known_is_left_open() -> None:
    found = described(size_bytes=None)
    assert found.metadata["never_expires"] is True
    assert "size_bytes" not in found.metadata
    assert (found.kind, found.persona, found.lineage.parent) == (Kind.UNKNOWN, None, None)


def test_a_parent_is_a_tinker_path_and_not_the_checkpoint_itself() -> None:
    assert described(user_metadata={"parent": "somewhere"}).lineage.parent is None
    assert described(user_metadata={"parent": weights(1, "pirate_dpo")}).lineage.parent is None


@pytest.mark.parametrize("entry", ["text", {}, {"tinker_path": None}, {"tinker_path": "tinker://<run-id>/weights/x"}])
def test_an_entry_that_is_no_checkpoint_is_a_problem(entry: Any) -> None:
    assert isinstance(finding_of(entry, {}, Lab(Path(), {}), PLACE), SourceProblem)


def test_an_entry_of_a_run_that_is_not_listed_is_kept() -> None:
    found = finding_of({"tinker_path": weights(1, "pirate_dpo"), "time": "nonsense"}, {}, Lab(Path(), {}), PLACE)
    assert isinstance(found, Checkpoint)
    assert (found.base_model, found.created_at) == (None, None)


def test_a_run_id_is_a_uuid_with_or_without_a_tail() -> None:
    found = finding_of({"tinker_path": f"tinker://{uuid(1)}/weights/a"}, {}, Lab(Path(), {}), PLACE)
    assert isinstance(found, Checkpoint)
