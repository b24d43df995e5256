"""What pydantic finds wrong with a persona file, as its author needs to read it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError

from charbench.config.yaml_positions import Location, YamlFile
from charbench.errors import suggest
from charbench.personas.schema import (
    TEXT_BRANCH,
    ExampleModel,
    MarkerModel,
    MarkersModel,
    MessageModel,
    PersonaModel,
    PromptModel,
)


def faults_of(document: YamlFile, error: ValidationError) -> list[str]:
    """One line for each fault; a union's two complaints about one value are one fault."""
    faults: dict[Location, str] = {}
    for item in error.errors(include_url=False):
        if _is_other_branch(item):
            continue
        location = _plain(item["loc"])
        faults.setdefault(location, f"{document.where(location)}: {_explain(location, item)}")
    return list(faults.values())


def _is_other_branch(item: Any) -> bool:
    """Whether this is the complaint of the branch of ``text or mapping`` that was not meant."""
    if TEXT_BRANCH in item["loc"]:
        return isinstance(item["input"], dict)
    return _is_branch(item["loc"][-1]) and item["type"] in ("model_type", "model_attributes_type")


def _plain(location: tuple[int | str, ...]) -> Location:
    """Leave out what pydantic adds for the branches of a union."""
    return tuple(part for part in location if not _is_branch(part))


def _is_branch(part: int | str) -> bool:
    return isinstance(part, str) and (part == TEXT_BRANCH or MarkerModel.__name__ in part)


def _explain(location: Location, item: Any) -> str:
    name = ".".join(str(part) for part in location)
    kind, found = item["type"], item.get("input")
    if kind == "missing":
        return f"{name!r} is missing"
    if kind == "extra_forbidden":
        return f"no such field {location[-1]!r}{suggest(str(location[-1]), _fields_at(location))}"
    if kind == "string_pattern_mismatch" and location[-1] == "language":
        return f"{name}: found {found!r}; a language tag is needed, such as en or pt-BR"
    if kind == "string_pattern_mismatch":
        return f"{name}: found {found!r}; a lower-case slug is needed (letters, digits, - and _)"
    if kind == "value_error":
        return f"{name}: {item['ctx']['error']}"
    if kind in ("string_type", "model_type", "list_type", "dict_type", "model_attributes_type"):
        needed = {"string_type": "text", "list_type": "a list (lines that start with '- ')"}.get(kind, "a mapping")
        hint = "; put it into quotes" if kind == "string_type" and isinstance(found, int | float | bool) else ""
        return f"{name}: found {_brief(found)}; {needed} is needed{hint}"
    return f"{name}: found {_brief(found)}; {str(item['msg'])[:1].lower()}{str(item['msg'])[1:]}"


def _brief(value: Any) -> str:
    if value is None:
        return "nothing"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _fields_at(location: Location) -> list[str]:
    models: dict[str, type[BaseModel]] = {"prompts": PromptModel, "examples": ExampleModel}
    if "messages" in location:
        return sorted(MessageModel.model_fields)
    if len(location) == 1:
        return sorted(PersonaModel.model_fields)
    if location[0] == "markers" and len(location) == 2:
        return sorted(MarkersModel.model_fields)
    return sorted(models.get(str(location[0]), MarkerModel).model_fields)
