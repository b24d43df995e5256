"""Drafts a persona from a constitution: what a character was trained to be, in whatever form a lab has it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from charbench.config.yaml_positions import read_yaml
from charbench.errors import ConfigError, UsageError
from charbench.text.bounded_files import LIMITS, ReadLimits
from charbench.text.redaction import storable
from charbench.text.rows import ROW_SUFFIXES, read_rows

LONGEST_TRAIT = 300
MOST_PROMPTS = 60
_TRAITS = ("trait", "principle", "statement", "text", "value")
_LISTS = ("traits", "constitution", "principles", "statements", "values")
_BULLET = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s+")


@dataclass(frozen=True, slots=True)
class Draft:
    """What a constitution says: traits, questions that bring them out, and a description (empty: none)."""

    traits: tuple[str, ...]
    questions: tuple[str, ...] = ()
    description: str = ""

    def to_yaml(self) -> str:
        """Return the fields ``description``, ``traits`` and ``prompts`` of a persona file."""
        import yaml

        prompts = [{"id": f"question-{n}", "text": text} for n, text in enumerate(self.questions[:MOST_PROMPTS], 1)]
        fields = {
            "description": self.description or "TODO: one or two sentences: who is this?",
            "traits": list(self.traits),
            "prompts": prompts,
        }
        return yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, width=110)


def read_constitution(path: Path, limits: ReadLimits = LIMITS) -> Draft:
    """Read traits and questions of a file; raises :class:`UsageError` where it holds no trait.

    JSONL and JSON: rows of ``trait`` and ``questions`` (Open Character Training), or texts. YAML: a list, or a mapping
    with ``traits`` (or constitution, principles), of texts or of ``trait`` and ``questions``. Any other file: a line
    is a trait; bullets and numbers at its beginning are left out, and headings (``#``) are passed over.
    """
    description = ""
    try:
        if path.suffix.lower() in ROW_SUFFIXES:
            pairs = [pair for row in read_rows(path, limits) if not row.fault for pair in _pairs(row.value)]
        elif path.suffix.lower() in (".yaml", ".yml"):
            data = read_yaml(path).data
            pairs = list(_pairs(data))
            if isinstance(data, dict) and isinstance(data.get("description"), str):
                description = data["description"]
        else:
            with path.open("rb") as file:
                content = file.read(limits.file_bytes).decode("utf-8-sig", "replace")
            lines = [
                _BULLET.sub("", line).strip() for line in content.splitlines() if not line.lstrip().startswith("#")
            ]
            pairs = [(line, []) for line in lines if line]
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from None
    except ConfigError as error:
        raise UsageError(str(error)) from None
    traits = tuple(dict.fromkeys(_short(trait) for trait, _ in pairs if trait.strip()))
    if not traits:
        raise UsageError(f"{path}: no traits: rows with 'trait' and 'questions', a YAML list 'traits', or a line each")
    questions = tuple(dict.fromkeys(storable(one).strip() for _, asked in pairs for one in asked if one.strip()))
    return Draft(traits, questions, storable(description))


def _pairs(value: Any) -> Iterator[tuple[str, list[str]]]:
    """Yield the traits of a value, each with its questions."""
    if isinstance(value, str):
        yield value, []
    elif isinstance(value, list):
        for one in value:
            yield from _pairs(one)
    elif isinstance(value, dict):
        trait = next((value[name] for name in _TRAITS if isinstance(value.get(name), str)), None)
        if trait is not None:
            asked = value.get("questions") or value.get("prompts") or []
            yield trait, [one for one in asked if isinstance(one, str)] if isinstance(asked, list) else []
        for name in _LISTS:
            if isinstance(value.get(name), list | dict):
                yield from _pairs(value[name])


def _short(trait: str) -> str:
    """Return a trait as one line that fits into a persona file."""
    line = " ".join(storable(trait).split())
    return line if len(line) <= LONGEST_TRAIT else f"{line[: LONGEST_TRAIT - 3].rsplit(' ', 1)[0]}..."
