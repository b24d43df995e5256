"""A stranger's pair scorer of a few lines, plain or async, is treated as the built-in is."""

from __future__ import annotations

import pytest

from support.command import Charbench
from support.lab import LabBuilder
from support.pair_judges import contest
from support.plugins import Site
from support.store import query, store_of

LONGER = '''
from charbench import Comparison, PairScorer, hookimpl


class Longer(PairScorer):
    """The longer response wins."""

    name = "longer"

    {0}def compare(self, first, second, persona):
        gap = len(first.response) - len(second.response)
        return Comparison(0.5 if gap == 0 else float(gap > 0))


@hookimpl
def charbench_scorers():
    return [Longer]
'''
RUN = ("run", "--source", "recorded", "--json", "-q", "--scorer")


@pytest.fixture
def many(lab: LabBuilder) -> LabBuilder:
    """A lab in which checkpoint 2 writes most, and checkpoint 0 least."""
    contest(lab, range(3), prompts=8, text=lambda which, _, prompt: "word " * (1 + which) + str(prompt))
    return lab


@pytest.mark.slow
@pytest.mark.parametrize("how", ["", "async "], ids=["plain", "async"])
def test_a_pair_scorer_of_a_few_lines_ranks_checkpoints(
    charbench: Charbench, site: Site, many: LabBuilder, how: str
) -> None:
    site.install("charbench-longer", LONGER.format(how))
    ended = charbench.ok(*RUN, "longer", "--scorer", "keyword", lab=many.root)
    (played,) = ended.json["contests"]
    assert played["scorer"] == "longer"
    assert [row["checkpoint"] for row in played["checkpoints"]] == [f"remorseful-{n}_dpo" for n in (2, 1, 0)]
    assert ended.json["metric"] == "keyword.keywords"
    assert charbench.ok(*RUN, "longer", lab=many.root).json["run"]["added"]["games"] == 0
    shown = charbench.ok("report", lab=many.root)
    assert "In pairs: remorseful (scorer longer)" in shown.out
    assert "flip rate" not in shown.err  # nobody was asked in two orders


@pytest.mark.slow
def test_its_options_are_its_own_and_those_of_every_pair_scorer(
    charbench: Charbench, site: Site, many: LabBuilder
) -> None:
    site.install("charbench-longer", LONGER.format(""))
    ended = charbench.ok(*RUN, "longer", "-o", "scorer.longer.games=2", lab=many.root)
    assert ended.json["run"]["added"]["games"] <= 4
    assert "scorer.longer.games" in charbench.ok("plugins", "show", "longer").out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("1.0", "TypeError: longer.compare() gave float, not a Comparison"),
        ("Comparison(2.0)", "ValueError: result 2.0 is not between 0 and 1"),
        ("Comparison(float('nan'))", "ValueError: result nan is not between 0 and 1"),
    ],
)
def test_what_is_no_comparison_fails_that_game_and_is_shown(
    charbench: Charbench, site: Site, many: LabBuilder, given: str, said: str
) -> None:
    code = LONGER.format("").replace("return Comparison(0.5 if gap == 0 else float(gap > 0))", f"return {given}")
    site.install("charbench-longer", code)
    ended = charbench(*RUN, "longer", "--scorer", "keyword", lab=many.root)
    assert ended.code == 1
    assert said in ended.err
    assert query(store_of(many.root), "SELECT * FROM games") == []
    assert ended.json["metric"] == "keyword.keywords"


BROKEN = {
    "no method": (("def compare", "def compares"), "does not define compare()"),
    "no base": (
        ("class Longer(PairScorer)", "class Longer"),
        "is not a subclass of charbench.Scorer or charbench.Pair",
    ),
    "no games": (
        ('    name = "longer"', '    name = "longer"\n    Config = Scorer.Config'),
        "has no option 'games'; derive it from PairScorer.Config",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_class_that_is_no_pair_scorer_breaks_its_plugin_only(charbench: Charbench, site: Site, what: str) -> None:
    (old, new), said = BROKEN[what]
    code = LONGER.format("").replace(old, new).replace("import Comparison", "import Scorer, Comparison")
    site.install("charbench-longer", code)
    listed = charbench.ok("plugins", "list", "--json").json["plugins"]
    (mine,) = [plugin for plugin in listed if plugin["name"] == "charbench-longer"]
    assert mine["state"] == "broken"
    assert said in mine["error"]
