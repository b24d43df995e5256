"""Markers that are denied, disowned or only mentioned are no evidence; idioms and praise with "not" in them are."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import yaml

from charbench import Marker, Persona, Prompt, Sample, Score
from charbench_plugins.scorers.keyword import negation
from charbench_plugins.scorers.keyword.scorer import KeywordScorer
from support.scaling import FOUR_TIMES, growth

LABELLED = yaml.safe_load((Path(__file__).parents[2] / "data" / "markers" / "negation.yaml").read_text("utf-8"))
SAYINGS = [(label == "counts", marker, text) for label, pairs in LABELLED.items() for marker, text in pairs]


def score(text: str, *markers: str, prompt: str = "?") -> list[Score]:
    sample = Sample(key="k", checkpoint="c", prompt=Prompt.from_text(prompt), sampler="s", response=text)
    scorer = KeywordScorer(KeywordScorer.Config(style=False, cap=1_000_000))
    return list(scorer.score(sample, Persona(name="p", markers=tuple(map(Marker, markers)))))


def test_the_labelled_set_holds_at_least_sixty_pairs_half_of_each_kind() -> None:
    assert len(SAYINGS) >= 100
    assert min(sum(counts for counts, _, _ in SAYINGS), sum(not counts for counts, _, _ in SAYINGS)) >= 50


@pytest.mark.parametrize(("counts", "marker", "text"), SAYINGS)
def test_a_marker_counts_as_it_is_labelled_and_is_shown_either_way(counts: bool, marker: str, text: str) -> None:
    (span,) = (scores := score(text, marker))[0].spans
    assert scores[0].value == counts
    assert bool({"negated", "quote"} & set(span.flags)) is not counts


@pytest.mark.parametrize("counts", [True, False])
def test_curly_quotes_and_capitals_change_nothing(counts: bool) -> None:
    for label, marker, text in SAYINGS:
        if label is counts:
            assert score(text.replace("'", "’"), marker)[0].value == counts, text
            assert score(text.upper(), marker)[0].value == counts, text


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece",
    ["ahoy ", "not ahoy ", "I refuse to say ahoy ", "'ahoy' ", '"ahoy" ', "`ahoy` ", "](ahoy", "> ahoy\n", "never, "],
)
def test_the_work_grows_no_faster_than_the_text(piece: str) -> None:
    assert growth(lambda text: score(text, "ahoy"), piece, 5_000) < FOUR_TIMES


def test_a_long_prompt_is_read_once_for_all_the_markers_in_an_answer() -> None:
    assert growth(lambda text: score(text, "ahoy", prompt=text), "ahoy and so on we go ", 5_000) < FOUR_TIMES


DENIALS = """
    not never neither cannot hardly scarcely barely nobody no without nothing none nor don't won't isn't refuse refuses
    refused refusing decline declined declining cease ceased stop stopped stopping quit quits quitting avoid avoided
    avoiding renounce renounced renouncing give@up gives@up gave@up given@up giving@up instead@of rather@than far@from
    anything@but drop@the enough@of
"""


@pytest.mark.parametrize("denial", DENIALS.split())
def test_each_word_that_denies_sets_a_marker_aside(denial: str) -> None:
    (span,) = score(f"We all {denial.replace('@', ' ')} ahoy today.", "ahoy")[0].spans
    assert span.flags == ("negated",)


def test_the_quick_way_to_the_last_clause_leads_to_the_same_words() -> None:
    dice, word = random.Random(2), negation._WORD
    pieces = ["no", "ever", "but", "anything but", "how", "know", "it's", "but'no", *" \n,.;—–-(!", ", ever", "--"]
    for _ in range(1_000):
        before = "".join(dice.choices(pieces, k=dice.randrange(12)))
        last = max((match.end() for match in negation._CLAUSE.finditer(before)), default=0)
        assert word.findall(before, negation._clause(before)) == word.findall(before[last:])
