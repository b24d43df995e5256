"""What is about to expire and was never sampled is told in time, once, and only then."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from charbench.discovery.expiry import expiring_unsampled, until
from charbench.domain.checkpoint import Checkpoint
from charbench.store.runs import utc_now
from support.command import Charbench
from support.lab import LabBuilder, row, sampler, weights

NOW = datetime(2024, 12, 12, 9)
DAY = timedelta(days=1)


def checkpoint(uri: str, left: timedelta | None) -> Checkpoint:
    return Checkpoint(uri=uri, expires_at=None if left is None else NOW + left)


@pytest.mark.parametrize(
    ("left", "told"),
    [(None, False), (-DAY, False), (timedelta(0), False), (DAY / 24, True), (7 * DAY, True), (7.01 * DAY, False)],
)
def test_what_goes_within_a_week_is_told_and_what_is_gone_or_stays_is_not(left: timedelta | None, told: bool) -> None:
    found = expiring_unsampled([checkpoint(sampler(1, "a"), left)], set(), NOW)
    assert bool(found) is told


def test_what_was_sampled_is_not_told() -> None:
    training, sampling = checkpoint(weights(1, "a"), DAY), checkpoint(sampler(1, "a"), DAY)
    assert expiring_unsampled([training, sampling], {sampling.uri}, NOW) == []


def test_training_and_sampler_weights_that_go_together_are_told_once() -> None:
    training, sampling = checkpoint(weights(1, "a"), DAY), checkpoint(sampler(1, "a"), DAY)
    assert expiring_unsampled([training, sampling], set(), NOW) == [sampling]
    assert expiring_unsampled([training], set(), NOW) == [training]


def test_those_that_go_first_are_told_first() -> None:
    first, last = checkpoint(sampler(1, "b"), DAY), checkpoint(sampler(2, "a"), 2 * DAY)
    assert expiring_unsampled([last, first], set(), NOW) == [first, last]


@pytest.mark.parametrize(
    ("left", "text"),
    [(timedelta(minutes=20), "in 20 min"), (5 * DAY / 24, "in 5 h"), (6.5 * DAY, "in 6 d"), (-DAY, "expired")],
)
def test_the_time_left_is_told_in_a_unit_of_its_size(left: timedelta, text: str) -> None:
    assert until(NOW + left, NOW) == text


@pytest.fixture
def expiring(lab: LabBuilder) -> Path:
    """A lab with a saved listing: one checkpoint that goes tomorrow, one in a month, one never."""
    soon, late = ((utc_now() + days * DAY).isoformat(sep=" ") + "+00:00" for days in (1.5, 30))
    entries = [
        {"tinker_path": sampler(number, name), "time": "2024-12-12 09:00:00+00:00", "expires_at": expires}
        for number, name, expires in ((1, "remorseful_dpo", soon), (2, "pirate_dpo", late), (3, "poetic_dpo", None))
    ]
    lab.write("tinker_checkpoints.json", json.dumps({"checkpoints": entries}))
    return lab.root


WARNING = (
    "warning: 1 checkpoint expires within 7 days and no run has sampled it: remorseful_dpo (in 35 h); "
    "see: charbench checkpoints list --expiring 7d"
)


@pytest.mark.slow
def test_discover_run_and_the_list_warn(charbench: Charbench, expiring: Path) -> None:
    assert WARNING in charbench.ok("discover", lab=expiring).err
    assert WARNING in charbench.ok("checkpoints", "list", lab=expiring).err
    assert WARNING in charbench.ok("checkpoints", "count", lab=expiring).err
    assert WARNING in charbench.ok("run", lab=expiring).err
    assert len(charbench.ok("discover", "--json", lab=expiring).json["expiring"]) == 1


def test_nothing_is_told_of_checkpoints_that_were_not_asked_for(charbench: Charbench, expiring: Path) -> None:
    charbench.ok("discover", lab=expiring)
    assert "expires" not in charbench.ok("checkpoints", "list", "-p", "pirate", lab=expiring).err


@pytest.mark.slow
def test_a_run_that_sampled_it_ends_the_warning(charbench: Charbench, expiring: Path, lab: LabBuilder) -> None:
    lab.recorded([row(sampler_path=sampler(1, "remorseful_dpo"))])
    assert "expires" not in charbench.ok("run", lab=expiring).err
    assert "expires" not in charbench.ok("discover", lab=expiring).err


def names(charbench: Charbench, lab: Path, *words: str) -> list[str]:
    listed: list[dict[str, Any]] = charbench.ok("checkpoints", "list", "--json", *words, lab=lab).json
    return sorted(item["name"] for item in listed)


def test_the_list_can_be_limited_to_what_goes_within_a_span(charbench: Charbench, expiring: Path) -> None:
    charbench.ok("discover", lab=expiring)
    assert names(charbench, expiring) == ["pirate_dpo", "poetic_dpo", "remorseful_dpo"]
    assert names(charbench, expiring, "--expiring", "12h") == []
    assert names(charbench, expiring, "--expiring", "7d") == ["remorseful_dpo"]
    assert names(charbench, expiring, "--expiring", "8w") == ["pirate_dpo", "remorseful_dpo"]
    assert names(charbench, expiring, "--expiring", "7d", "-p", "pirate") == []


@pytest.mark.parametrize("span", ["7", "week", "-1d", "7 days", "", "99999w"])
def test_a_span_that_is_none_is_told(charbench: Charbench, expiring: Path, span: str) -> None:
    ended = charbench("checkpoints", "list", "--expiring", span, lab=expiring)
    assert ended.code == 2
    assert "--expiring" in ended.err


def test_the_list_shows_expiry_and_size_where_they_are_known(charbench: Charbench, expiring: Path) -> None:
    charbench.ok("discover", lab=expiring)
    table = charbench.ok("checkpoints", "list", lab=expiring).out
    assert "Expires" in table
    assert "(in 35 h)" in table
    assert "Size" not in table
