"""The next item is asked for while the last one is worked on, and none is lost or made up by it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from charbench.concurrency.ahead import one_ahead

LONG = 30.0
"""Seconds after which a test gives up."""


@pytest.mark.parametrize("items", [[], [None], [0, False, "", [], 4]])
def test_all_items_come_in_their_order_whatever_they_are(items: list[object]) -> None:
    with one_ahead(iter(items)) as ahead:
        assert list(ahead) == items


def test_the_next_item_is_asked_for_while_one_is_worked_on() -> None:
    second, third = threading.Event(), threading.Event()

    def items() -> Iterator[int]:
        yield 1
        second.set()
        yield 2
        third.set()
        yield 3

    with one_ahead(items()) as ahead:
        assert next(ahead) == 1
        assert second.wait(LONG)
        assert not third.is_set()
        assert next(ahead) == 2
        assert third.wait(LONG)


def test_a_fault_comes_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("the store is gone")

    with one_ahead(items()) as ahead:
        assert next(ahead) == 1
        with pytest.raises(OSError, match="the store is gone"):
            next(ahead)


def test_who_leaves_early_waits_for_what_was_asked_for_and_asks_for_no_more() -> None:
    asked: list[int] = []

    def items() -> Iterator[int]:
        for number in range(10):
            asked.append(number)
            yield number

    with one_ahead(items()) as ahead:
        next(ahead)
    assert asked == [0, 1]
