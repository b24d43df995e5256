"""A family: one class of a plugin that owns every name that begins with its own and a colon."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.command import Charbench
from support.lab import LabBuilder, row
from support.plugins import Site

RUN = ("run", "-q", "--source", "recorded", "--sampler", "recorded")
COUNTS = '''
from charbench import Channel, ConfigError, Metric, Score, Scorer, hookimpl
from pydantic import Field


class Counts(Scorer):
    """How often a word stands in a response."""

    name = "counts"
    member_example = "sea"
    metrics = (Metric("count", range=(0, None)),)

    class Config(Scorer.Config):
        at_most: int = Field(100, description="what is counted at most")

    config: Config

    @classmethod
    def member(cls, rest):
        if rest.isdigit():
            raise ConfigError(f"scorer counts:{rest}: a word is needed")
        return None if rest == "nothing" else type("CountsOne", (cls,), {"summary": f"How often {rest!r} is said."})

    def score(self, sample, persona):
        word = self.name.partition(":")[2]
        count = sample.response.split().count(word)
        return [Score("count", Channel.RESPONSE, float(min(count, self.config.at_most)))]


@hookimpl
def charbench_scorers():
    return [Counts]
'''


@pytest.fixture
def small(lab: LabBuilder, site: Site) -> Path:
    """A lab with one recorded sample, and a family of scorers."""
    site.install("charbench-counts", COUNTS)
    lab.recorded([row(response="the sea the sea and the sky", thinking="")])
    return lab.root


@pytest.mark.slow
def test_members_are_scorers_of_their_own_with_options_of_their_own(charbench: Charbench, small: Path) -> None:
    members = ("--scorer", "counts:sea", "--scorer", "counts:the")
    charbench.ok(*RUN, *members, "-o", "scorer.counts:the.at_most=2", lab=small)
    exported = charbench.ok("export", "--jsonl", lab=small).out
    assert (
        '"scorer": "counts:sea", "persona": "remorseful", "metric": "count", "channel": "response", "value": 2.0'
        in (exported)
    )
    assert (
        '"scorer": "counts:the", "persona": "remorseful", "metric": "count", "channel": "response", "value": 2.0'
        in (exported)
    )
    assert charbench.ok(*RUN, *members, "-o", "scorer.counts:the.at_most=2", "--json", lab=small).json["run"]["added"][
        "scores"
    ] == 0  # fmt: skip
    assert charbench.ok("report", "--metric", "counts:sea.count", "--json", lab=small).json["personas"]


def test_a_family_is_listed_and_shown_by_the_names_that_it_owns(charbench: Charbench, small: Path) -> None:
    assert "scorer counts:NAME" in charbench.ok("plugins", "list", lab=small).out
    assert "scorer.counts:NAME.at_most" in charbench.ok("plugins", "show", "counts", lab=small).out
    shown = charbench.ok("plugins", "show", "counts:sea", lab=small).out
    assert "How often 'sea' is said." in shown
    assert "scorer.counts:sea.at_most" in shown
    schema = charbench.ok("plugins", "schema", lab=small).json["properties"]["options"]["patternProperties"]
    assert "at_most" in schema["^scorer\\.counts:"]["properties"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("counts", "no scorer named 'counts'; did you mean 'counts:sea'?"),
        ("count:sea", "no scorer named 'count:sea'; did you mean 'counts:sea'?"),
        ("keyword:sea", "no scorer named 'keyword:sea'"),
        ("counts:", "scorer counts:: up to 100 letters, digits, '_', '-' and '/' are needed after the colon"),
        ("counts:a.b", "scorer counts:a.b: up to 100 letters"),
        ("counts:7", "scorer counts:7: a word is needed"),
        ("counts:nothing", "member() gave None; a subclass is needed"),
    ],
)
def test_a_name_that_no_family_knows_is_one_line(charbench: Charbench, small: Path, name: str, message: str) -> None:
    ended = charbench(*RUN, "--scorer", name, lab=small)
    assert ended.code == 2
    assert message in ended.err
    assert len(ended.err.strip().splitlines()) == 1


def test_an_option_that_a_member_does_not_have_names_the_member(charbench: Charbench, small: Path) -> None:
    ended = charbench(*RUN, "--scorer", "counts:sea", "-o", "scorer.counts:sea.at_mots=2", lab=small)
    assert ended.code == 2
    assert "option scorer.counts:sea.at_mots: no such option; did you mean 'at_most'?" in ended.err
