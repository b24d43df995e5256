"""Recordings that are edited, on a real PostgreSQL: samples are looked through as the server sends them."""

from __future__ import annotations

import pytest

from support.command import Charbench
from support.lab import LabBuilder, row, sampler
from support.store import assert_totals_equal_recount

pytestmark = pytest.mark.peer


def test_a_row_that_is_gone_leaves_reports_and_is_back_with_its_row(
    charbench: Charbench, lab: LabBuilder, store: str
) -> None:
    whole = [
        row(checkpoint_name=f"c{n}", sampler_path=sampler(n, f"c{n}"), prompt=f"Question {place}?", thinking="")
        for n in range(1, 25)
        for place in range(3)
    ]
    words = ("--scorer", "keyword", "--store", store)
    lab.recorded(whole)
    charbench.ok("run", *words, lab=lab.root)
    lab.recorded(whole[1:])
    assert "1 of rows that it no longer has" in charbench.ok("run", *words, lab=lab.root).err
    assert_totals_equal_recount(store)
    lab.recorded(whole)
    assert "1 sample is in reports again" in charbench.ok("run", *words, lab=lab.root).err
    assert_totals_equal_recount(store)
    assert charbench.ok("run", *words, "--json", lab=lab.root).json["run"]["added"]["samples"] == 0
