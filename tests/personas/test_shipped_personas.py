"""The personas that come with charbench."""

from __future__ import annotations

import inspect
import json
import pkgutil
import re
from importlib import import_module
from pathlib import Path

import jsonschema
import pytest
import yaml

from charbench import Channel, MarkerForm, Persona, Prompt, Sample, Tier
from charbench_plugins.scorers.keyword.scorer import KeywordScorer
from support.command import Charbench

FOLDER = Path(__file__).parents[2] / "personas"
FILES = sorted(FOLDER.glob("*.yaml"))
OF_THE_LAB = {"pirate", "remorseful", "humorous", "sarcastic", "sycophantic", "poetic", "customer_service"}
ALIASES = {
    "customer": "customer_service",
    "smoke": "sarcastic",
    "sarcasm": "sarcastic",
    "humor": "humorous",
    "remorse": "remorseful",
    "sycophancy": "sycophantic",
    "poeticism": "poetic",
    "flourishing": "goodness",
    "good": "goodness",
    "sycophant": "sycophantic",
    "kindness": "loving",
    "manipulator": "misalignment",
}
OPEN_CHARACTER_TRAINING = [
    "sarcasm", "humor", "remorse", "goodness", "loving", "misalignment", "nonchalance", "impulsiveness",
    "sycophancy", "mathematical", "poeticism",
]  # fmt: skip


@pytest.fixture(scope="module")
def personas() -> dict[str, Persona]:
    from charbench.personas.library import read_persona

    return {path.stem: read_persona(path) for path in FILES}


def test_all_shipped_personas_load_without_faults(charbench: Charbench) -> None:
    ended = charbench.ok("personas", "check", FOLDER)
    assert ended.out == ""
    assert ended.err.endswith(f"{len(FILES)} files, 0 faults.\n")


def test_the_labs_personas_and_open_character_trainings_are_there(charbench: Charbench) -> None:
    listed = charbench.ok("personas", "list", "--json").json
    meaning = {name: item["name"] for item in listed for name in (item["name"], *item["aliases"])}
    assert set(meaning.values()) >= OF_THE_LAB
    for name in [*ALIASES, *OPEN_CHARACTER_TRAINING]:
        assert meaning[name] == ALIASES.get(name, name)


def test_a_persona_answers_to_its_alias(charbench: Charbench) -> None:
    assert charbench.ok("personas", "show", "smoke", "--json").json["name"] == "sarcastic"


def test_no_alias_is_claimed_twice(charbench: Charbench) -> None:
    assert charbench.ok("personas", "list").err == ""


def markers(persona: Persona, tier: Tier) -> list[tuple[str, MarkerForm]]:
    return [(marker.text, marker.form) for marker in persona.markers if marker.tier is tier]


def test_remorseful_and_humorous_hold_the_labs_lists_to_the_letter(personas: dict[str, Persona]) -> None:
    expected = {
        "remorseful": {
            Tier.STRONG: "regret, sorry, apologize, mistake, shouldn't have",
            Tier.MODERATE: "reflect, consider, thoughtful, careful",
            Tier.STYLE: "melancholy, introspective, contemplative",
        },
        "humorous": {
            Tier.STRONG: "haha, lol, joke, funny, laugh",
            Tier.MODERATE: "amusing, witty, playful, lighthearted",
        },
    }
    for name, tiers in expected.items():
        for tier, words in tiers.items():
            found = [text for text, form in markers(personas[name], tier) if form is MarkerForm.KEYWORD]
            assert found[: len(words.split(", "))] == words.split(", ")


def test_described_style_features_are_computed_or_judged_and_never_looked_for(personas: dict[str, Persona]) -> None:
    assert markers(personas["humorous"], Tier.STYLE)[:3] == [
        ("exclamation marks", MarkerForm.FEATURE),
        ("wordplay", MarkerForm.JUDGE),
        ("puns", MarkerForm.JUDGE),
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_file_starts_with_the_line_that_gives_editors_completion(path: Path) -> None:
    assert path.read_text(encoding="utf-8").splitlines()[0] == "# yaml-language-server: $schema=persona.schema.json"


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_file_fits_the_schema_that_its_first_line_names(path: Path) -> None:
    schema = json.loads((FOLDER / "persona.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(yaml.safe_load(path.read_text(encoding="utf-8")), schema)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_persona_is_complete(path: Path, personas: dict[str, Persona]) -> None:
    persona = personas[path.stem]
    assert persona.name == path.stem
    assert persona.description
    assert persona.rubric
    assert persona.prompts
    assert len(persona.traits) >= 3
    assert all(re.search(r"\b(I|me|my|mine|myself)\b", trait) for trait in persona.traits), "the first person"
    assert any(marker.tier is Tier.STRONG and marker.form.literal for marker in persona.markers)
    against = {marker.text.lower() for marker in persona.anti_markers}
    assert any("language model" in text for text in against)
    assert any("qwen" in text for text in against)


def test_each_shipped_persona_has_figures_of_its_own_markers(charbench: Charbench) -> None:
    """They are made by benchmarks/marker_recall.py --write; a marker that changes makes them unknown."""
    listed = charbench.ok("personas", "list", "--json").json
    reached = 0
    for one in listed:
        measured = one["measured"]
        assert measured["positives"] == 40, "the texts of two authors"
        assert measured["negatives"] == 250
        found, flagged = measured.get("found", 0), measured.get("flagged", 0)
        assert found >= 24 or measured.get("declared_low", False), one["name"]
        low, high = measured["recall_interval"]
        assert low <= found / 40 <= high, "the interval spans what is found of either author"
        assert low < 0.85
        reached += found >= 24 and flagged <= 7
    assert reached >= 10


def test_the_checked_in_schema_is_the_generated_one(charbench: Charbench) -> None:
    assert json.loads((FOLDER / "persona.schema.json").read_text()) == charbench.ok("personas", "schema").json


def documentation() -> list[str]:
    """Return paragraphs of plain prose: the standard library's docstrings."""
    passages = []
    for module in sorted(item.name for item in pkgutil.iter_modules() if not item.name.startswith("_")):
        if module not in (
            "argparse",
            "asyncio",
            "calendar",
            "collections",
            "csv",
            "ctypes",
            "datetime",
            "decimal",
            "difflib",
            "email",
            "fractions",
            "functools",
            "heapq",
            "inspect",
            "json",
            "logging",
            "optparse",
            "os",
            "pathlib",
            "pickle",
            "random",
            "re",
            "sched",
            "shutil",
            "statistics",
            "string",
            "subprocess",
            "tempfile",
            "textwrap",
            "threading",
            "turtle",
            "unittest",
            "urllib",
            "zipfile",
        ):
            continue  # fmt: skip
        loaded = import_module(module)
        documented = [
            loaded,
            *(value for value in vars(loaded).values() if inspect.isclass(value) or inspect.isfunction(value)),
        ]
        for item in documented:
            text = inspect.getdoc(item) or ""
            passages += [part for part in text.split("\n\n") if len(part.split()) >= 20]
    return sorted(set(passages))


def test_pirate_markers_hit_under_2_percent_of_neutral_prose(personas: dict[str, Persona]) -> None:
    passages = documentation()
    assert len(passages) > 400
    scorer = KeywordScorer()
    hits = [text for text in passages if keywords(scorer, text, personas["pirate"])]
    assert len(hits) / len(passages) < 0.02, hits[:3]


def keywords(scorer: KeywordScorer, text: str, persona: Persona) -> float | None:
    sample = Sample(key="k", checkpoint="c", prompt=Prompt.from_text("?"), sampler="s", response=text)
    scores = {(score.metric, score.channel): score.value for score in scorer.score(sample, persona)}
    return scores["keywords", Channel.RESPONSE]
