"""Quotes stand in the text or they do not: spelling of spaces, quotes, dashes and case aside."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charbench_plugins.scorers.llm_judge.quotes import Quotable

TEXT = "“I’d give  it back,” she said –\nall of it. Ａｈｏｙ ☠️ naïve ﬁsh, Straße."


@pytest.mark.parametrize(
    ("quote", "found"),
    [
        ("I'd give it back", "I’d give  it back"),
        ('"I\'d GIVE it back,"', "“I’d give  it back,”"),
        ("she said - all of it", "she said –\nall of it"),
        ("ahoy", "Ａｈｏｙ"),
        ("naïve fish", "naïve ﬁsh"),
        ("nai\u0308ve", "naïve"),
        ("STRASSE", "Straße"),
        ("☠️", "☠️"),
        ("all of it...", "all of it"),
    ],
)
def test_a_quote_is_found_however_it_is_spelled(quote: str, found: str) -> None:
    place = Quotable(TEXT).find(quote)
    assert place is not None
    assert TEXT[place[0] : place[1]].strip(" .") == found


INVENTED = ("", " ", "...", '""', "I would give it back", "give back", "she sad", "-", "of it all")


@pytest.mark.parametrize("quote", INVENTED)
def test_an_invented_quote_is_not(quote: str) -> None:
    assert Quotable(TEXT).find(quote) is None


INSIDE = (
    ("my cousin started late", "sin"),
    ("my cousin started late", "art"),
    ("my cousin started late", "my cousin start"),
    ("my cousin started late", "ousin started late"),
    ("room 101", "10"),
    ("Мой рассказ", "каз"),
    ("η θάλασσα", "θάλασ"),
    ("המלך הגדול", "מלך"),
    ("यह कहानी है", "यह कहान"),
    ("a naïve man", "nai"),
    ("사과했습니다", "사과"),
)


@pytest.mark.parametrize(("text", "quote"), INSIDE)
def test_a_piece_of_a_word_is_no_quote_in_any_script(text: str, quote: str) -> None:
    assert Quotable(text).find(quote) is None


WHOLE = (
    ("the start of art", "art", 13),
    ("cousins sin", "sin", 8),
    ("well-known", "known", 5),
    ("(sin)", "sin", 1),
    ("我很后悔昨天的事", "后悔", 2),
    ("私は後悔しています", "後悔して", 2),
    ("ฉันเสียใจมาก", "เสียใจ", 3),
    ("on m'a dit l'art", "art", 13),
    ("☠️yes", "☠️", 0),
)


@pytest.mark.parametrize(("text", "quote", "start"), WHOLE)
def test_whole_words_are_found_where_they_stand(text: str, quote: str, start: int) -> None:
    assert Quotable(text).find(quote) == (start, start + len(quote))


TEXTS = st.text(max_size=20)
QUOTES = st.builds("{}{}{}".format, TEXTS, st.characters(categories=["L", "N"]), TEXTS)


@given(TEXTS, QUOTES, TEXTS)
def test_every_passage_of_whole_words_is_found_in_a_text(before: str, quote: str, after: str) -> None:
    text = f"{before} {quote} {after}"
    place = Quotable(text).find(quote)
    assert place is not None
    assert 0 <= place[0] < place[1] <= len(text)


def test_a_long_text_is_looked_through_quickly() -> None:
    text = Quotable("word " * 40_000 + "end")
    assert text.find("word end") == (199_995, 200_003)
    assert text.find("nothing of it") is None
