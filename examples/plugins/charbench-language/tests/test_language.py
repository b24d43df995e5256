from dataclasses import replace

from charbench_language import Language

from charbench.testing import conformance, make_sample, run_scorer

GERMAN = "Das Meer ist weit, und mein Schiff segelt morgen in den Hafen zurück."
ENGLISH = "The sea is wide, and tomorrow my ship will sail back into the harbour."

test_language_keeps_the_contract = conformance(Language)


def values(text: str, language: str = "en") -> dict[str, float | None]:
    sample = make_sample(text)
    (scores,) = run_scorer(Language, replace(sample, prompt=replace(sample.prompt, language=language)))
    return {score.metric: score.value for score in scores}


def test_an_answer_in_the_prompts_language_is_not_in_another_one() -> None:
    assert values(ENGLISH)["other_language"] == 0
    assert values(GERMAN, "de-AT")["other_language"] == 0


def test_an_answer_in_another_language_is_found() -> None:
    assert values(GERMAN)["other_language"] == 1
    assert values(GERMAN)["prompt_language"] < 0.1


def test_short_texts_have_no_score_and_texts_of_no_language_none_that_counts() -> None:
    assert values("Ja.") == {}
    assert values("ᚠ" * 60).get("other_language") is None
