"""Agreement between labellers, against published and computed values."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charbench.analysis.agreement import confusion, krippendorff_alpha, weighted_kappa

LABELS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40)


@pytest.mark.slow
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


def test_each_of_several_labels_of_an_item_counts_its_share():
    """Two people who disagree about one text, and agree on two."""
    people, machine, weights = [1, 1, 0, 0, 1, 0], [1, 1, 0, 0, 1, 1], [0.5] * 6
    assert confusion(people, machine, weights) == {(1, 1): 1.5, (0, 0): 1.0, (0, 1): 0.5}
    assert weighted_kappa(people, machine, 2, weights) == pytest.approx(weighted_kappa(people, machine, 2))
