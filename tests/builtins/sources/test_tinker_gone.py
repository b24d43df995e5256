"""What the account listed once and lists no more is gone: kept, shown as gone, and asked and trained no more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from charbench.store.runs import utc_now
from charbench_plugins.sources.tinker.account import Account as AskedAccount
from support.command import Charbench, Ended, in_process_of_its_own
from support.lab import LabBuilder, row, sampler, weights
from support.store import count, store_of
from support.tinker_account import Account, AccountServer

MINE, KEPT = (weights(1, "remorseful-a_dpo"), sampler(1, "remorseful-a_dpo")), sampler(2, "pirate-b_dpo")
NOWHERE = ("-o", "sampler.thinking.base_url=http://127.0.0.1:9/v1")
KEEPS_CONNECTIONS = {"PYTHONWARNINGS": "error,ignore::ResourceWarning"}


@pytest.fixture
def account(lab: LabBuilder) -> Account:
    """An account with two runs; the lab has the log of one, its data, and a recorded sample of it."""
    lab.trained("remorseful-a", 1)
    lab.data("remorseful-a", "remorseful", 20)
    lab.recorded([row(sampler_path=MINE[1], checkpoint_name="remorseful-a_dpo")])
    lab.config("min_examples: 10\n")
    account = Account()
    account.train("remorseful-a_dpo")
    account.train("pirate-b_dpo")
    return account


def discover(lab: LabBuilder, account: Account, *words: str, **fault: Any) -> Ended:
    with AccountServer(account, **fault).serving() as env:
        return in_process_of_its_own("discover", *words, lab=lab.root, env=env | KEEPS_CONNECTIONS)


def gone(charbench: Charbench, lab: Path) -> dict[str, str]:
    """Return the day of each checkpoint that is gone."""
    listed = charbench.ok("checkpoints", "list", "--json", lab=lab).json
    return {item["uri"]: item["gone_since"] for item in listed if item["gone_since"]}


def without(account: Account, *uris: str) -> list[Any]:
    return [item for item in account.checkpoints if item.tinker_path not in uris]


@pytest.mark.slow
def test_what_is_deleted_is_gone_with_the_day_and_comes_back_when_it_is_listed_again(
    charbench: Charbench, lab: LabBuilder, account: Account
) -> None:
    (job,) = discover(lab, account, "--json").json["jobs"]
    assert job["checkpoint"] == MINE[0]
    before, everything = count(store_of(lab.root), "evidence"), account.checkpoints

    account.checkpoints = without(account, *MINE)
    found = discover(lab, account)
    assert (
        "warning: 2 checkpoints are gone: the account no longer lists what it listed before; samples are kept"
        in found.err
    )
    assert "1 checkpoint (2 URIs, 0 new, 2 more are missing)" in found.err
    today = f"{utc_now():%Y-%m-%d}"
    assert gone(charbench, lab.root) == dict.fromkeys(MINE, today)
    again = discover(lab, account, "--json").json
    assert (again["jobs"], again["checkpoints"], again["gone_checkpoints"]) == ([], 2, 2)
    (left,) = [item for item in again["left_out"] if item["run"] == "remorseful-a"]
    assert left["reason"] == f"its DPO weights are missing from the account (since {today})"
    assert charbench.ok("status", "--json", lab=lab.root).json["total"] == 0
    assert f"missing since {today}" in charbench.ok("checkpoints", "list", lab=lab.root).out
    assert "2 saves (4 URIs), 2 of them missing" in charbench.ok("checkpoints", "list", lab=lab.root).out
    samplers = charbench.ok("checkpoints", "list", "--sampler-only", "--json", lab=lab.root).json
    assert [item["uri"] for item in samplers] == [KEPT]
    (counted,) = charbench.ok("checkpoints", "count", "--json", lab=lab.root).json
    assert (counted["persona"], counted["total"]) == ("pirate", 1)
    assert count(store_of(lab.root), "evidence") >= before
    charbench.ok("run", "--source", "recorded", lab=lab.root)
    assert count(store_of(lab.root), "samples") == 1  # what was recorded of it is read all the same

    account.checkpoints = everything
    assert len(discover(lab, account, "--json").json["jobs"]) == 1
    assert gone(charbench, lab.root) == {}


@pytest.mark.slow
def test_an_account_that_became_empty_has_nothing_left_and_says_so_once(
    charbench: Charbench, lab: LabBuilder, account: Account
) -> None:
    discover(lab, account)
    empty = Account()
    found = discover(lab, empty, "--explain")
    assert "warning: 4 checkpoints are gone: " in found.err
    assert "0 checkpoints (0 new, 4 more are missing)" in found.err
    assert "No SFT jobs." in found.out
    assert "are gone: " not in discover(lab, empty).err
    assert len(gone(charbench, lab.root)) == 4


@pytest.mark.slow
def test_a_sample_is_not_asked_of_what_is_gone(charbench: Charbench, lab: LabBuilder, account: Account) -> None:
    discover(lab, account)
    account.checkpoints = without(account, *MINE)
    discover(lab, account)
    ended = charbench("sample", "-c", MINE[1], "--sampler", "thinking", *NOWHERE, lab=lab.root)
    assert "warning: remorseful-a_dpo is missing from the account" in ended.err
    assert ended.code == 0
    assert count(store_of(lab.root), "samples") == 0
    (planned,) = charbench.ok("run", "--dry-run", "--json", "--sampler", "thinking", *NOWHERE, lab=lab.root).json[
        "sampling"
    ]
    assert planned["wanted"] == 5  # the five prompts of the one that is there


@pytest.mark.slow
@pytest.mark.parametrize("fault", [401, 500])
def test_a_listing_that_broke_off_takes_nothing_away(
    charbench: Charbench, lab: LabBuilder, account: Account, fault: int
) -> None:
    discover(lab, account)
    account.checkpoints = without(account, *MINE)
    ended = discover(lab, account, "-o", "source.tinker.page=1", fault=fault, good_pages=1)
    assert ended.code == 1
    assert gone(charbench, lab.root) == {}


@pytest.mark.slow
def test_another_accounts_listing_takes_nothing_away(charbench: Charbench, lab: LabBuilder, account: Account) -> None:
    discover(lab, account)
    other = Account()
    other.train("poetic_dpo", model_owner="somebody else")
    other.checkpoints = []
    discover(lab, other)
    assert gone(charbench, lab.root) == {}


@pytest.mark.slow
def test_a_saved_listing_takes_nothing_away(charbench: Charbench, lab: LabBuilder, account: Account) -> None:
    discover(lab, account)
    left = [item.model_dump() for item in without(account, *MINE)]
    lab.write("tinker_checkpoints.json", json.dumps({"checkpoints": left}, default=str))
    charbench.ok("discover", lab=lab.root)
    assert gone(charbench, lab.root) == {}


class Moving:
    """A server whose entries move between two pages: it counts more than it gave."""

    def __init__(self, account: Account) -> None:
        self.account = account

    def list_user_checkpoints(self, limit: int = 100, offset: int = 0) -> Any:
        return self.account.page("checkpoints", limit, max(0, offset - 1))


@pytest.mark.parametrize(("page", "whole"), [(10, True), (2, False)])
def test_a_listing_with_fewer_entries_than_the_server_counts_is_not_whole(
    account: Account, page: int, whole: bool
) -> None:
    asked = AskedAccount(Moving(account), page=page)
    assert len(list(asked.checkpoints([]))) == (4 if whole else 3)
    assert asked.whole is whole
