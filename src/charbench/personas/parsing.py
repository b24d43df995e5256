"""From a persona file's data to a Persona, or to every fault that it holds."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from charbench.config.yaml_positions import Location, YamlFile
from charbench.domain.persona import ControlText, GoldAnswer, Marker, MarkerForm, Persona, Tier
from charbench.domain.prompt import Message, Prompt
from charbench.errors import PersonaError, suggest
from charbench.personas.errors import faults_of
from charbench.personas.schema import MarkerModel, MarkersModel, PersonaModel, PromptModel, Short
from charbench.personas.style_features import COMPUTED_FEATURES, JUDGED_FEATURES


def parse_persona(document: YamlFile) -> Persona:
    """Turn a file's data into a Persona; raises :class:`PersonaError` with every fault it holds."""
    if not isinstance(document.data, dict):
        found = "nothing" if document.data is None else f"a {type(document.data).__name__}"
        raise PersonaError(f"{document.path}:1:1: found {found}; a persona is a mapping with name and description")
    faults: list[str] = []
    try:
        model = PersonaModel.model_validate(document.data)
    except ValidationError as error:
        faults = faults_of(document, error)
        model = _well_formed(document.data)  # so that one look tells of every fault
    markers = tuple(_markers(document, model, faults))
    anti = tuple(
        _marker(document, ("anti_markers", index), entry, Tier.STRONG, faults)
        for index, entry in enumerate(model.anti_markers)
        if entry is not None
    )
    _repeats(document, markers, faults)
    _exempt(document, model, [marker for _, marker in markers], faults)
    prompts = tuple(_prompts(document, model, faults))
    if faults:
        raise PersonaError(sorted(faults, key=lambda fault: _position(document, fault)))
    return Persona(
        name=model.name,
        description=model.description,
        aliases=tuple(model.aliases),
        traits=tuple(model.traits),
        markers=tuple(marker for _, marker in markers),
        anti_markers=tuple(anti),
        prompts=prompts,
        rubric=model.rubric,
        examples=tuple(GoldAnswer(example.prompt, example.answer) for example in model.examples),
        controls=tuple(ControlText(one.text, one.in_character, one.prompt) for one in model.controls),
        together=model.markers.together,
        density=model.markers.density,
        exempt=tuple(model.markers.exempt),
        spoken=model.markers.spoken,
        origin=document.path,
        low_recall=("keyword",) if model.keyword else (),
    )


def _position(document: YamlFile, fault: str) -> tuple[int, ...]:
    """Return the line and column that a fault begins with."""
    return tuple(int(part) for part in fault.removeprefix(f"{document.path}:").split(": ", 1)[0].split(":"))


def _well_formed(data: dict[Any, Any]) -> PersonaModel:
    """Return a model of those entries of a faulty file's lists that are sound, with None in the others' places."""
    markers = data.get("markers")
    tiers = markers if isinstance(markers, dict) else {}
    marker: TypeAdapter[Any] = TypeAdapter(Short | MarkerModel)
    strong, moderate, style, weak = (_sound(tiers.get(tier.value), marker) for tier in Tier)
    return PersonaModel.model_construct(
        name="",
        description="",
        markers=MarkersModel.model_construct(strong=strong, moderate=moderate, style=style, weak=weak),
        anti_markers=_sound(data.get("anti_markers"), marker),
        prompts=_sound(data.get("prompts"), TypeAdapter(PromptModel)),
    )


def _sound(entries: Any, form: TypeAdapter[Any]) -> list[Any]:
    def read(entry: Any) -> Any:
        try:
            return form.validate_python(entry)
        except ValidationError:
            return None

    return [read(entry) for entry in entries] if isinstance(entries, list) else []


def _markers(document: YamlFile, model: PersonaModel, faults: list[str]) -> list[tuple[Location, Marker]]:
    found: list[tuple[Location, Marker]] = []
    for tier in Tier:
        for index, entry in enumerate(getattr(model.markers, tier.value)):
            location: Location = ("markers", tier.value, index)
            if entry is not None:
                found.append((location, _marker(document, location, entry, tier, faults)))
    return found


def _marker(document: YamlFile, location: Location, entry: str | MarkerModel, tier: Tier, faults: list[str]) -> Marker:
    if isinstance(entry, str):
        text, form = entry, MarkerForm.KEYWORD
        if tier is Tier.STYLE and text.lower() in COMPUTED_FEATURES:
            text, form = text.lower(), MarkerForm.FEATURE
        elif tier is Tier.STYLE and text.lower() in JUDGED_FEATURES:
            form = MarkerForm.JUDGE
    else:
        form, text = entry.form()
    fault = _marker_fault(form, text)
    if fault:
        faults.append(f"{document.where(location)}: {fault}")
    return Marker(text, tier, form)


def _marker_fault(form: MarkerForm, text: str) -> str | None:
    if form is MarkerForm.FEATURE and text.lower() not in COMPUTED_FEATURES:
        return f"no computed feature {text!r}{suggest(text, sorted(COMPUTED_FEATURES))}; describe it under 'judge:'"
    if form is MarkerForm.KEYWORD and not re.search(r"\w", text):
        return f"keyword {text!r} holds no letter or digit, so it has no word boundary; use 'emoji:' or 'regex:'"
    if form is MarkerForm.KEYWORD and "*" in text[:-1]:
        return f"keyword {text!r}: a * may only stand at the end; use 'regex:' for more"
    if form is MarkerForm.EMOJI and re.search(r"[^\W\d_]", unicodedata.normalize("NFKC", text)):
        return f"emoji {text!r} holds letters, or is read as one; use a plain string or 'keyword:'"
    if form is MarkerForm.REGEX:
        return _regex_fault(text)
    return None


@lru_cache(maxsize=4096)
def _regex_fault(pattern: str) -> str | None:
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(pattern, options=options)
    except re2.error as error:
        reason = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
        return f"regex {pattern!r} is not RE2 ({reason}); look-around and back-references are not supported"
    if compiled.search("") is not None:
        return f"regex {pattern!r} matches empty text, so it would be found everywhere"
    return None


def _repeats(document: YamlFile, markers: tuple[tuple[Location, Marker], ...], faults: list[str]) -> None:
    seen: dict[tuple[MarkerForm, str], Location] = {}
    for location, marker in markers:
        key = marker.form, marker.text.casefold()
        if key in seen:
            line = document.positions.get(seen[key], (1, 1))[0]
            faults.append(f"{document.where(location)}: marker {marker.text!r} is already defined in line {line}")
        seen.setdefault(key, location)


def _exempt(document: YamlFile, model: PersonaModel, markers: list[Marker], faults: list[str]) -> None:
    """Check that ``exempt`` names markers of the file, and that it and ``spoken`` are under a density."""
    exempt, density = getattr(model.markers, "exempt", []), getattr(model.markers, "density", None)
    faults += [
        f"{document.where(('markers', name))}: without a 'density' markers count in any text"
        for name in ("exempt", "spoken")
        if getattr(model.markers, name, None) and density is None
    ]
    known = {marker.text for marker in markers if marker.form.literal}
    plain = sorted(marker.text for marker in markers if marker.form is MarkerForm.KEYWORD)
    for index, name in enumerate(exempt):
        if name not in known:
            where = document.where(("markers", "exempt", index))
            faults.append(f"{where}: no marker {name!r} in this file{suggest(name, plain)}")


def _prompts(document: YamlFile, model: PersonaModel, faults: list[str]) -> list[Prompt]:
    prompts: list[Prompt] = []
    lines: dict[str, str] = {}
    for index, entry in enumerate(model.prompts):
        if entry is None:
            continue
        where = document.where(("prompts", index))
        if entry.id in lines:
            faults.append(f"{where}: prompt id {entry.id!r} is used already")
        lines[entry.id] = where
        if (entry.text is None) == (entry.messages is None):
            faults.append(f"{where}: prompt {entry.id!r} needs either 'text' or 'messages'")
            continue
        messages = messages_of(entry)
        if not any(message.role == "user" for message in messages):
            faults.append(f"{where}: prompt {entry.id!r} has no message of the user's")
        prompts.append(Prompt(entry.id, messages, entry.family, entry.language, tuple(entry.follow_ups)))
    return prompts


def messages_of(model: PromptModel) -> tuple[Message, ...]:
    """Return what a prompt's ``text`` or ``messages`` say; nothing where it has neither."""
    if model.text is not None:
        return (Message("user", model.text),)
    return tuple(Message(message.role, message.content) for message in model.messages or ())
