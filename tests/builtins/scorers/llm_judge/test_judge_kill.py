"""``kill -9`` in the middle of judging, then the same command again: nothing is paid for twice."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from typing import Any

import pytest

from support.command import in_process_of_its_own, start
from support.endpoint import Endpoint
from support.judges import ScriptedJudge, judging
from support.lab import LabBuilder, rows
from support.store import assert_totals_equal_recount, query, store_of


@pytest.mark.slow
def test_a_killed_run_asks_again_only_for_what_was_under_way(lab: LabBuilder, endpoint: Endpoint) -> None:
    lab.recorded(rows(16))
    played = ScriptedJudge()

    async def slowly(request: Any, body: dict[str, Any]) -> Any:
        await asyncio.sleep(0.01)
        return await played(request, body)

    words = ("run", "--source", "recorded", "-q", "--json", *judging(endpoint, slowly, concurrency=4))
    process = start(*words, lab=lab.root)
    assert endpoint.wait_for(190, gone=lambda: process.poll() is not None)
    process.kill()
    process.communicate()
    ended = in_process_of_its_own(*words, lab=lab.root)
    assert ended.code == 0, ended.err
    # Canaries are asked anew in every run: they hold none of the samples' words.
    mine = (json.dumps(body) for body in endpoint.requests)
    asked = Counter(body for body in mine if re.search(r"regret answer \d|Thought \d", body))
    assert asked
    assert sum(times - 1 for times in asked.values()) <= 4
    judged = query(store_of(lab.root), "SELECT count(*) AS number FROM scored GROUP BY sample_id")
    assert len(judged) == 16
    assert {item.number for item in judged} == {1}
    assert_totals_equal_recount(store_of(lab.root))
