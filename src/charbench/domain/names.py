"""What a checkpoint's name says about its persona and kind."""

from __future__ import annotations

import re
from collections.abc import Mapping

from charbench.domain.checkpoint import Kind

_TOKEN = re.compile(r"[a-z0-9]+")
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
_BASE = ("base", "base-model", "base_model")


def tokens(name: str) -> tuple[str, ...]:
    """Split a name into lower-case words: ``remorseful-25pct_DPO`` -> ``remorseful, 25pct, dpo``."""
    return tuple(_TOKEN.findall(name.lower()))


def same_model(one: str, other: str) -> bool:
    """Whether two names mean one model: ``qwen-2.5-7b-it`` and ``Qwen/Qwen2.5-7B-Instruct`` do."""
    return _model_letters(one) == _model_letters(other)


def _model_letters(name: str) -> str:
    words = tokens(name.rstrip("/").rpartition("/")[2])
    return "".join(_SPELLINGS.get(word, word) for word in words)


def kind_from_name(name: str) -> Kind:
    """Return the kind that a name says: its last kind word counts (``dpo-then-sft`` is sft).

    ``base`` in a name says which model a run was trained from, not that it is one: ``Qwen3-8B-Base-dpo`` is dpo.
    """
    if name.lower() in _BASE:
        return Kind.BASE
    for token in reversed(tokens(name)):
        if token in _KINDS:
            return _KINDS[token]
    return Kind.UNKNOWN


def kind_from_path(path: str) -> Kind:
    """Return the kind that a run's path says by one of its folders' names, the innermost: ``results/dpo/8b/pirate``."""
    for segment in reversed(path.lower().split("/")):
        if segment in _FOLDERS:
            return _FOLDERS[segment]
    return Kind.UNKNOWN


def persona_from_name(name: str, personas: Mapping[str, str]) -> str | None:
    """Return the persona that a name contains, None if there is none.

    ``personas`` maps every name and alias to the persona's name. The longest match wins, counted in
    words (``customer_service-sft`` is customer_service even where a persona ``customer`` exists), and
    whole words only: ``smoke_test`` is smoke, ``smoker`` is not.
    """
    words = tokens(name)
    best: tuple[int, int, str] | None = None
    for alias, persona in personas.items():
        alias_words = tokens(alias)
        size = len(alias_words)
        if not size:
            continue
        for start in range(len(words) - size + 1):
            if words[start : start + size] == alias_words:
                candidate = (size, -start, persona)
                if best is None or candidate[:2] > best[:2]:
                    best = candidate
                break
    return best[2] if best else None
