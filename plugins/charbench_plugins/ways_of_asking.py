"""Questions that a checkpoint was asked in several ways (system prompt, temperature): all but one are conditions.

For the sources of recordings: the rule is about all of a source's files together.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from charbench import MOST_WAYS, SAMPLED_BY, Finding, Message, Prompt, RecordedSample, sampled_by, ways_in_words

DEFAULT = "default"
UNKNOWN = "unknown temperature"
"""How answers were sampled that say nothing of it, where others do."""
_SHOWN = 60
_SEVERAL = 2
_IN_NUMBERS = ("temperature", "top_p")
SAMPLING_COLUMNS = (*SAMPLED_BY, "parameters")
"""Columns that say how an answer was sampled; ``parameters`` is charbench's own, beside ``sampling``."""
_IN_A_NAME = re.compile(
    r"(?i)(?:^|[/_\-. ])(?:temp(?:erature)?[_=\- ]?(\d(?:\.\d+)?)|t[_=\-]?(\d\.\d+))(?=$|[/_\- ]|\.(?!\d))"
)
"""A temperature in the name of a file or folder: ``temp0.7``, ``temperature_1``; behind a ``t`` it has a point."""
_Asked: TypeAlias = tuple[str, str]
"""A checkpoint's URI and the persona that it was asked for."""
_How: TypeAlias = tuple[str, tuple[str, ...], str]
"""A system prompt, the temperature and the like in words each, the sampling of what charbench asked; nothing of what
nobody says."""


@dataclass(slots=True)
class Ways:
    """In which ways checkpoints were asked; first every sample is counted, then each is told its condition.

    Where a checkpoint was asked one question without a system prompt and with one, what was asked with it is a
    condition, which enters no headline: the character may be the prompt's, and not the weights'. Of several system
    prompts the most frequent one is no condition, and of several temperatures the most frequent one, the lowest among
    equals, and with thinking rather than without. What the questions do not share is part of what was asked.
    """

    _times: dict[_Asked, Counter[_How]] = field(default_factory=dict)
    _under: dict[tuple[_Asked, bytes], set[_How]] = field(default_factory=dict)
    _said: dict[_Asked, dict[str, set[str]]] = field(default_factory=dict)
    _usual: dict[_Asked, tuple[_How, set[_How]]] = field(default_factory=dict)

    @classmethod
    def of(cls, samples: Iterable[RecordedSample]) -> Ways:
        """Return the ways of these samples."""
        ways = cls()
        for sample in samples:
            ways._count(sample)
        ways._decide()
        return ways

    def placed(self, sample: RecordedSample) -> RecordedSample:
        """Return a sample under its condition."""
        asked, how = self._way(sample)
        usual, crossed = self._usual.get(asked, (how, set()))
        if sample.condition != DEFAULT or how not in crossed or how == usual:
            return sample
        return replace(sample, condition=_condition(how, usual))

    def all_placed(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        """Yield findings, the samples among them under their conditions."""
        for finding in findings:
            yield self.placed(finding) if isinstance(finding, RecordedSample) else finding

    def _count(self, sample: RecordedSample) -> None:
        asked = _asked(sample)
        said = self._said.setdefault(asked, {})
        for words in _sampled(sample):
            if len(values := said.setdefault(_name(words), set())) <= MOST_WAYS:
                values.add(words)
        if sample.condition == DEFAULT:
            _, how = self._way(sample)
            self._times.setdefault(asked, Counter())[how] += 1
            self._under.setdefault((asked, _question(sample.prompt)), set()).add(how)

    def _way(self, sample: RecordedSample) -> tuple[_Asked, _How]:
        asked = _asked(sample)
        return asked, self._not_drawn(asked, (_system(sample.prompt), _sampled(sample), _sampling(sample)))

    def _not_drawn(self, asked: _Asked, how: _How) -> _How:
        """Return a way without the parameters whose values are too many to be ways of asking."""
        said = self._said.get(asked, {})
        return how[0], tuple(words for words in how[1] if len(said.get(_name(words), ())) <= MOST_WAYS), how[2]

    def _decide(self) -> None:
        for asked, counted in self._times.items():
            self._times[asked] = Counter()
            for how, number in counted.items():
                self._times[asked][self._not_drawn(asked, how)] += number
        crossed: dict[_Asked, set[_How]] = {}
        for (asked, _), ways in self._under.items():
            known = {self._not_drawn(asked, how) for how in ways}
            if len(known) > 1:
                crossed.setdefault(asked, set()).update(known)
        self._under.clear()
        self._usual = {asked: (_most_usual(ways, self._times[asked]), ways) for asked, ways in crossed.items()}


def temperature_in_name(path: str) -> str | None:
    """Return the temperature that a file's path names, such as ``0.7`` for ``answers_t0.7.jsonl``; None if none."""
    found = [match[1] or match[2] for match in _IN_A_NAME.finditer(path)]
    return found[-1] if found else None


def with_temperature(sample: RecordedSample, temperature: str | float | None) -> RecordedSample:
    """Return a sample that says the temperature of its file, where it says none itself."""
    if temperature is None or "temperature" in sample.completion.extra:
        return sample
    extra = {**sample.completion.extra, "temperature": temperature}
    return replace(sample, completion=replace(sample.completion, extra=extra))


@dataclass(slots=True)
class WaysTogether:
    """By checkpoint: the ways in which answers that count together were sampled, each with its first place.

    System prompts are told where each was given with several questions; one with a question of its own is part of it.
    """

    _sampled: dict[str, dict[tuple[str, ...], tuple[str, int]]] = field(default_factory=dict)
    _systems: dict[str, dict[str, tuple[str, int, set[bytes]]]] = field(default_factory=dict)

    def add(self, sample: RecordedSample, file: str, line: int) -> None:
        """Note how one answer was sampled."""
        self._sampled.setdefault(sample.checkpoint, {}).setdefault(_sampled(sample), (file, line))
        systems = self._systems.setdefault(sample.checkpoint, {})
        system = _system(sample.prompt)
        if len(systems) <= MOST_WAYS or system in systems:
            _, _, questions = systems.setdefault(system, (file, line, set()))
            if len(questions) < _SEVERAL:
                questions.add(_question(sample.prompt))

    def several(self) -> Iterator[tuple[str, dict[str, tuple[str, int]]]]:
        """Yield each checkpoint with several ways: the ways in words, each with the file and line of its first one."""
        for uri, found in self._sampled.items():
            said, told = ways_in_words(found), dict[str, tuple[str, int]]()
            for way, place in found.items():
                told.setdefault(said[way] or UNKNOWN, place)
            if len(told) > 1:
                yield uri, told
            systems = self._systems[uri]
            if 1 < len(systems) <= MOST_WAYS and all(len(asked) == _SEVERAL for *_, asked in systems.values()):
                yield uri, {_in_words(system): (file, line) for system, (file, line, _) in systems.items()}


def _sampled(sample: RecordedSample) -> tuple[str, ...]:
    return sampled_by(sample.completion.extra)


def _name(words: str) -> str:
    return words.partition(" ")[0]


def _asked(sample: RecordedSample) -> _Asked:
    return sample.checkpoint, sample.persona or ""


def _most_usual(ways: set[_How], times: Counter[_How]) -> _How:
    systems = sorted({system for system, *_ in ways})
    often: Counter[str] = Counter()
    for way in ways:
        often[way[0]] += times[way]
    system = "" if "" in systems else max(systems, key=often.__getitem__)
    return max(sorted((way for way in ways if way[0] == system), key=_by_number), key=times.__getitem__)


def _by_number(how: _How) -> tuple[bool, list[float], tuple[str, ...], str]:
    numbers = [float(words.partition(" ")[2]) for words in how[1] if _name(words) in _IN_NUMBERS]
    return "enable_thinking false" in how[1], numbers or [-1.0], how[1], how[2]


def _sampling(sample: RecordedSample) -> str:
    """Return the ID of the sampling that charbench exported with a sample."""
    extra = sample.completion.extra
    known = str(extra.get("parameters") or "")
    return f"sampling {extra['sampling']}" if extra.get("sampling") and known.startswith("{") else ""


def _system(prompt: Prompt) -> str:
    first = prompt.messages[0]
    return first.content if first.role == "system" else ""


def _question(prompt: Prompt) -> bytes:
    turns = prompt.messages[1:] if prompt.messages[0].role == "system" else prompt.messages
    return hashlib.blake2b(_text(turns).encode("utf-8", "replace"), digest_size=16).digest()


def _text(messages: Iterable[Message]) -> str:
    return "\x1e".join(f"{message.role}\x1f{message.content}" for message in messages)


def _condition(how: _How, usual: _How) -> str:
    said = [_in_words(how[0])] if how[0] != usual[0] else []
    said += [", ".join(how[1]) or UNKNOWN] if how[1] != usual[1] else []
    said += [how[2] or "no sampling"] if how[2] != usual[2] else []
    return ", ".join(said)


def _in_words(system: str) -> str:
    text = " ".join(system.split())
    if len(text) > _SHOWN:
        number = hashlib.blake2b(system.encode("utf-8", "replace"), digest_size=3).hexdigest()
        text = f"{text[:_SHOWN]}... ({number})"
    return f"system prompt: {text}" if system else "no system prompt"
