"""Agreement between labellers, against published and computed values."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charbench.analysis.agreement import confusion, krippendorff_alpha, weighted_kappa
from charbench.analysis.ppi import powered_mean

LABELS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40)


@given(LABELS)
def test_kappa_equals_the_formula_written_with_matrices(pairs):
    numpy = pytest.importorskip("numpy")
    one, other = [a for a, _ in pairs], [b for _, b in pairs]
    observed = numpy.zeros((4, 4))
    for a, b in pairs:
        observed[a, b] += 1
    weights = numpy.array([[(i - j) ** 2 for j in range(4)] for i in range(4)])
    expected = numpy.outer(observed.sum(1), observed.sum(0)) / len(pairs)
    kappa = weighted_kappa(one, other, 4)
    if (weights * expected).sum() == 0:
        assert math.isnan(kappa)
    else:
        assert kappa == pytest.approx(1 - (weights * observed).sum() / (weights * expected).sum())


def test_kappa_is_one_for_agreement_and_nan_where_nothing_varies():
    assert weighted_kappa([0, 1, 2, 3], [0, 1, 2, 3], 4) == 1
    assert math.isnan(weighted_kappa([2, 2], [2, 2], 4))
    assert math.isnan(weighted_kappa([], [], 4))


def test_labels_outside_the_scale_are_refused():
    with pytest.raises(ValueError, match="0 to 3"):
        weighted_kappa([4], [0], 4)


def test_alpha_equals_krippendorffs_published_example():
    """Krippendorff (2011), data of section C; interval alpha is 0.849."""
    given_labels = {
        "A": [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
        "B": [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
        "C": [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
        "D": [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
    }
    items = [
        {name: values[index] for name, values in given_labels.items() if values[index] is not None}
        for index in range(12)
    ]
    assert krippendorff_alpha(items) == pytest.approx(0.849, abs=5e-4)


def test_alpha_says_nothing_of_items_with_one_label():
    assert math.isnan(krippendorff_alpha([{"a": 1}, {"b": 2}]))


def test_confusion_counts_every_item_once():
    table = confusion("aab", "abb")
    assert table[("a", "a")] == table[("a", "b")] == table[("b", "b")] == 1
    assert sum(table.values()) == 3


def test_a_perfect_machine_narrows_the_interval_and_a_useless_one_is_given_no_weight():
    human = [0.0, 1.0] * 20
    perfect = powered_mean(human, human, 0.5, 10_000)
    useless = powered_mean(human, [0.3] * 40, 0.3, 10_000)
    assert perfect.weight == pytest.approx(1, abs=0.01)
    assert perfect.high - perfect.low < 0.05
    assert useless.weight == 0
    assert useless.value == pytest.approx(0.5)


def test_the_corrected_mean_covers_the_truth_of_a_biased_machine_about_as_often_as_it_says():
    draw = random.Random(5)
    covered = 0
    for _ in range(400):
        truth = [float(draw.random() < 0.3) for _ in range(600)]
        machine = [float(draw.random() < (0.8 if y else 0.25)) for y in truth]
        labelled = 100
        mean = powered_mean(truth[:labelled], machine[:labelled], sum(machine[labelled:]) / 500, 500)
        covered += mean.low <= 0.3 <= mean.high
    assert 0.92 <= covered / 400 <= 0.98


def test_weights_undo_an_uneven_draw_as_often_as_the_interval_says():
    """In character: 10% of 1,000. Half of those drawn are such as the machine calls in character."""
    draw = random.Random(3)
    truth = [1.0] * 100 + [0.0] * 900
    machine = [float(draw.random() < (0.9 if y else 0.1)) for y in truth]
    hits = [i for i, f in enumerate(machine) if f]
    misses = [i for i, f in enumerate(machine) if not f]
    weights = [len(hits) / 80] * 80 + [len(misses) / 80] * 80
    means = []
    for _ in range(300):
        chosen = [*draw.sample(hits, 80), *draw.sample(misses, 80)]
        people, said = [truth[i] for i in chosen], [machine[i] for i in chosen]
        assert sum(people) / 160 > 0.15, "unweighted it is too many"
        means.append(powered_mean(people, said, sum(machine) / 1000, 1000, weights))
    assert sum(mean.value for mean in means) / 300 == pytest.approx(0.1, abs=0.003)
    assert sum(mean.low <= 0.1 <= mean.high for mean in means) / 300 >= 0.93
