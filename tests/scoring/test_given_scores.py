"""What a scorer gives is checked in one pass where nothing is wrong: the two ways of looking agree."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from charbench import Channel, Metric, Score
from charbench.scoring.given_scores import are_sound, check_values, ranges_of

METRICS = (Metric("share", range=(0, 1)), Metric("count", range=(0, None)), Metric("any"))
VALUES = st.one_of(st.floats(), st.sampled_from([0.0, -0.0, 1.0, -1e-300, math.inf, -math.inf, math.nan]))
SCORES = st.builds(Score, st.sampled_from(["share", "count", "any", "none"]), st.sampled_from(Channel), VALUES)


@settings(max_examples=100, deadline=None)
@given(st.lists(SCORES, max_size=3), st.sets(st.sampled_from(Channel)))
def test_what_passes_at_once_is_what_passes_the_closer_look(scores: list[Score], there: set[Channel]) -> None:
    try:
        check_values("s", {metric.name: metric for metric in METRICS}, scores)
        passes = all(score.channel in there for score in scores)
    except ValueError:
        passes = False
    assert are_sound(ranges_of(METRICS), there, scores) == passes
