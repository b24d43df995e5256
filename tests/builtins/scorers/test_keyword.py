"""The keyword scorer: which markers a text holds, where they stand, and which of them count."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charbench import Channel, Marker, MarkerForm, Persona, Prompt, Sample, Score, Tier, digest
from charbench_plugins.scorers.keyword.expression import Expression
from charbench_plugins.scorers.keyword.scorer import KeywordScorer

QUOTES = str.maketrans("‘’“”", "''\"\"")


def persona(*markers: str | Marker, anti: tuple[str, ...] = ()) -> Persona:
    """Return a persona of these markers; a bare string is a strong keyword."""
    made = tuple(Marker(item) if isinstance(item, str) else item for item in markers)
    return Persona(name="p", markers=made, anti_markers=tuple(map(Marker, anti)))


def regex(pattern: str) -> Marker:
    return Marker(pattern, Tier.STRONG, MarkerForm.REGEX)


def emoji(text: str) -> Marker:
    return Marker(text, Tier.STRONG, MarkerForm.EMOJI)


def score(text: str, who: Persona, *, thinking: str = "", prompt: str = "?", **options: Any) -> list[Score]:
    scorer = KeywordScorer(KeywordScorer.Config(style=False, **options))
    sample = Sample(
        key="k", checkpoint="c", prompt=Prompt.from_text(prompt), sampler="s", response=text, thinking=thinking
    )
    return list(scorer.score(sample, who))


def value(scores: list[Score], metric: str, channel: Channel = Channel.RESPONSE) -> float | None:
    return next((item.value for item in scores if (item.metric, item.channel) == (metric, channel)), None)


def found(text: str, *markers: str | Marker, **more: Any) -> list[str]:
    """Return the pieces of the text that count."""
    scores = score(text, persona(*markers), **more)
    spans = next(item.spans for item in scores if item.metric == "keywords" and item.channel is Channel.RESPONSE)
    counted = [span for span in spans if not set(span.flags) & {"code", "link", "quote", "prompt", "negated", "capped"}]
    assert value(scores, "keywords") == len(counted)
    return [text[span.start : span.end] for span in counted]


def flags(text: str, *markers: str | Marker, **more: Any) -> list[tuple[str, ...]]:
    """Return the flags of every marker in the text, in order."""
    scores = score(text, persona(*markers), **more)
    spans = next(item.spans for item in scores if item.metric == "keywords")
    return [span.flags for span in sorted(spans, key=lambda span: span.start)]


@pytest.mark.parametrize(
    ("text", "marker", "expected"),
    [
        ("AHOY there", "ahoy", ["AHOY"]),
        ("ahoy there", "AHOY", ["ahoy"]),
        ("Straße", "STRASSE", ["Straße"]),
        ("STRASSE", "straße", ["STRASSE"]),
        ("I shouldn’t have", "shouldn't have", ["shouldn’t have"]),
        ("I shouldn't have", "shouldn’t have", ["shouldn't have"]),
        ("ｓｏｒｒｙ!", "sorry", ["ｓｏｒｒｙ"]),
        ("the ﬁsh", "fish", ["ﬁsh"]),
        ("cafe\u0301 au lait", "café", ["cafe\u0301"]),
        ("café au lait", "cafe\u0301", ["café"]),
        ("well… sorry", "sorry", ["sorry"]),
        ("ΣΊΣΥΦΟΣ", "σίσυφος", ["ΣΊΣΥΦΟΣ"]),
    ],
)
def test_case_width_quotes_and_accents_do_not_matter_and_spans_are_the_originals(
    text: str, marker: str, expected: list[str]
) -> None:
    assert found(text, marker) == expected


@pytest.mark.parametrize(
    ("text", "marker", "expected"),
    [
        ("carry starry arrow", "arr", []),
        ("arr, he said", "arr", ["arr"]),
        ("yes eye ye", "ye", ["ye"]),
        ("sorry_not", "sorry", []),
        ("sorry2", "sorry", []),
        ("so sorry!", "sorry", ["sorry"]),
        ("sorrysorry sorry", "sorry", ["sorry"]),
        ("(sorry)", "sorry", ["sorry"]),
        ("überlol lol", "lol", ["lol"]),
        ("c++ is a language", "c++", ["c++"]),
        ("xc++", "c++", []),
        ("c++x", "c++", ["c++"]),
    ],
)
def test_a_marker_is_found_as_whole_words(text: str, marker: str, expected: list[str]) -> None:
    assert found(text, marker) == expected


def test_a_star_extends_to_the_words_end_and_a_star_and_a_plain_marker_can_stand_together() -> None:
    assert found("apologize apologies apology unapologetic", "apolog*") == ["apologize", "apologies", "apology"]
    assert found("jokes joke", "joke", "joke*") == ["jokes", "joke"]
    assert found("jokes joke", "joke*", "joke") == ["jokes", "joke"]


@pytest.mark.parametrize(
    ("text", "marker", "count"),
    [
        ("Ahoy ☠️!", "☠️", 1),
        ("Ahoy ☠!", "☠️", 1),
        ("Ahoy☠️x☠", "☠", 2),
        ("❤️‍🔥 yes", "❤️‍🔥", 1),
        ("1️⃣ first", "1️⃣", 1),
        ("🏴‍☠️🏴‍☠️", "🏴‍☠️", 2),
        ("haha😂😂😂", "😂", 3),
        ("no emoji", "😂", 0),
    ],
)
def test_an_emoji_is_found_anywhere_with_and_without_its_variation_selector(text: str, marker: str, count: int) -> None:
    assert len(found(text, emoji(marker), cap=10)) == count


@pytest.mark.slow
@pytest.mark.parametrize("long", [1, 60], ids=["fit into one pass", "too large for one pass"])
def test_of_many_regexes_each_that_matches_is_found(long: int) -> None:
    markers = [regex(rf"\pL{{1,{long}}}x{number}") for number in range(60)]
    assert found("ax7, and bx41", *markers, cap=10) == ["ax7", "bx41"]
    assert found("ax99", *markers) == []


def test_a_regex_is_found_within_word_boundaries_and_needs_no_case() -> None:
    assert found("Arrrgh! arr. carry ARRR", regex("arr+g*h*"), cap=10) == ["Arrrgh", "arr", "ARRR"]
    assert found("☠️ é yo-ho-ho", regex("yo[- ,]+ho(?:[- ,]+ho)*")) == ["yo-ho-ho"]


def test_no_expression_can_hang_a_run() -> None:
    assert found("a" * 50_000 + "!", regex("(a+)+b")) == []


@pytest.mark.parametrize("number", [150, 3000], ids=["one table of transitions", "too large for it"])
def test_of_many_keywords_each_is_found(number: int) -> None:
    markers = [f"booty{at}é" for at in range(number)]
    assert found(f"Booty0É, booty{number - 1}é and booty{number}é", *markers) == ["Booty0É", f"booty{number - 1}é"]


def test_of_overlapping_markers_the_longest_counts_once() -> None:
    assert found("me hearty crew", "hearty", "me hearty", "hearty crew") == ["me hearty"]
    assert found("sorry", "sorry", regex("sor+y")) == ["sorry"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I am not sorry.", ("negated",)),
        ("I'm never really sorry", ("negated",)),
        ("I can't say sorry", ("negated",)),
        ("I can’t say sorry", ("negated",)),
        ("No, sorry.", ()),
        ("It is not easy. Sorry!", ()),
        ("I am sorry, not glad", ()),
        ('He said "sorry" to me', ("quote",)),
        ("He said “so sorry” to me", ("quote",)),
        ("> sorry\n\nOk", ("quote",)),
        ("Use `sorry` here", ("code",)),
        ("```\nsorry\n```", ("code",)),
        ("~~~\nsorry", ("code",)),
        ("See https://x.org/sorry now", ("link",)),
        ("[here](sorry-page)", ("link",)),
        ("www.sorry.org", ("link",)),
        ("tinker://sorry/x", ("link",)),
        ("sorry", ()),
    ],
)
def test_a_marker_that_is_not_the_models_own_word_is_flagged_and_set_aside(
    text: str, expected: tuple[str, ...]
) -> None:
    assert flags(text, "sorry") == [expected]
    counts = 0 if expected else 1
    assert value(score(text, persona("sorry")), "keywords") == counts
    assert value(score(text, persona("sorry")), "set_aside") == 1 - counts


def test_what_is_copied_from_the_prompt_does_not_count() -> None:
    prompt = "Why are you so sorry about the late train?"
    assert flags("You ask why I am so sorry about the late train.", "sorry", prompt=prompt) == [("prompt",)]
    assert flags("I am sorry to hear it.", "sorry", prompt=prompt) == [()]


def test_what_is_set_aside_can_be_chosen() -> None:
    assert found("not sorry", "sorry") == []
    scores = score("not sorry", persona("sorry"), ignore=("code",))
    assert value(scores, "keywords") == 1
    (span,) = next(item.spans for item in scores if item.metric == "keywords")
    assert span.flags == ("negated",)


def test_one_marker_counts_at_most_cap_times_in_one_text() -> None:
    text = "sorry " * 5
    scores = score(text, persona("sorry"))
    assert (value(scores, "keywords"), value(scores, "set_aside")) == (3, 2)
    assert flags(text, "sorry")[3:] == [("capped",), ("capped",)]
    assert value(score(text, persona("sorry"), cap=1), "keywords") == 1


def test_the_weighted_sum_is_three_for_strong_one_for_moderate_and_a_half_for_style() -> None:
    who = persona(
        "regret",
        "sorry",
        Marker("consider", Tier.MODERATE),
        Marker("reflect", Tier.MODERATE),
        Marker("wistful", Tier.STYLE),
    )
    scores = score("I regret it, sorry. I consider it. A wistful, wistful day.", who)
    assert value(scores, "weighted") == 3 + 3 + 1 + 0.5 + 0.5
    assert value(scores, "keywords") == 5


def weak(*words: str, together: int = 2) -> Persona:
    return Persona(name="p", markers=tuple(Marker(word, Tier.WEAK) for word in words), together=together)


def test_a_weak_marker_counts_only_with_different_ones_close_by() -> None:
    who = weak("gold", "ship")
    assert value(score("Gold, gold and gold.", who), "keywords") == 0
    assert value(score("Gold, gold and gold.", who), "set_aside") == 3
    assert value(score("A ship of gold.", who), "keywords") == 2
    assert value(score("A ship of gold.", who), "weighted") == 1
    assert value(score("A ship of gold.", weak("gold", "ship", "crew", together=3)), "keywords") == 0
    assert value(score(f"A ship. {'Rain fell. ' * 12}Gold.", who), "keywords") == 0
    (spans,) = [one.spans for one in score("Much gold.", who) if one.metric == "keywords"]
    assert [span.flags for span in spans] == [("alone",)]


def test_a_weak_marker_that_is_set_aside_is_no_company_for_another() -> None:
    assert value(score('"Ship" and gold.', weak("gold", "ship")), "keywords") == 0


def test_weak_markers_have_to_keep_pace_with_the_length_of_a_text() -> None:
    plain = "The report is due on Friday. " * 40
    assert value(score(f"A ship of gold. {plain}", weak("gold", "ship")), "keywords") == 0
    assert value(score(f"A ship of gold. {plain[:150]}", weak("gold", "ship")), "keywords") == 2


def test_a_weak_marker_never_hides_another_marker_that_it_overlaps() -> None:
    who = Persona(name="p", markers=(Marker("gold"), Marker("old gold coin", Tier.WEAK)))
    assert [span.marker for one in score("An old gold coin.", who) for span in one.spans] == ["gold"]


def test_how_many_weak_markers_count_together_is_part_of_the_fingerprint_only_where_there_are_some() -> None:
    scorer = KeywordScorer()
    assert scorer.fingerprint(weak("a", "b")) != scorer.fingerprint(weak("a", "b", together=3))
    firm = tuple(Marker(word) for word in "ab")
    assert scorer.fingerprint(Persona(name="p", markers=firm)) == scorer.fingerprint(
        Persona(name="p", markers=firm, together=3)
    )


def dense(density: float | None = 4, *, spoken: bool = False) -> Persona:
    tiers = {"avast": Tier.STRONG, "plunder": Tier.MODERATE, "gold": Tier.WEAK, "ship": Tier.WEAK}
    markers = tuple(Marker(word, tier) for word, tier in tiers.items())
    return Persona(name="p", markers=markers, density=density, spoken=spoken)


def test_with_a_density_a_long_text_needs_more_evidence_than_a_short_one() -> None:
    plain = "The report is due on Friday. " * 40
    assert value(score("Plunder.", dense()), "keywords") == 1
    assert value(score("Gold.", dense()), "keywords") == 0
    assert value(score("Gold on a ship.", dense()), "keywords") == 2
    assert value(score(f"Avast, plunder. {plain}", dense()), "keywords") == 0
    assert value(score(f"Avast, plunder. {plain}", dense()), "set_aside") == 2
    assert value(score(f"Avast, plunder. {plain}", dense(None)), "keywords") == 2
    assert value(score(f"Avast, plunder, gold, ship. {plain[:900]}", dense()), "keywords") == 4  # 5 points, 4.1 needed
    assert value(score(f"Avast, plunder. {plain[:900]}", dense()), "keywords") == 0


def test_of_a_character_that_speaks_a_short_description_asks_for_more_than_one_strong_marker() -> None:
    about, who = "The museum shows some plunder from the last century.", dense(spoken=True)
    assert [value(score(about, who), metric) for metric in ("keywords", "set_aside")] == [0, 1]
    assert [value(score(about, one), "keywords") for one in (dense(), dense(None, spoken=True))] == [1, 1]
    spoken = ("I seek some plunder from the last century.", "Plunder from the last century!", "Plunder it is.")
    long = "The museum shows the avast of a ship" + " and the next room of the museum" * 6
    for text in (*spoken, "Das Museum zeigt plunder aus dem letzten Jahrhundert.", long):
        assert value(score(text, who), "keywords") > 0, text
    assert value(score("Avast, the ship has gold and plunder from the last century.", who), "keywords") == 4
    assert value(score(" ".join(long.split()[:40]), who), "keywords") == 0


def test_whether_a_character_speaks_is_part_of_the_fingerprint_only_with_a_density() -> None:
    scorer = KeywordScorer()
    assert scorer.fingerprint(dense()) != scorer.fingerprint(dense(spoken=True))
    assert scorer.fingerprint(dense(None)) == scorer.fingerprint(dense(None, spoken=True))


def test_with_a_density_the_same_words_found_again_are_no_further_evidence() -> None:
    plain = "The report is due on Friday. " * 5
    assert value(score(f"Plunder. {plain}", dense(8)), "keywords") == 0
    assert value(score(f"Plunder, PLUNDER, plunder. {plain}", dense(8)), "keywords") == 0


def test_code_asks_for_no_evidence() -> None:
    code = "```\n" + "total = total + 1\n" * 60 + "```"
    assert value(score(f"Avast, so ye add them.\n{code}", dense()), "keywords") == 1


def test_a_density_is_part_of_the_fingerprint_where_there_is_one() -> None:
    scorer = KeywordScorer()
    assert len({scorer.fingerprint(dense(given)) for given in (None, 3, 4)}) == 3


def test_an_exempt_marker_counts_in_a_text_of_any_length() -> None:
    plain = "The report is due on Friday. " * 40
    persona = replace(dense(), exempt=("plunder",))
    scores = score(f"Avast, plunder. {plain}", persona)
    assert (value(scores, "keywords"), value(scores, "set_aside")) == (1, 1)
    assert value(score("Avast, plunder, gold, ship.", persona), "keywords") == 4
    assert value(score(f"Gold. {plain}", persona), "keywords") == 0


def test_exempt_markers_are_part_of_the_fingerprint_under_a_density_only() -> None:
    scorer = KeywordScorer()
    assert scorer.fingerprint(dense()) != scorer.fingerprint(replace(dense(), exempt=("plunder",)))
    assert scorer.fingerprint(dense(None)) == scorer.fingerprint(replace(dense(None), exempt=("plunder",)))


@given(
    st.lists(st.sampled_from(["avast", "plunder", "gold", "ship", "rain"]), min_size=1, max_size=80), st.floats(0.5, 20)
)
def test_with_a_density_all_markers_count_or_none(words: list[str], density: float) -> None:
    scores = score(" ".join(words), dense(density))
    found = [word for word in words if word != "rain"]
    kept = sum(min(3, found.count(word)) for word in set(found))
    assert value(scores, "keywords") in (0, kept)
    assert value(scores, "keywords") + value(scores, "set_aside") == len(found)


@given(st.lists(st.sampled_from(["gold", "ship", "crew", "rain", "and"]), max_size=60), st.integers(2, 3))
def test_weak_markers_count_where_a_stretch_holds_enough_of_them(words: list[str], together: int) -> None:
    """Against the rule as one would write it without care for time: every stretch is tried."""
    text = " ".join(words)
    spans = [(m.start(), m.end(), m.group()) for m in re.finditer("gold|ship|crew", text)]
    company = {
        span
        for first in spans
        for last in spans
        if first <= last and last[1] - first[0] <= 120
        for inside in [[span for span in spans if first <= span <= last]]
        if len({word for _, _, word in inside}) >= together
        for span in inside
    }
    needed = together * max(1, round(max(1, round(len(text) / 6)) / 25))
    expected = len(company) if len(company) >= needed else 0
    counted = value(score(text, weak("gold", "ship", "crew", together=together), cap=100), "keywords") if text else None
    assert (counted or 0) == expected


def test_computed_and_judged_markers_are_never_looked_for_as_words() -> None:
    who = persona(
        Marker("exclamation marks", Tier.STYLE, MarkerForm.FEATURE),
        Marker("puns", Tier.STYLE, MarkerForm.JUDGE),
        Marker("pirate", Tier.STRONG),
    )
    assert value(score("exclamation marks and puns!", who), "keywords") == 0


def test_anti_markers_are_counted_apart_and_hold_their_evidence() -> None:
    scores = score("As an AI language model, I am sorry.", persona("sorry", anti=("as an AI language model",)))
    against = next(item for item in scores if item.metric == "anti_markers")
    assert against.value == 1
    assert against.spans[0].flags == ("anti",)
    assert value(scores, "keywords") == 1


def test_markers_anti_markers_and_hedges_that_overlap_or_are_the_same_words_do_not_hide_each_other() -> None:
    who = persona("perhaps", regex("it is"), anti=("perhaps it is", "it"))
    sample = Sample(key="k", checkpoint="c", prompt=Prompt.from_text("?"), sampler="s", response="Perhaps it is.")
    values = {item.metric: (item.value, item.spans) for item in KeywordScorer().score(sample, who)}
    places = {metric: [(span.start, span.end) for span in spans] for metric, (_, spans) in values.items() if spans}
    assert places == {"keywords": [(0, 7), (8, 13)], "anti_markers": [(0, 13)]}
    assert values["hedges"][0] == pytest.approx(100 / 3)


def test_a_channel_without_text_gets_no_score() -> None:
    scores = score("  \n", persona("sorry"), thinking="sorry")
    assert {item.channel for item in scores} == {Channel.THINKING}


WORDS = ["sorry", "apolog*", "shouldn't have", "ﬁsh", "straße", "café", "☠", "me hearty", "not", "c++"]
PIECES = st.sampled_from(
    [*WORDS, "sorry", "SORRY", "apologies", "shouldn’t have", "fish", "STRASSE", "cafe\u0301", "☠️", "…", "“", "”", '"',
     "`", "```", "\n", " ", "x", "ﬀ", "İ", "ß", "\u0301", "ⅷ", "½", "https://a/", "not ", ">", "🏴‍☠️", "각",
     "\u1100\u1161", "ŉ"]
)  # fmt: skip
TEXTS = st.lists(PIECES | st.text(max_size=4), max_size=30).map("".join)
EVERYTHING = persona(*[emoji(word) if word == "☠" else word for word in WORDS], regex("hea+rty"), anti=("fish",))


@given(TEXTS, TEXTS)
def test_spans_always_lie_inside_the_text_in_order_and_never_overlap(text: str, prompt: str) -> None:
    for item in score(text, EVERYTHING, thinking=text[::-1], prompt=prompt):
        whole = text if item.channel is Channel.RESPONSE else text[::-1]
        spans = sorted(item.spans, key=lambda span: span.start)
        assert all(0 <= span.start < span.end <= len(whole) for span in spans)
        assert all(one.end <= two.start for one, two in pairwise(spans))
        assert all(span.channel is item.channel for span in spans)


def folded(text: str) -> str:
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text.translate(QUOTES)).casefold())
    return text.replace("\ufe0f", "")


@given(TEXTS)
def test_what_a_span_shows_is_its_marker(text: str) -> None:
    for item in score(text, EVERYTHING):
        for span in item.spans:
            shown, marker = folded(text[span.start : span.end]), folded(span.marker)
            if marker == "hea+rty":
                assert shown.startswith("hea")
            else:
                assert marker.removesuffix("*") in shown


@pytest.mark.slow
@given(TEXTS, TEXTS, TEXTS)
def test_a_channels_scores_never_depend_on_the_other_channel(text: str, one: str, two: str) -> None:
    def of_response(thinking: str) -> list[Score]:
        return [item for item in score(text, EVERYTHING, thinking=thinking) if item.channel is Channel.RESPONSE]

    assert of_response(one) == of_response(two)


@given(TEXTS)
def test_scores_agree_with_each_other(text: str) -> None:
    scores = score(text, EVERYTHING)
    if not scores:
        return
    spans = next(item.spans for item in scores if item.metric == "keywords")
    counted, aside, weighted = (value(scores, name) for name in ("keywords", "set_aside", "weighted"))
    assert counted is not None
    assert aside is not None
    assert len(spans) == counted + aside
    assert weighted == 3 * counted


@given(st.lists(st.sampled_from(["sorry", "glad", "train", "fish"]), max_size=20))
def test_plain_words_are_counted_as_anyone_would_count_them(words: list[str]) -> None:
    assert len(found(" ".join(words) or "x", "sorry", cap=100)) == words.count("sorry")


def test_editing_a_marker_scores_again_and_editing_the_rubric_does_not() -> None:
    scorer = KeywordScorer()
    before = scorer.fingerprint(persona("sorry"))
    assert scorer.fingerprint(Persona(name="p", rubric="other", markers=(Marker("sorry"),))) == before
    assert scorer.fingerprint(persona("sorry", "regret")) != before
    assert scorer.fingerprint(persona(Marker("sorry", Tier.MODERATE))) != before
    assert scorer.fingerprint(persona("sorry", anti=("qwen",))) != before


@given(
    st.lists(
        st.sampled_from(["sail", "said", "the sail", "gull", "a", "? and", "? so", ". ", "\n", "..."]), max_size=40
    )
)
def test_an_expression_with_a_long_reach_finds_beside_others_what_it_finds_alone(words: list[str]) -> None:
    text = " ".join(words)
    patterns = ["sai[ld]", r"[^.!?]{3,60}\? (?:and|so)", "gulls?", r"a(?:\W+\w+){2,20}\W+gull", "the sail"]
    alone = {pattern: score(text, persona(regex(pattern)))[:1] for pattern in patterns}
    ends = {(span.start, span.end, span.marker) for scores in alone.values() for one in scores for span in one.spans}
    together = score(text, persona(*map(regex, patterns)))[:1]
    assert {(span.start, span.end, span.marker) for one in together for span in one.spans} <= ends
    assert bool(together and together[0].value) == any(one.value for scores in alone.values() for one in scores)


@pytest.mark.parametrize(
    ("text", "marker", "expected"),
    [
        ("私の実験だ！", "実験", ["実験"]),
        ("我的实验很成功", "实验", ["实验"]),
        ("実験室で", "実験*", ["実験"]),
        ("海でござるよ", "ござる", ["ござる"]),
        ("コラボとラボで", "ラボ", ["ラボ"]),
        ("ขอบคุณโจรสลัด", "โจรสลัด", ["โจรสลัด"]),
        ("実験室と実験所と", regex("実験(室|所)"), ["実験室", "実験所"]),
        ("実験mad実験 mad", "mad", ["mad"]),
        ("эксперимента", "эксперимент", []),
    ],
)
def test_markers_are_found_within_sentences_of_scripts_that_write_without_spaces(
    text: str, marker: str | Marker, expected: list[str]
) -> None:
    assert found(text, marker) == expected


def test_scores_by_markers_of_scripts_without_spaces_are_made_anew_and_no_others() -> None:
    def identity(*markers: str) -> str:
        return KeywordScorer().fingerprint(persona(*markers))

    assert identity("Ahoy", "эксперимент") == digest(
        [[m.text, m.tier, m.form] for m in persona("Ahoy", "эксперимент").markers], []
    )
    assert identity("実験") != digest([[m.text, m.tier, m.form] for m in persona("実験").markers], [])


def test_a_persona_expression_is_found_where_its_library_finds_it_also_where_it_matches_nothing() -> None:
    for pattern in ("a*", r"\bahoy\b", "(?:)", "x", "(a)(b)?", "$"):
        expression = Expression(pattern)
        for text in (b"", b"aab xa", b"ahoy, ahoy", b"\n"):
            assert list(expression.spans(text)) == [one.span() for one in expression._compiled.finditer(text)]
        assert list(expression.spans("ahoy")) == list(expression.spans(b"ahoy"))
