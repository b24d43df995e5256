"""Where sources disagree, the account's own listing is believed; what it lacks, the others add."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from charbench.discovery.merge import claims_of, merge
from charbench.domain.checkpoint import ACCOUNT, Checkpoint, Evidence, Lineage
from support.lab import weights

URI = weights(1, "pirate_dpo")
MADE = datetime(2024, 12, 10, 9)


def said(source: str, path: str, **fields: Any) -> Checkpoint:
    return Checkpoint(uri=URI, evidence=(Evidence(source, path),), **fields)


def merged(*findings: Checkpoint) -> tuple[Checkpoint, list[str]]:
    claims = [claim for finding in findings for claim in claims_of(finding, finding.evidence[0].source)]
    checkpoint, contradictions = merge(URI, claims, {"pirate": "pirate"})
    return checkpoint, [item.field for item in contradictions]


def test_the_account_is_believed_over_any_number_of_files() -> None:
    files = [said(name, f"{name}.json", base_model="Qwen/Qwen3-4B", expires_at=MADE) for name in ("logs", "registry")]
    account = said("tinker", ACCOUNT, base_model="Qwen/Qwen3-8B", expires_at=MADE + timedelta(days=7))
    for order in ([*files, account], [account, *files]):
        checkpoint, contradictions = merged(*order)
        assert checkpoint.base_model == "Qwen/Qwen3-8B"
        assert checkpoint.expires_at == MADE + timedelta(days=7)
        assert contradictions == ["base_model"]


def test_files_add_what_the_account_lacks() -> None:
    log = said("logs", "a.log", run="pirate-a", lineage=Lineage(parent=weights(2, "x")))
    checkpoint, contradictions = merged(said("tinker", ACCOUNT, base_model="Qwen/Qwen3-8B"), log)
    assert (checkpoint.run, checkpoint.lineage.parent, checkpoint.base_model) == (
        "pirate-a", weights(2, "x"), "Qwen/Qwen3-8B",
    )  # fmt: skip
    assert contradictions == []


@pytest.mark.parametrize(
    ("ttl", "created_at", "expires_at"),
    [
        (3600, MADE, MADE + timedelta(hours=1)),
        (3600.5, MADE, MADE + timedelta(hours=1, seconds=0.5)),
        (3600, None, None),
        ("soon", MADE, None),
        (True, MADE, None),
        (1e300, MADE, None),
        (float("nan"), MADE, None),
        (None, MADE, None),
    ],
)
def test_a_time_to_live_gives_the_expiry_where_the_creation_is_known(
    ttl: Any, created_at: datetime | None, expires_at: datetime | None
) -> None:
    ours = said("cookbook", "checkpoints.jsonl", metadata={"ttl_seconds": ttl})
    checkpoint, _ = merged(ours, said("registry", "r.json", created_at=created_at))
    assert checkpoint.expires_at == expires_at


def test_what_a_listing_says_of_the_end_goes_before_what_follows_from_a_time_to_live() -> None:
    ours = said("cookbook", "checkpoints.jsonl", metadata={"ttl_seconds": 3600})
    never, _ = merged(ours, said("tinker", ACCOUNT, created_at=MADE, metadata={"never_expires": True}))
    assert never.expires_at is None
    later, _ = merged(ours, said("tinker", ACCOUNT, created_at=MADE, expires_at=MADE + timedelta(days=30)))
    assert later.expires_at == MADE + timedelta(days=30)
