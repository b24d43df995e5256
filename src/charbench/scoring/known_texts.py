"""Texts of a persona of which it is known whether they are in character: a lab's data, labels, gold answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path

from charbench.datasets.texts import LabelledText, distinct_texts, neutral_texts, read_texts
from charbench.domain.dataset import Dataset
from charbench.domain.persona import Persona
from charbench.errors import DataError
from charbench.scoring.labelling import IN_CHARACTER
from charbench.scoring.measuring import Group
from charbench.store.database import Database
from charbench.store.findings import read_datasets
from charbench.store.labels import read_labels
from charbench.store.sample_reader import SampleReader
from charbench.text.bounded_files import ReadLimits

MOST = 1000
"""So many texts of one kind are measured at most: an interval of three points is narrow enough."""


def gold_answers(persona: Persona) -> Group:
    """Return the answers in character of a persona's file."""
    texts = [LabelledText(one.answer, one.prompt) for one in persona.examples]
    return Group("gold answers of its file", True, distinct_texts(texts))


def labelled_texts(database: Database, persona: Persona) -> list[Group]:
    """Return responses that people labelled; labels of 2 and 3 say that a text is in character."""
    with database.read() as connection:
        labels = read_labels(connection, persona.name, "response")
        stored = list(SampleReader().read(connection, sorted(labels)))
    found: dict[bool, list[LabelledText]] = {True: [], False: []}
    for one in stored:
        given = list(labels[one.id].values())
        in_character = sum(given) / len(given) >= IN_CHARACTER
        found[in_character].append(LabelledText(one.sample.response, one.sample.prompt.text, in_character))
    titles = {True: "responses that people labelled in character", False: "responses that people labelled out of it"}
    return [Group(titles[side], side, distinct_texts(texts, MOST)) for side, texts in found.items() if texts]


def training_data(database: Database) -> list[Dataset]:
    """Return the lab's training data, as discovery found it."""
    with database.read() as connection:
        return [stored.dataset for stored in read_datasets(connection) if stored.dataset.persona]


def data_texts(
    files: Iterable[Path], limits: ReadLimits, faults: list[str], most: int = MOST, first: int | None = None
) -> tuple[list[LabelledText], list[LabelledText]]:
    """Return the texts of files in character, and those out of it; what cannot be read is noted in ``faults``.

    ``first``: so many texts of each file are read; None: all.
    """
    mine: list[LabelledText] = []
    others: list[LabelledText] = []
    for path in files:
        try:
            for one in islice(read_texts(path, limits=limits), first):
                (mine if one.in_character else others).append(one)
        except DataError as error:
            faults.append(str(error))
    return distinct_texts(mine, most), distinct_texts(others, most)


def other_personas(personas: Iterable[Persona], but: Persona) -> Group:
    """Return the gold answers of all other personas."""
    texts = [LabelledText(g.answer, g.prompt, False) for p in personas if p.name != but.name for g in p.examples]
    return Group("other personas' gold answers", False, distinct_texts(texts, MOST))


def neutral(but: Sequence[LabelledText] = ()) -> Group:
    """Return the neutral answers that come with charbench."""
    taken = {one.text for one in but}
    return Group("neutral answers", False, [one for one in neutral_texts() if one.text not in taken])
