"""Samplers that are not ``async``: as many at once as their options say, each timed from when it starts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.clock import Clock, installed
from support.command import Charbench, in_process_of_its_own
from support.endpoint import write_prompts
from support.plugins import Site
from support.store import query, store_of

PLAIN = """
import threading, time
from charbench import Completion, LimitsConfig, Sampler, SamplingError, hookimpl

class Plain(Sampler):
    "The first call answers at once; the others wait until ``meet`` are under way, and then some time passes."
    name = "plain"
    news, calls, at_once, most, met = threading.Condition(), 0, 0, 0, False

    class Config(LimitsConfig):
        meet: int = 0
        never: str = ""
        late: str = ""

    config: Config

    def sample(self, request):
        text = request.prompt.messages[0].content
        with self.news:
            Plain.calls += 1
            Plain.at_once += 1
            Plain.most = max(Plain.most, Plain.at_once)
            if Plain.at_once == self.config.meet and not Plain.met:
                Plain.met = True
                time.sleep(0.2)  # so that one too many would come
                time.monotonic.jump(1000)
            self.news.notify_all()
            if Plain.calls > 1:
                self.news.wait_for(lambda: Plain.most >= self.config.meet, timeout=60)
        if text == self.config.never:
            time.sleep(3600)
        if text == self.config.late:
            time.monotonic.jump(70)  # it is given up
            time.sleep(0.5)  # the next one waits for its place
            time.monotonic.jump(1000)
        with self.news:
            Plain.at_once -= 1
        if "refused" in text:
            raise SamplingError("no", kind="mine")
        return Completion(text="Ahoy!", extra={"most": Plain.most})

@hookimpl
def charbench_samplers():
    return [Plain]
"""


def options(**values: Any) -> list[str]:
    return [word for name, value in values.items() for word in ("-o", f"sampler.plain.{name}={json.dumps(value)}")]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that the sampler puts forward."""
    return installed(monkeypatch, sleeps=False)


@pytest.fixture
def folder(tmp_path: Path, site: Site) -> Path:
    site.install("plain", PLAIN)
    write_prompts(tmp_path / "prompts.txt", 40)
    return tmp_path


WORDS = ("sample", "-c", "model:m", "--sampler", "plain", "--prompts", "prompts.txt", "-q")


@pytest.mark.usefixtures("clock")
def test_as_many_are_under_way_as_concurrency_says_and_none_waits_on_its_own_time(
    charbench: Charbench, folder: Path
) -> None:
    patient = options(meet=30, concurrency=30, timeout=3600, deadline=3600, tries=1)
    charbench.ok(*WORDS, *patient, lab=folder)
    found = query(store_of(folder), "SELECT error_kind, latency, extra FROM samples")
    assert [row.error_kind for row in found] == [None] * 40
    assert max(json.loads(row.extra)["most"] for row in found) == 30
    assert sum(row.latency >= 1000 for row in found) == 30, "those under way, and none of those that waited for a place"


@pytest.mark.usefixtures("clock")
def test_a_call_that_took_too_long_counts_as_under_way_until_it_ends_and_costs_no_other_its_time(
    charbench: Charbench, folder: Path
) -> None:
    write_prompts(folder / "prompts.txt", 3)
    late = options(late="What of day 0?", concurrency=1, timeout=60, deadline=3600, tries=1)
    charbench(*WORDS, *late, lab=folder)
    found = query(store_of(folder), "SELECT error_kind, latency, extra FROM samples ORDER BY id")
    assert [row.error_kind for row in found] == ["timeout", None, None]
    assert [json.loads(row.extra)["most"] for row in found[1:]] == [1, 1]
    assert found[1].latency < 1000


@pytest.mark.slow
def test_a_call_that_never_ends_does_not_keep_the_run(folder: Path, site: Site) -> None:
    write_prompts(folder / "prompts.txt", 2)
    words = (*WORDS, *options(never="What of day 0?", concurrency=2, timeout=0.5, tries=1))
    ended = in_process_of_its_own(*words, lab=folder, env=site.env)
    assert ended.code == 1
    assert "no answer within 0.5 s" in ended.err


def test_what_a_plain_sampler_raises_is_the_samples_error(charbench: Charbench, folder: Path) -> None:
    (folder / "prompts.txt").write_text("refused?\n")
    assert charbench(*WORDS, *options(tries=1), lab=folder).code == 1
    (row,) = query(store_of(folder), "SELECT error_kind, error FROM samples")
    assert tuple(row) == ("mine", "no")
