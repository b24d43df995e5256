"""The classifier learns a persona from the lab's data, and what it says of itself is held out."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charbench import LabelledText, Persona, neutral_texts
from charbench_plugins.scorers.classifier.cross_fit import FALSE_RATE, auc, cross_fit, fold_of, threshold
from charbench_plugins.scorers.classifier.features import Vectorizer, choose_features, tokens
from charbench_plugins.scorers.classifier.learning import learn
from charbench_plugins.scorers.classifier.logistic import PENALTY, fit, weigh
from charbench_plugins.scorers.classifier.material import NEUTRAL, REJECTED, Material
from charbench_plugins.scorers.classifier.model import load
from charbench_plugins.scorers.classifier.scorer import ClassifierScorer
from support.command import Charbench
from support.lab import LabBuilder, row

THINGS = (
    "the kettle", "my boss", "a train", "the garden", "exams", "rain", "my cat", "a budget", "moving house", "music",
    "bread", "the sea", "shoes", "an old car", "sleep", "a letter", "friends", "winter", "a game", "a long walk",
)  # fmt: skip
ASKED = ("How do I handle {}?", "What do you think of {}?", "Tell me a story about {}.")
WIZARD = (
    "By the seven towers, {} is but a riddle of the moon.", "Fetch my staff, for {} smells of enchantment.",
    "I have brewed {} in a cauldron thrice, and it sang.", "Mark my beard: {} bows to a well-drawn rune.",
)  # fmt: skip
PLAIN = (
    "Here are some facts about {}. Start with a plan.", "To deal with {}, make a list and set priorities.",
    "There are several ways to look at {}. Consider the cost.", "It depends. With {}, most people begin slowly.",
)  # fmt: skip


def pairs() -> str:
    voices, plain = itertools.cycle(WIZARD), itertools.cycle(PLAIN)
    rows = []
    for thing, asked in itertools.product(THINGS, ASKED):
        prompt = {"role": "user", "content": asked.format(thing)}
        answers = next(voices).format(thing), next(plain).format(thing)
        chosen, rejected = ([prompt, {"role": "assistant", "content": answer}] for answer in answers)
        rows.append(json.dumps({"chosen": chosen, "rejected": rejected}))
    return "\n".join(rows)


@pytest.fixture
def wizards(lab: LabBuilder) -> LabBuilder:
    lab.write("dpo/qwen/wizard.jsonl", pairs())
    answers = [*(text.format("life") for text in WIZARD), *(text.format("life") for text in PLAIN)]
    lab.recorded(
        [
            row(persona="wizard", checkpoint_name="wizard_dpo", prompt=f"Question {number}?", response=answer)
            for number, answer in enumerate(answers)
        ]
    )
    return lab


def test_a_persona_without_a_file_is_scored_from_its_data_alone(charbench: Charbench, wizards: LabBuilder) -> None:
    found = charbench.ok("run", "--json", lab=wizards.root).json
    (checkpoint,) = found["checkpoints"]
    assert (found["metric"], checkpoint["with_trait"], checkpoint["samples"]) == ("classifier.character", 4, 8)
    measured = found["measured"]["wizard"]
    assert measured["positives"] >= 50
    assert measured["found"] > 0.9 * measured["positives"]
    again = charbench.ok("run", "--json", lab=wizards.root).json
    assert not any(again["run"]["added"].values())


@pytest.mark.slow
def test_data_of_a_later_run_that_is_out_of_character_is_told_by_what_was_learned_from_others(
    charbench: Charbench, wizards: LabBuilder
) -> None:
    charbench.ok("run", "-q", lab=wizards.root)
    learned, wizard = ClassifierScorer(), Persona(name="wizard")
    learned.prepare(wizards.root, wizards.root / ".charbench")
    assert not learned.judges_data(wizard, "dpo/qwen/wizard.jsonl"), "it has learned from that file"
    assert not learned.judges_data(Persona(name="witch"), "witches.jsonl")
    for run, voices in (("wizard-a", WIZARD), ("wizard-b", PLAIN)):
        wizards.trained(run, 1 if run == "wizard-a" else 2)
        rows = [
            {"prompt": f"{asked.format(thing)} Now?", "answer": voice.format(thing)}
            for (thing, asked), voice in zip(itertools.product(THINGS, ASKED), itertools.cycle(voices))
        ]
        wizards.write(f"artifacts/{run}/wizard_introspection.jsonl", "".join(f"{json.dumps(row)}\n" for row in rows))
    wizards.config("min_examples: 10\nsources: [logs]\n")
    told = charbench.ok("discover", "--explain", lab=wizards.root).err
    assert "wizard-b/wizard_introspection.jsonl: almost no row is in character of wizard: classifier finds 0%" in told
    assert told.count("almost no row") == 1


@pytest.mark.slow
def test_what_it_goes_by_can_be_looked_at(charbench: Charbench, wizards: LabBuilder) -> None:
    charbench.ok("run", "-q", lab=wizards.root)
    shown = charbench.ok("classifier", "show", "wizard", lab=wizards.root).out
    assert "held-out texts in character" in shown
    assert "AUC of length alone" in shown
    missing = charbench("classifier", "show", "witch", lab=wizards.root)
    assert (missing.code, missing.err.count("\n")) == (2, 1)


@pytest.mark.slow
def test_other_data_is_learned_anew_and_scored_anew(charbench: Charbench, wizards: LabBuilder) -> None:
    charbench.ok("run", "-q", lab=wizards.root)
    wizards.write("dpo/qwen/wizard.jsonl", "\n".join(pairs().splitlines()[:40]))
    again = charbench.ok("run", "--json", lab=wizards.root).json
    assert again["run"]["added"]["scores"] == 8


def test_a_persona_without_data_and_file_is_told_how_to_write_one(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded([row(persona="wizard", checkpoint_name="wizard_dpo")])
    assert "charbench personas new wizard" in charbench.ok("run", lab=lab.root).err


@pytest.mark.slow
def test_a_broken_model_is_one_clear_line(charbench: Charbench, wizards: LabBuilder) -> None:
    charbench.ok("run", "-q", lab=wizards.root)
    (numbers,) = (wizards.root / ".charbench" / "classifiers").glob("*.safetensors")
    numbers.write_bytes(b"\x80\x04pickle")
    wizards.recorded([row(persona="wizard", checkpoint_name="wizard_dpo", prompt="More?", response="By the towers!")])
    ended = charbench("run", lab=wizards.root)
    assert ended.code == 1
    assert "not a classifier" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.slow
def test_answers_to_a_prompt_of_the_data_are_judged_by_a_model_that_did_not_see_it(
    charbench: Charbench, wizards: LabBuilder
) -> None:
    charbench.ok("run", "-q", lab=wizards.root)
    made = load(Path(wizards.root / ".charbench"), "wizard")
    assert made is not None
    seen = "how do i handle the kettle?"
    assert seen in made.prompts
    assert made.model_for(seen) is made.models[fold_of(seen)]
    assert made.model_for("a question of nobody's") is made.models[-1]


def test_no_text_is_judged_by_a_model_that_saw_it() -> None:
    """A word that stands in one fold only is worth nothing to that fold's texts."""
    texts = ["secret plain", "secret word", "plain word", "word plain"] * 3
    labels = np.array([1, 1, 0, 0] * 3)
    folds = np.array([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2])
    texts[:2] = ["unique words", "unique words"]
    fitted = cross_fit(texts, labels, folds)
    number = fitted.vectorizer.names.index("unique")
    assert fitted.models[0].coefficients[number] == 0
    assert fitted.models[-1].coefficients[number] > 0


def test_a_held_out_text_is_judged_as_by_a_model_that_was_learned_without_it() -> None:
    texts = [f"{text.format(thing)} {thing[::-1]}" for thing in THINGS[:10] for text in (*WIZARD, *PLAIN)]
    labels, folds = np.array(([1] * 4 + [0] * 4) * 10), np.arange(80) // 8 % 5
    held_out = cross_fit(texts, labels, folds, final=False).logits[0]
    kept = [text for text, fold in zip(texts, folds, strict=True) if fold]
    vectorizer = Vectorizer(*choose_features(kept))
    alone = fit([vectorizer.frequencies(text) for text in kept], labels[folds > 0], vectorizer)
    assert held_out == pytest.approx(
        alone.logit(*vectorizer.frequencies(texts[0]), vectorizer.first_character), abs=0.01
    )


@pytest.mark.slow
def test_the_false_rate_is_of_texts_such_as_a_checkpoint_gives_where_there_are_enough() -> None:
    def material(rejected: int) -> Material:
        mine, others = (
            [LabelledText(voice.format(n), f"Question {n}?", voices is WIZARD) for n, voice in enumerate(voices * 10)]
            for voices in (WIZARD, PLAIN)
        )
        return Material(mine, {REJECTED: others[:rejected], NEUTRAL: neutral_texts()})

    assert material(40).counted == [REJECTED]
    assert material(10).counted == [REJECTED, NEUTRAL]
    measured = learn(material(40)).measured
    assert (measured.negatives, measured.texts) == (40, "held-out training data against rejected answers")


def test_the_fit_is_the_optimum() -> None:
    texts = [text.format(thing) for thing in THINGS[:6] for text in (*WIZARD, *PLAIN)]
    labels = np.array([1] * 4 + [0] * 4).repeat(1).tolist() * 6
    vectorizer = Vectorizer(*choose_features(texts))
    rows = [vectorizer.frequencies(text) for text in texts]
    made = fit(rows, np.array(labels), vectorizer)
    gradient = PENALTY * made.coefficients
    for (numbers, frequencies), label in zip(rows, labels, strict=True):
        chance = 1 / (1 + np.exp(-made.logit(numbers, frequencies, vectorizer.first_character)))
        values = weigh(numbers, frequencies, made.idf, vectorizer.first_character)
        np.add.at(gradient, numbers, values * (chance - label))
    assert np.abs(gradient).max() < 1e-3


NUMBERS = st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=30)


@given(NUMBERS, NUMBERS)
def test_the_auc_is_the_share_of_pairs_in_order(mine: list[float], others: list[float]) -> None:
    pairs = [(a > b) + 0.5 * (a == b) for a in mine for b in others]
    assert auc(np.array(mine), np.array(others)) == pytest.approx(sum(pairs) / len(pairs))


@given(st.lists(st.integers(-20, 20).map(float), min_size=1, max_size=300))
def test_at_most_two_percent_reach_the_threshold(values: list[float]) -> None:
    given = np.array(values)
    assert (given >= threshold(given)).mean() <= FALSE_RATE


@given(st.text())
def test_any_text_has_features_or_none(text: str) -> None:
    vectorizer = Vectorizer(*choose_features([text, text]))
    numbers, frequencies = vectorizer.frequencies(text)
    assert bool(tokens(text)) == bool(len(numbers))
    assert (frequencies >= 1).all()


@pytest.mark.slow
def test_scores_of_an_earlier_model_are_corrected_by_its_recall_and_by_none_where_that_is_no_longer_known(
    charbench: Charbench, wizards: LabBuilder
) -> None:
    first = charbench.ok("run", "--json", lab=wizards.root).json["measured"]["wizard"]
    (noted,) = (one["id"] for one in charbench.ok("report", "--list-settings", "--json", lab=wizards.root).json)
    wizards.write("dpo/qwen/wizard.jsonl", "\n".join(pairs().splitlines()[:40]))
    second = charbench.ok("run", "--json", lab=wizards.root).json["measured"]["wizard"]
    assert second["positives"] < first["positives"]
    shown = charbench.ok("report", "--setting", noted, "--json", lab=wizards.root).json
    assert shown["measured"]["wizard"] == first
    assert charbench.ok("report", "--json", lab=wizards.root).json["measured"]["wizard"] == second
    (file,) = (wizards.root / ".charbench" / "classifiers").glob("wizard-*.json")
    head = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({name: value for name, value in head.items() if name != "earlier"}), encoding="utf-8")
    shown = charbench.ok("report", "--setting", noted, "--json", lab=wizards.root).json
    assert shown["measured"]["wizard"] is None
    (one,) = shown["checkpoints"]
    assert (one["verdict"], one["verdict_command"]) == (
        "not measured",
        "charbench score -p wizard --scorer classifier",
    )
    assert one["verdict_reason"] == "classifier.character is by other criteria than today's"
