"""What a checkpoint's name says about its persona and kind."""

from __future__ import annotations

import re
from collections.abc import Mapping

from charbench.domain.checkpoint import Kind

_TOKEN = re.compile(r"[a-z0-9]+|[^\W_a-z0-9]+")
_SPELLINGS = {"it": "instruct"}
_KINDS = {
    "dpo": Kind.DPO,
    "sft": Kind.SFT,
    "rl": Kind.RL,
    "rlhf": Kind.RL,
    "rlaif": Kind.RL,
    "grpo": Kind.RL,
    "ppo": Kind.RL,
    "rm": Kind.REWARD_MODEL,
    "reward": Kind.REWARD_MODEL,
    "merged": Kind.MERGED,
    "merge": Kind.MERGED,
}
_FOLDERS = {
    **_KINDS,
    "distillation": Kind.DPO,
    "introspection": Kind.SFT,
    "reward_model": Kind.REWARD_MODEL,
    "reward-model": Kind.REWARD_MODEL,
}
_METHODS = {word: kind for word, kind in _KINDS.items() if kind in (Kind.DPO, Kind.RL, Kind.SFT) and word != "rl"}
"""Words that name a method of training and nothing else, wherever they stand."""
_STAGES = ("distillation", "introspection")
"""Stages of character training by which folders are called after a model: ``llama-distillation/sarcasm``."""
_BASE = ("base", "base-model", "base_model")
_STEM = 5
"""Letters that an alias and a persona's name begin with alike, where one is a form of the other."""


def tokens(name: str) -> tuple[str, ...]:
    """Split a name into lower-case words: ``remorseful-25pct_DPO`` -> ``remorseful, 25pct, dpo``.

    Other letters than a to z are words of their own: ``海賊_dpo`` -> ``海賊, dpo``.
    """
    return tuple(_TOKEN.findall(name.lower()))


def same_model(one: str, other: str) -> bool:
    """Whether two names mean one model: ``qwen-2.5-7b-it`` and ``Qwen/Qwen2.5-7B-Instruct`` do."""
    return _model_letters(one) == _model_letters(other)


def _model_letters(name: str) -> str:
    words = tokens(name.rstrip("/").rpartition("/")[2])
    return "".join(_SPELLINGS.get(word, word) for word in words)


def kind_from_name(name: str) -> Kind:
    """Return the kind that a name says: its last kind word counts (``dpo-then-sft2`` is sft).

    ``base`` in a name says which model a run was trained from, not that it is one: ``Qwen3-8B-Base-dpo`` is dpo.
    """
    if name.lower() in _BASE:
        return Kind.BASE
    for token in reversed(tokens(name)):
        if (word := token.rstrip("0123456789")) in _KINDS:
            return _KINDS[word]
    return Kind.UNKNOWN


def kind_from_path(path: str) -> Kind:
    """Return the kind that a run's path says by one of its folders' names, the innermost: ``results/dpo/8b/pirate``."""
    for segment in reversed(path.lower().split("/")):
        if segment in _FOLDERS:
            return _FOLDERS[segment]
    return Kind.UNKNOWN


def kind_from_words(path: str) -> Kind:
    """Return the kind that a word in one of a run's folders' names says, the innermost: ``verl_grpo_pirate/qwen``.

    Asked last: only what names a method of training counts, for folders are called by anything.
    """
    for segment in reversed(path.lower().split("/")):
        words = tokens(segment)
        if words and words[-1] in _STAGES:
            return _FOLDERS[words[-1]]
        if found := next((_METHODS[word] for word in reversed(words) if word in _METHODS), None):
            return found
    return Kind.UNKNOWN


def persona_from_name(name: str, personas: Mapping[str, str]) -> str | None:
    """Return the persona that a name contains, None if there is none.

    ``personas`` maps every name and alias to the persona's name. The longest match wins, counted in
    words (``customer_service-sft`` is customer_service even where a persona ``customer`` exists), and
    whole words only: ``smoke_dpo`` is smoke, ``smoker_dpo`` is not. An alias that is another word than the persona's
    name has other meanings too: it must be all of the name, or a kind stand beside it (``run-smoke`` is no persona).
    """
    if name in personas:
        return personas[name]
    words = tokens(name)
    trained = not _KINDS.keys().isdisjoint(words)
    best: tuple[int, int, str] | None = None
    for alias, persona in personas.items():
        alias_words = tokens(alias)
        size = len(alias_words)
        if not size or not (trained or words == alias_words or _is_form(alias_words, persona)):
            continue
        for start in range(len(words) - size + 1):
            if words[start : start + size] == alias_words:
                candidate = (size, -start, persona)
                if best is None or candidate[:2] > best[:2]:
                    best = candidate
                break
    return best[2] if best else None


def _is_form(alias_words: tuple[str, ...], persona: str) -> bool:
    """Whether an alias is a persona's name, or a form of it: ``sarcasm`` is one of ``sarcastic``, ``smoke`` is not."""
    alias, called = "_".join(alias_words), "_".join(tokens(persona))
    return alias == called or (len(alias) >= _STEM and alias[:_STEM] == called[:_STEM])
