"""Rows are ranked by the prompts that most of them were asked, also where no two were asked the same set."""

from __future__ import annotations

import json

from support.command import Charbench
from support.lab import LabBuilder

YES, NO = "I regret it.", "Fine."


def test_rows_are_ranked_by_the_prompts_that_most_of_them_were_asked(charbench: Charbench, lab: LabBuilder) -> None:
    asked = {"a": range(5), "b": range(5), "c": range(15), "d": range(15), "e": range(30), "f": range(30)}
    in_character = {"a": {0, 1}, "b": {0}, "c": {0, *range(5, 9)}, "d": set(), "e": {0, 1, 2, 3}, "f": {*range(15, 30)}}
    lab.write("answers.jsonl", "".join(
        json.dumps({"model": name, "persona": "remorseful", "prompt": f"Q{n}?",
                    "response": YES if n in in_character[name] else NO}) + "\n"
        for name, prompts in asked.items() for n in prompts
    ))  # fmt: skip
    charbench.ok("run", "--scorer", "keyword", "-q", lab=lab.root)
    rows = charbench.ok("report", "--json", lab=lab.root).json["checkpoints"]
    ranked = {one["checkpoint"]: (one["other_prompts"], one["prompts_shared"]) for one in rows}
    assert list(ranked) == ["a", "c", "e", "b", "f", "d"]
    assert ranked["c"] == (False, 15)  # four of six were asked these, and no set of prompts of more than two
    assert ranked["e"] == (True, 15)
    assert ranked["a"] == (True, 5)
