"""What the classifier sees of a text: its words, pairs of words, and the characters inside words.

Words count by themselves and in pairs; of each word, with its edges, the runs of three to five characters count too.
Term frequency is 1 + log(count), and each of the two blocks has the length one, as in TF-IDF.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain, pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

LEAST_TEXTS = 2
"""Texts that a feature must stand in to be learned."""
MOST_OF_A_KIND = 30_000
"""Features kept of each kind, words and characters: those of most texts."""
_TOKEN = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]+")
_LENGTHS = (3, 4, 5)
_CACHED_WORDS = 100_000


def tokens(text: str) -> list[str]:
    """Return a text's words and runs of punctuation, in lower case."""
    return _TOKEN.findall(text.lower())


def _word_features(words: Sequence[str]) -> Iterable[str]:
    return chain(words, map(" ".join, pairwise(words)))


def _inside(word: str) -> list[str]:
    padded = f"\x02{word}\x03"
    return [padded[at : at + n] for n in _LENGTHS for at in range(len(padded) - n + 1)]


def choose_features(texts: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the features of words, and those of characters, that stand in enough of these texts."""
    import numpy as np

    words: Counter[str] = Counter()
    numbered: dict[str, int] = {}
    of_word: dict[str, np.ndarray] = {}
    in_texts = [np.empty(0, dtype=np.int32)]
    for text in texts:
        found = tokens(text)
        words.update(set(_word_features(found)))
        for word in set(found) - of_word.keys():
            numbers = [numbered.setdefault(run, len(numbered)) for run in _inside(word)]
            of_word[word] = np.array(numbers, dtype=np.int32)
        if found:
            in_texts.append(np.unique(np.concatenate([of_word[word] for word in set(found)])))
    counts = np.bincount(np.concatenate(in_texts), minlength=len(numbered)).tolist()
    return _commonest(words.items()), _commonest(zip(numbered, counts, strict=True))


def _commonest(counted: Iterable[tuple[str, int]]) -> list[str]:
    known = [(-count, name) for name, count in counted if count >= LEAST_TEXTS]
    return sorted(name for _, name in sorted(known)[:MOST_OF_A_KIND])


class Vectorizer:
    """Turns texts into the numbers of their features, with the frequency of each."""

    def __init__(self, words: Sequence[str], characters: Sequence[str]) -> None:
        self.names = [*words, *characters]
        self.first_character = len(words)
        self._words = {name: number for number, name in enumerate(words)}
        self._characters = {name: len(words) + number for number, name in enumerate(characters)}
        self._inside: dict[str, np.ndarray] = {}

    def frequencies(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        """Return the numbers of the features that stand in a text, in order, and 1 + log(count) of each."""
        import numpy as np

        found = tokens(text)
        known = self._words.get
        mine = [number for name in _word_features(found) if (number := known(name)) is not None]
        parts = [np.array(mine, dtype=np.int64)]
        for word in found:
            inside = self._inside.get(word)
            parts.append(self._learn(word) if inside is None else inside)
        numbers, counts = np.unique(np.concatenate(parts), return_counts=True)
        return numbers, 1.0 + np.log(counts)

    def of_word(self, word: str) -> tuple[int, ...]:
        """Return the features of one word: itself, and the runs of characters in it."""
        itself, inside = self._words.get(word), self._inside.get(word)
        runs = self._learn(word) if inside is None else inside
        return (*(() if itself is None else (itself,)), *runs.tolist())

    def _learn(self, word: str) -> np.ndarray:
        import numpy as np

        known = self._characters.get
        numbers = [number for name in _inside(word) if (number := known(name)) is not None]
        inside = np.array(numbers, dtype=np.int64)
        if len(self._inside) < _CACHED_WORDS:
            self._inside[word] = inside
        return inside
