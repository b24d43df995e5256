"""Source ``tinker`` against a real Tinker-API server.

The server lists runs and each run's checkpoints, but has no list of an account's checkpoints, keeps no
``user_metadata`` and no time to live: what the source does with those is held against the SDK's own types, in
``tests/builtins/sources/test_tinker_source.py``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from peers.tinker_server import TinkerServer
from support.command import in_process_of_its_own

pytestmark = pytest.mark.peer


@pytest.fixture(scope="module")
def saved(tinker_server: TinkerServer) -> list[str]:
    """Two runs, each saved for training and for sampling; the training weights' URIs."""
    made = tinker_server.save("pirate-a_dpo", "remorseful-b_dpo")
    return [uris["training"] for uris in made.values()]


def test_an_account_without_a_list_of_checkpoints_is_listed_run_by_run(
    tinker_server: TinkerServer, saved: list[str], tmp_path: Path
) -> None:
    found = in_process_of_its_own("discover", "--source", "tinker", "--json", lab=tmp_path, env=tinker_server.env)
    assert (found.code, found.json["checkpoints"], found.json["problems"]) == (0, 4, []), found.err
    listed = in_process_of_its_own("checkpoints", "list", "--json", lab=tmp_path).json
    by_uri = {item["uri"]: item for item in listed}
    assert set(saved) < set(by_uri)
    assert [(c["name"], c["kind"], c["persona"]) for c in map(by_uri.get, saved) if c] == [
        ("pirate-a_dpo", "dpo", "pirate"),
        ("remorseful-b_dpo", "dpo", "remorseful"),
    ]
    for item in listed:
        assert item["base_model"] == tinker_server.base_model
        assert item["metadata"]["rank"] == 8
        assert item["created_at"] is not None
        assert item["sampleable"] != item["trainable"]
        assert [place["path"] for place in item["evidence"]] == ["api"]


def test_a_second_listing_finds_nothing_new(tinker_server: TinkerServer, saved: list[str], tmp_path: Path) -> None:
    words = ("discover", "--source", "tinker", "-o", "source.tinker.page=1", "--json")
    first = in_process_of_its_own(*words, lab=tmp_path, env=tinker_server.env)
    again = in_process_of_its_own(*words, lab=tmp_path, env=tinker_server.env)
    assert (first.json["new_checkpoints"], again.json["new_checkpoints"]) == (4, 0)
