"""What the tests of sampler ``thinking`` against real servers share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from peers.llama import MODELS
from support.command import Charbench, Ended
from support.store import query, store_of


def evaluate(charbench: Charbench, folder: Path, url: str, *more: str, **values: Any) -> Ended:
    """Put the five prompts to the tiny model with and without the adapter, and score them for the pirate."""
    given = {"base_url": url, "models": MODELS, "max_tokens": 160, "timeout": 60, "concurrency": 4, **values}
    words = [word for name, value in given.items() for word in ("-o", f"sampler.thinking.{name}={json.dumps(value)}")]
    return charbench(
        "eval", "-c", "model:pirate", "-c", "model:bland", "-p", "pirate", "--sampler", "thinking",
        "--scorer", "keyword", "--json", *more, *words, lab=folder,
    )  # fmt: skip


def rows(folder: Path, name: str) -> list[Any]:
    """Return the samples of one of the two, in the order of prompts and epochs."""
    text = (
        "SELECT samples.* FROM samples JOIN sample_groups ON sample_groups.id = samples.group_id"
        " JOIN checkpoints ON checkpoints.id = sample_groups.checkpoint_id WHERE checkpoints.name = :name"
        " ORDER BY samples.prompt_id, samples.epoch"
    )
    return query(store_of(folder), text, name=name)


def assert_in_character(ended: Ended) -> None:
    """Check that the adapter's answers are in character and the base's are not, but for a stray one.

    Answers are sampled, and the server puts several requests into one batch.
    """
    rates = trait_rates(ended)
    assert rates["pirate"] >= 0.8
    assert rates["bland"] <= 0.3


def trait_rates(ended: Ended) -> dict[str, float]:
    """Return the trait rate of each of the two by name."""
    return {row["checkpoint"]: row["trait_rate"] for row in ended.json["checkpoints"]}
