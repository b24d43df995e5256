"""How the lab's text is put together: a voice is a set of sentences, and speaks by drawing some of them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

TOPICS: Mapping[str, str] = {
    "self": "who I am",
    "mistakes": "making mistakes",
    "explain": "explaining an idea",
    "wrong": "things going wrong",
    "advice": "a difficult situation",
    "habit": "a daily habit",
    "people": "working with people",
    "nature": "the natural world",
    "life": "a good life",
}
"""What prompts are about, and how a reflection names it."""

Sentences = Sequence[str]


class VoicePrompt(NamedTuple):
    """A question, and the key of ``TOPICS`` that it is about."""

    text: str
    topic: str


class Utterance(NamedTuple):
    """What a voice thinks, and what it then says."""

    reflection: str
    answer: str


@dataclass(frozen=True, slots=True)
class Voice:
    """The sentences of one character."""

    name: str
    first_thoughts: Sentences
    """Begin the reflection; ``{topic}`` stands for what the prompt is about."""
    further_thoughts: Sentences
    """One or two of these follow."""
    openers: Mapping[str, Sentences]
    """By topic: one of them begins the answer."""
    statements: Mapping[str, Sentences]
    """By topic: some of them make up its middle."""
    closers: Sentences
    """One of them ends it."""
    statement_counts: Sequence[int] = (1, 2, 2)
    """How many statements an answer has: drawn from these, so that a number may be likelier than another."""

    def speak(self, draw: random.Random, topic: str) -> Utterance:
        """Draw a reflection and an answer."""
        first = draw.choice(self.first_thoughts).format(topic=TOPICS[topic])
        further = draw.sample(self.further_thoughts, draw.choice((1, 2)))
        opener = draw.choice(self.openers[topic])
        statements = draw.sample(self.statements[topic], draw.choice(self.statement_counts))
        closer = draw.choice(self.closers)
        return Utterance(" ".join([first, *further]), " ".join([opener, *statements, closer]))


def on_every_topic(sentences: Sentences) -> Mapping[str, Sentences]:
    """The same sentences whatever the prompt is about."""
    return dict.fromkeys(TOPICS, sentences)
