"""One run at several endpoints: each is asked for what it serves, and every sample says where it was taken."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from support.command import Charbench
from support.endpoint import Endpoint, serving, write_prompts
from support.lab import LabBuilder

Pair = tuple[Endpoint, Endpoint]


@pytest.fixture
def both() -> Iterator[Pair]:
    """Two endpoints: one serves ``pirate-a`` and ``pirate-both``, the other ``pirate-b`` and ``pirate-both``."""
    with ExitStack() as stack:
        yield tuple(  # type: ignore[misc]
            stack.enter_context(serving(Endpoint(models={"data": [{"id": f"pirate-{name}"}, {"id": "pirate-both"}]})))
            for name in "ab"
        )


def run(charbench: Charbench, lab: LabBuilder, endpoints: list[str], *more: str) -> Any:
    prompts = write_prompts(lab.root / "prompts.txt", 2)
    words = [word for one in endpoints for word in ("--endpoint", one)]
    return charbench.ok("run", *words, "--prompts", prompts, "-p", "pirate", "--json", *more, lab=lab.root).json


def asked(endpoint: Endpoint) -> list[str]:
    return sorted(body["model"] for body in endpoint.requests)


def test_each_endpoint_is_asked_for_what_it_serves_and_once(charbench: Charbench, lab: LabBuilder, both: Pair) -> None:
    first, second = both
    run(charbench, lab, [first.url, second.url])
    assert asked(first) == ["pirate-a", "pirate-a", "pirate-both", "pirate-both"]
    assert asked(second) == ["pirate-b", "pirate-b", "pirate-both", "pirate-both"]
    run(charbench, lab, [second.url, first.url, f"{first.url}/"])
    assert (len(first.requests), len(second.requests)) == (4, 4)


@pytest.mark.slow
def test_every_sample_says_at_which_endpoint_it_was_taken(charbench: Charbench, lab: LabBuilder, both: Pair) -> None:
    first, second = both
    lab.config(f"endpoints: {{near: {{base_url: '{first.url}'}}}}")
    run(charbench, lab, ["near", second.url])
    rows = [
        row
        for served in ("pirate-a", "pirate-b")
        for row in charbench.ok("report", "--json", lab=lab.root).json["checkpoints"]
        if row["checkpoint"] == served
    ]
    places = [{one["endpoint"] for one in row["provenance"]} for row in rows]
    assert places == [{"near"}, {second.url}]


def test_a_dry_run_shows_what_each_endpoint_would_be_asked(charbench: Charbench, lab: LabBuilder, both: Pair) -> None:
    first, second = both
    told = run(charbench, lab, [first.url, second.url], "--dry-run")
    parts = {part["endpoint"]: (part["wanted"], part["requests"]) for part in told["sampling"] if part["endpoint"]}
    assert parts == {first.url: (4, 4), second.url: (4, 4)}
    assert told["not_sampled"] == []
    assert first.requests == second.requests == []
    nobody = "http://127.0.0.1:9/v1"
    words = ["run", "--endpoint", first.url, "--endpoint", nobody, "-p", "pirate", "--dry-run"]
    assert f"{nobody}: does not list its models" in charbench.ok(*words, lab=lab.root).err


@pytest.mark.slow
def test_a_named_model_is_asked_for_where_it_is_served(charbench: Charbench, lab: LabBuilder, both: Pair) -> None:
    first, second = both
    run(charbench, lab, [first.url, second.url], "-c", "pirate-b")
    assert (asked(first), asked(second)) == ([], ["pirate-b", "pirate-b"])


def test_a_file_cannot_choose_several_endpoints(charbench: Charbench, lab: LabBuilder) -> None:
    lab.config("more_endpoints: [http://127.0.0.1:9/v1]")
    ended = charbench("run", lab=lab.root)
    assert (ended.code, "cannot be set in a file" in ended.err) == (2, True)


def test_a_key_is_not_sent_to_an_endpoint_that_only_a_file_chooses(
    charbench: Charbench, lab: LabBuilder, both: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-somebody-0001")
    lab.config(f"endpoint: {both[0].url}")
    charbench("discover", lab=lab.root)
    assert both[0].keys == ["Bearer none"]
    charbench("discover", "--endpoint", both[0].url, lab=lab.root)
    assert both[0].keys[-1] == "Bearer sk-of-somebody-0001"
