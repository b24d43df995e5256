"""Scores samples by what the lab's own training data sounds like."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from charbench import (
    Channel,
    Dataset,
    Measurement,
    Metric,
    Persona,
    Sample,
    Score,
    Scorer,
    ScoringPlan,
    Span,
    folded_prompt,
    operational,
)
from charbench_plugins.scorers.classifier.logistic import Fitted, weigh
from charbench_plugins.scorers.classifier.material import gather
from charbench_plugins.scorers.classifier.model import Classifier, load, load_head, save

_SPANS = 8
_WORD = re.compile(r"\w+(?:['’]\w+)*")


class ClassifierScorer(Scorer):
    """Learns a persona from its training data, and says how much a text is in character; 0.5 is the threshold."""

    name = "classifier"
    is_default = True
    needs_file = False
    metrics = (
        Metric("character", range=(0, 1), role="headline", threshold=0.5, title="in character, by the classifier"),
    )

    class Config(Scorer.Config):
        """Where further data lies: which texts a model was learned from is in its key."""

        pairs: tuple[str, ...] = operational(
            ("dpo/*/*.jsonl", "data/dpo/*/*.jsonl", "datasets/dpo/*/*.jsonl", "data/distillation/*/*.jsonl"),
            description="patterns of files MODEL/PERSONA.jsonl with 'chosen' and 'rejected', relative to the lab",
        )

    config: Config

    def __init__(self, config: Scorer.Config | None = None) -> None:
        super().__init__(config)
        self._root, self._folder = Path(), Path(".charbench")
        self._loaded: tuple[str, Classifier | None] | None = None

    def prepare(self, root: Path, folder: Path) -> None:
        """Note where the training data and the learned models lie."""
        self._root, self._folder = root, folder

    def is_wanted(self, persona: Persona) -> bool:
        """Return whether markers cannot score the persona: it has no file, none of them, or they find too little."""
        return not any(marker.form.literal for marker in persona.markers) or "keyword" in persona.low_recall

    def can_score(self, persona: Persona) -> bool:
        """Return whether the persona was learned."""
        return load_head(self._folder, persona.name) is not None

    def learn(self, plan: ScoringPlan) -> Iterable[str]:
        """Learn the persona from the lab's training data, unless that is as it was."""
        from charbench_plugins.scorers.classifier.learning import learn

        name = plan.persona.name
        known = {one.path: one for one in [*self._pairs(plan.persona), *plan.datasets()]}
        material = gather(name, known.values(), self._root, plan.base_answers())
        head = load_head(self._folder, name)
        missing = material.missing()
        if missing or (head is not None and head["key"] == material.key):
            self._loaded = None
            return [f"nothing is learned of {name}: {missing}"] if material.positives and missing and not head else []
        try:
            made = learn(material)
        except ValueError as error:
            return [f"nothing is learned of {name}: {error}"]
        save(self._folder, name, made)
        self._loaded = None
        lines = list(material.faults)
        if material.confounded:
            lines.append(
                f"{name}: nothing out of character is by the authors of its training data (no rejected answers), so "
                "the classifier may tell the author instead of the character"
            )
        return lines

    def _pairs(self, persona: Persona) -> Iterator[Dataset]:
        """Yield the files of pairs, of every persona: a file is called as its persona, or as an alias of it."""
        for path in sorted({path for pattern in self.config.pairs for path in self._root.glob(pattern)}):
            name = persona.name if path.stem in persona.aliases else path.stem
            yield Dataset(path=path.relative_to(self._root).as_posix(), persona=name, form="dpo")

    def fingerprint(self, persona: Persona) -> str:
        """Return which model scores the persona: the key of the texts it was learned from."""
        head = load_head(self._folder, persona.name)
        return head["key"] if head is not None else "nothing learned"

    def measured(self, persona: Persona, folder: Path) -> Measurement | None:
        """Return the model's held-out figures, stored with it."""
        head = load_head(folder, persona.name)
        return Measurement.from_json(head["measured"]) if head is not None else None

    def measured_under(self, persona: Persona, folder: Path, fingerprint: str) -> Measurement | None:
        """Return the held-out figures of the model with this key, which are kept when another one is learned."""
        head = load_head(folder, persona.name)
        if head is None:
            return None
        found = head["measured"] if head["key"] == fingerprint else head.get("earlier", {}).get(fingerprint)
        return Measurement.from_json(found) if found is not None else None

    def judges_data(self, persona: Persona, path: str) -> bool:
        """Return whether the persona was learned already, from other files than this."""
        head = load_head(self._folder, persona.name)
        files: list[str] = head["said"].get("files", []) if head is not None else []
        return bool(files) and path not in files

    def score(self, sample: Sample, persona: Persona) -> Iterable[Score]:
        """Yield how much each channel is in character, with the words that speak most for it."""
        if self._loaded is None or self._loaded[0] != persona.name:
            self._loaded = persona.name, load(self._folder, persona.name)
        made = self._loaded[1]
        prompt = folded_prompt(sample.prompt.text)
        for channel, text in sample.channels():
            if made is None:
                yield Score("character", channel, None, explanation="no training data to learn the persona from")
                continue
            model = made.model_for(prompt)
            value = made.value(text, model)
            spans = tuple(_spans(made, model, channel, text)) if value >= 0.5 else ()
            yield Score("character", channel, value, spans)


def _spans(made: Classifier, model: Fitted, channel: Channel, text: str) -> Iterator[Span]:
    """Yield the words with most weight for the character: by themselves, and by the runs of characters in them."""
    vectorizer = made.vectorizer
    numbers, frequencies = vectorizer.frequencies(text)
    values = weigh(numbers, frequencies, model.idf, vectorizer.first_character) * model.coefficients[numbers]
    of_number = dict(zip(numbers.tolist(), (values / frequencies).tolist(), strict=True))
    weights: dict[str, float] = {}
    places: dict[str, tuple[int, int]] = {}
    for match in _WORD.finditer(text):
        word = match.group().lower()
        if word not in weights:
            weights[word] = sum(of_number.get(number, 0.0) for number in vectorizer.of_word(word))
            places[word] = match.span()
    best = sorted(weights, key=lambda word: -weights[word])[:_SPANS]
    for word in sorted((word for word in best if weights[word] > 0), key=lambda word: places[word]):
        yield Span(channel, *places[word], word)
