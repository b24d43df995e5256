"""Which family a model is of: judges favour answers of their own kin."""

from __future__ import annotations

import re

_LETTERS = re.compile(r"[a-z]+")
_KIN = {
    "chatgpt": "gpt", "o": "gpt", "codex": "gpt", "mixtral": "mistral", "ministral": "mistral", "magistral": "mistral",
    "codestral": "mistral", "qwq": "qwen", "qvq": "qwen", "gemma": "gemini", "moonlight": "kimi", "chatglm": "glm",
    "opus": "claude", "sonnet": "claude", "haiku": "claude",
}  # fmt: skip
_VENDORS = {"meta", "nvidia", "unsloth", "ibm"}


def family(model: str) -> str:
    """Return the family by the name's first word (``Qwen/Qwen3-30B-A3B`` is qwen), empty where it has none."""
    name = model.rstrip("/").rpartition("/")[2].lower()
    word = next((word for word in _LETTERS.findall(name) if word not in _VENDORS), "")
    return _KIN.get(word, word)
