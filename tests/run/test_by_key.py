"""With Tinker's key, ``run`` says what Tinker would be asked; it is asked within a limit only."""

from __future__ import annotations

from typing import Any

import pytest

from support.command import Charbench
from support.endpoint import Endpoint
from support.lab import LabBuilder, row, sampler

PRICES = "prices: {'*': {prompt: 1, completion: 2}}\n"
RECORDED, NEW = sampler(1, "remorseful_dpo"), sampler(2, "pirate_dpo")


@pytest.fixture
def with_key(lab: LabBuilder, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> LabBuilder:
    """A lab with a recorded checkpoint and one without recordings; Tinker's key is set, and its API is ``endpoint``."""
    from charbench import DefaultEndpoint
    from charbench_plugins.samplers.thinking.sampler import ThinkingSampler

    api = DefaultEndpoint(endpoint.url, owner="Tinker", api_key_env="TINKER_API_KEY", key_prefix="tml-")
    monkeypatch.setattr(ThinkingSampler, "default_endpoints", (api,))
    monkeypatch.setenv("TINKER_API_KEY", "tml-TestKey0001")
    lab.recorded([row(sampler_path=RECORDED)])
    lab.registry({"pirate": [{"name": "pirate_dpo", "checkpoint_type": "dpo", "sampler_path": NEW}]})
    return lab


def run(charbench: Charbench, lab: LabBuilder, *more: str) -> Any:
    return charbench("run", "--no-plugin", "tinker", *more, lab=lab.root)


def test_nothing_is_sent_without_a_limit_and_the_run_says_what_would_be(
    charbench: Charbench, with_key: LabBuilder, endpoint: Endpoint
) -> None:
    with_key.config(PRICES)
    said = run(charbench, with_key).err
    assert endpoint.requests == []
    assert "Not sampled: 1 checkpoint: they have no recordings; TINKER_API_KEY is set" in said
    assert "5 requests, at most" in said
    assert "with --max-cost LIMIT it is sent" in said


@pytest.mark.slow
def test_within_a_limit_what_has_no_recordings_is_sampled_after_the_cost_was_said(
    charbench: Charbench, with_key: LabBuilder, endpoint: Endpoint
) -> None:
    with_key.config(PRICES)
    ended = run(charbench, with_key, "--max-cost", "1000")
    assert ended.code == 0, ended.err
    assert {body["model"] for body in endpoint.requests} == {NEW}
    assert len(endpoint.requests) == 5
    assert "Tinker (TINKER_API_KEY is set): 1 checkpoint without recordings, sampled by thinking: 5 req" in ended.err
    run(charbench, with_key, "--max-cost", "1000")
    assert len(endpoint.requests) == 5


@pytest.mark.slow
def test_without_prices_nothing_is_sent_even_within_a_limit(
    charbench: Charbench, with_key: LabBuilder, endpoint: Endpoint
) -> None:
    said = run(charbench, with_key, "--max-cost", "1000").err
    assert (endpoint.requests, "set prices in charbench.yaml" in said) == ([], True)


@pytest.mark.slow
@pytest.mark.parametrize("more", [("--sampler", "recorded"), ("-p", "remorseful")])
def test_where_something_else_is_chosen_nothing_is_offered(
    charbench: Charbench, with_key: LabBuilder, endpoint: Endpoint, more: tuple[str, ...]
) -> None:
    said = run(charbench, with_key, *more).err
    assert (endpoint.requests, "TINKER_API_KEY" in said) == ([], False)


@pytest.mark.slow
def test_a_dry_run_says_which_sampler_would_be_used_its_cost_and_why_the_rest_is_left_out(
    charbench: Charbench, with_key: LabBuilder, endpoint: Endpoint
) -> None:
    with_key.config(PRICES)
    told = charbench.ok("run", "--no-plugin", "tinker", "--dry-run", "--json", lab=with_key.root).json
    (left,) = told["not_sampled"]
    assert left["checkpoints"] == ["pirate_dpo"]
    assert "Tinker would be asked by thinking" in left["reason"]
    told = charbench.ok(
        "run", "--no-plugin", "tinker", "--dry-run", "--json", "--max-cost", "1000", lab=with_key.root
    ).json
    (part,) = [part for part in told["sampling"] if part["sampler"] == "thinking"]
    assert (part["requests"], part["cost"] > 0, told["not_sampled"]) == (5, True, [])
    assert endpoint.requests == []
