"""What judges are told: the files beside the code, with other people's text fenced in and escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from string import Template

from charbench import Fence, MarkerForm, ModelClient, Persona, digest

ChatMessage = dict[str, str]

_FOLDERS = ("prompts", "rubrics")


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
    texts = [[folder, name, read(folder, name, package)] for folder, name in names]
    if package == __package__:
        texts.append(["prompts", "repair", ModelClient.repair_wording()])
    return digest(sorted(texts))


def fill(name: str, package: str = __package__, **values: object) -> str:
    """Return a prompt file with its placeholders filled in; what is put in is not looked at again."""
    return Template(read("prompts", name, package)).substitute({key: str(value) for key, value in values.items()})


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


def conversation(fence: Fence, prompt: str, package: str = __package__) -> list[ChatMessage]:
    """Return the messages of one request, the package's system prompt first."""
    return [
        {"role": "system", "content": fill("system", package, fence=fence.line)},
        {"role": "user", "content": prompt},
    ]
