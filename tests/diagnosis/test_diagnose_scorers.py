"""Scorers under a diagnosis: many probes, and one beginning."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.command import Charbench
from support.endpoint import Endpoint, options, write_prompts
from support.plugins import Site

COUNTING = '''
from charbench import Channel, Metric, Scorer, Score, hookimpl


class Counting(Scorer):
    """Notes when it gets ready, and what it scores."""

    name = "counting"
    metrics = (Metric("one", range=(0, 1)),)

    def prepare(self, root, folder):
        self.notes = folder / "counting.txt"
        self.note("prepare")

    {0}def begin(self, plan):
        self.note("begin " + plan.persona.name)
        return ["begun"]

    {0}def score(self, sample, persona):
        self.note("score")
        return [Score("one", Channel.RESPONSE, 1.0)]

    def note(self, line):
        with self.notes.open("a") as file:
            file.write(line + "\\n")


@hookimpl
def charbench_scorers():
    return [Counting]
'''


@pytest.mark.slow
@pytest.mark.parametrize("how", ["", "async "], ids=["plain", "async"])
def test_a_scorer_begins_once_a_run_and_persona_whatever_is_probed(
    charbench: Charbench, site: Site, endpoint: Endpoint, tmp_path: Path, how: str
) -> None:
    site.install("charbench-counting", COUNTING.format(how))
    write_prompts(tmp_path / "prompts.txt", 3)
    words = ("-c", "model:m", "-p", "pirate", "--prompts", "prompts.txt", "--scorer", "counting")
    ended = charbench("diagnose", *words, *options(endpoint), lab=tmp_path)
    assert ended.code == 0, ended.err
    notes = (tmp_path / ".charbench" / "counting.txt").read_text(encoding="utf-8").splitlines()
    assert notes.count("prepare") == notes.count("begin pirate") == 1
    assert notes.count("score") > 3 * 3  # the probes' samples too
    assert ended.err.count("begun") == 1
