"""Which families a model is of: judges favour answers of their own kin."""

from __future__ import annotations

import re

_LETTERS = re.compile(r"[a-z]+")
_KIN = {
    "chatgpt": "gpt", "o": "gpt", "codex": "gpt", "mixtral": "mistral", "ministral": "mistral", "magistral": "mistral",
    "codestral": "mistral", "qwq": "qwen", "qvq": "qwen", "gemma": "gemini", "moonlight": "kimi", "chatglm": "glm",
    "opus": "claude", "sonnet": "claude", "haiku": "claude",
}  # fmt: skip
_VENDORS = {"meta", "nvidia", "unsloth", "ibm"}
_KNOWN = {
    "claude", "command", "deepseek", "falcon", "gemini", "glm", "gpt", "granite", "grok", "kimi", "llama", "minimax",
    "mistral", "nemotron", "olmo", "phi", "qwen", "smollm", "yi",
}  # fmt: skip
_ANYWHERE = {word: word for word in _KNOWN} | {word: kin for word, kin in _KIN.items() if len(word) > 1}


def families(model: str) -> frozenset[str]:
    """Return the families that a name speaks of; where it names none that is known, its first word.

    ``Qwen/Qwen3-30B-A3B`` is qwen, ``DeepSeek-R1-Distill-Qwen-7B`` deepseek and qwen, ``my-qwen-judge`` qwen. Empty
    where there is no word.
    """
    words = _LETTERS.findall(model.rstrip("/").rpartition("/")[2].lower())
    words = [word for word in words if word not in _VENDORS]
    if not words:
        return frozenset()
    first = _KIN.get(words[0], words[0])
    named = {_ANYWHERE[word] for word in words if word in _ANYWHERE}
    return frozenset(named | {first} if first in _ANYWHERE.values() else named or {first})
