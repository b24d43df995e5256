"""What judges are told: the files beside the code, with other people's text fenced in and escaped."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from string import Template

from charbench import MarkerForm, Persona, digest

Message = dict[str, str]

_FOLDERS = ("prompts", "rubrics")
_SPECIAL = re.compile(r"<|\[(?=/?[A-Z]{3,})")
"""Where a chat template's own marks may begin (``<|im_end|>``, ``</s>``, ``[INST]``): never sent as such."""
_SHOWN = {"\u200d", "\ufe0f"}
"""Invisible, but parts of emoji."""


@cache
def read(folder: str, name: str, package: str = __package__) -> str:
    """Return the text of one of the files beside the code of a package."""
    text = files(package).joinpath(folder, f"{name}.md").read_text(encoding="utf-8")
    return text.strip()


@cache
def fingerprint(package: str = __package__, folders: tuple[str, ...] = _FOLDERS) -> str:
    """Return a hash of all prompts and rubrics: changing a word of them changes it."""
    names = [(folder, item.name.removesuffix(".md")) for folder in folders
             for item in files(package).joinpath(folder).iterdir() if item.name.endswith(".md")]  # fmt: skip
    return digest([[folder, name, read(folder, name, package)] for folder, name in sorted(names)])


def fill(name: str, package: str = __package__, **values: object) -> str:
    """Return a prompt file with its placeholders filled in; what is put in is not looked at again."""
    return Template(read("prompts", name, package)).substitute({key: str(value) for key, value in values.items()})


class Fence:
    """The line that stands before and after data; no text can hold the fence that is made from it."""

    def __init__(self, *texts: str) -> None:
        content = "\0".join(texts).encode("utf-8", "surrogatepass")
        self.line = f"=====DATA-{hashlib.blake2b(content, digest_size=10, person=b'charbench-fence').hexdigest()}====="

    def __call__(self, text: str) -> str:
        """Return ``text`` as data: one JSON string between two fences."""
        return f"{self.line}\n{escaped(text)}\n{self.line}"


def escaped(text: str) -> str:
    """Return ``text`` as a JSON string on one line in which nothing is invisible and no template's mark is whole."""
    quoted = without_marks(json.dumps(text, ensure_ascii=False))
    return "".join(char if char.isprintable() or char in _SHOWN else _as_escape(char) for char in quoted)


def without_marks(text: str) -> str:
    """Return ``text`` with the beginning of what may be a template's mark escaped, as JSON does it."""
    return _SPECIAL.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def _as_escape(char: str) -> str:
    if unicodedata.category(char) == "Cs":
        return "\\ufffd"
    return json.dumps(char)[1:-1]


def cut(text: str, most: int) -> str:
    """Return at most ``most`` characters: the beginning and the end, with a mark for what is left out."""
    if len(text) <= most:
        return text
    return f"{text[: most * 2 // 3]}\n[... {len(text) - most} characters left out ...]\n{text[-(most // 3) :]}"


def traits(persona: Persona) -> list[str]:
    """Return what quotes are found for: the persona's traits, and its described markers."""
    return [*persona.traits, *(marker.text for marker in persona.markers if marker.form is MarkerForm.JUDGE)]


def character(persona: Persona) -> str:
    """Return the persona's description, and its traits with their numbers."""
    lines = [f"{number}. {trait}" for number, trait in enumerate(traits(persona), 1)]
    return "\n".join([persona.description or persona.name, *lines])


def told(persona: Persona) -> str:
    """Return a hash of what judges are told of the persona."""
    return digest(persona.name, persona.description, traits(persona), persona.rubric)


def evidence(fence: Fence, found: Sequence[Mapping[str, object]]) -> str:
    """Return the checked quotes as data."""
    return fence("\n".join(f"{'for' if q['supports'] else 'against'}: {q['quote']}" for q in found) or "(none)")


def conversation(fence: Fence, prompt: str, package: str = __package__) -> list[Message]:
    """Return the messages of one request, the package's system prompt first."""
    return [
        {"role": "system", "content": fill("system", package, fence=fence.line)},
        {"role": "user", "content": prompt},
    ]
