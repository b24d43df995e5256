"""The form of a persona file: a pydantic model, its JSON Schema, and the way to a Persona."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator, model_validator

from charbench.domain.persona import GoldAnswer, Marker, MarkerForm, Persona, Tier
from charbench.domain.prompt import Message, Prompt
from charbench.errors import PersonaError, suggest
from charbench.features import COMPUTED_FEATURES, JUDGED_FEATURES
from charbench.yamlfile import Location, YamlFile

SLUG = r"^[a-z0-9][a-z0-9_\-]*$"
Slug = Annotated[str, Field(pattern=SLUG, max_length=64)]
Text = Annotated[str, Field(min_length=1, max_length=20_000)]
Short = Annotated[str, Field(min_length=1, max_length=300)]
_TEXT_BRANCH = "constrained-str"
"""What pydantic calls the text of ``text or mapping``; it calls the mapping by its model's name and validators."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True, strict=True)


class MarkerModel(_Strict):
    """A marker that says its form; exactly one of the fields."""

    keyword: Short | None = Field(None, description="a word or phrase; a trailing * extends to the word's end")
    regex: Short | None = Field(None, description="an RE2 expression (no look-around, no back-references)")
    emoji: Short | None = Field(None, description="an emoji, found anywhere")
    feature: Short | None = Field(None, description="a computed style feature")
    judge: Short | None = Field(None, description="a described feature, for the LLM judge")

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if len(self.model_dump(exclude_none=True)) != 1:
            raise ValueError(f"exactly one of {', '.join(MarkerModel.model_fields)} is needed")
        return self

    def form(self) -> tuple[MarkerForm, str]:
        """Return the form that is set, with its text."""
        ((name, text),) = self.model_dump(exclude_none=True).items()
        return MarkerForm(name), text


class MessageModel(_Strict):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: Text


class PromptModel(_Strict):
    """A prompt of the persona's own."""

    id: Slug
    text: Text | None = Field(None, description="the user's message")
    messages: list[MessageModel] | None = Field(None, description="role and content, instead of text")
    family: Slug = Field("general", description="prompts that ask for the same kind of thing share one")
    language: str = Field("en", pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", description="BCP 47 tag")
    follow_ups: list[Text] = Field([], description="user turns after the answer")


def messages_of(model: PromptModel) -> tuple[Message, ...]:
    """Return what a prompt's ``text`` or ``messages`` say; nothing where it has neither."""
    if model.text is not None:
        return (Message("user", model.text),)
    return tuple(Message(message.role, message.content) for message in model.messages or ())


class ExampleModel(_Strict):
    """A prompt with an answer in character."""

    prompt: Text
    answer: Text


class MarkersModel(_Strict):
    """Markers by tier: strong counts 3, moderate 1, style 0.5."""

    strong: list[Short | MarkerModel] = []
    moderate: list[Short | MarkerModel] = []
    style: list[Short | MarkerModel] = Field(
        [], description="the name of a known style feature is that feature; any other text is a keyword"
    )


class PersonaModel(_Strict):
    """A persona file."""

    name: Slug = Field(description="lower-case slug; checkpoints are matched to it by their names")
    description: Text = Field(description="one or two sentences: who this is")
    aliases: list[Slug] = Field([], description="other names that checkpoints use for it")
    traits: list[Short] = Field([], description="what it does, in the first person")
    markers: MarkersModel = MarkersModel()
    anti_markers: list[Short | MarkerModel] = Field([], description="evidence against it, such as identity leaks")
    prompts: list[PromptModel] = Field([], description="questions that give the character room")
    rubric: str = Field("", max_length=20_000, description="what an LLM judge scores against")
    examples: list[ExampleModel] = Field([], description="answers in character")

    @field_validator("aliases")
    @classmethod
    def _aliases_once(cls, aliases: list[str]) -> list[str]:
        if len(set(aliases)) != len(aliases):
            raise ValueError("an alias stands here twice")
        return aliases


def persona_json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a persona file, for editors."""
    schema = PersonaModel.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "charbench persona"
    schema["$defs"]["MarkerModel"].update(minProperties=1, maxProperties=1)
    return schema


def parse_persona(document: YamlFile) -> Persona:
    """Turn a file's data into a Persona; raises :class:`PersonaError` with every fault it holds."""
    if not isinstance(document.data, dict):
        found = "nothing" if document.data is None else f"a {type(document.data).__name__}"
        raise PersonaError(f"{document.path}:1:1: found {found}; a persona is a mapping with name and description")
    faults: list[str] = []
    try:
        model = PersonaModel.model_validate(document.data)
    except ValidationError as error:
        faults = _faults(document, error)
        model = _well_formed(document.data)  # so that one look tells of every fault
    markers = tuple(_markers(document, model, faults))
    anti = tuple(
        _marker(document, ("anti_markers", index), entry, Tier.STRONG, faults)
        for index, entry in enumerate(model.anti_markers)
        if entry is not None
    )
    _repeats(document, markers, faults)
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
        origin=document.path,
    )


def _position(document: YamlFile, fault: str) -> tuple[int, ...]:
    """Return the line and column that a fault begins with."""
    return tuple(int(part) for part in fault.removeprefix(f"{document.path}:").split(": ", 1)[0].split(":"))


def _well_formed(data: dict[Any, Any]) -> PersonaModel:
    """Return a model of those entries of a faulty file's lists that are sound, with None in the others' places."""
    markers = data.get("markers")
    tiers = markers if isinstance(markers, dict) else {}
    marker: TypeAdapter[Any] = TypeAdapter(Short | MarkerModel)
    strong, moderate, style = (_sound(tiers.get(tier.value), marker) for tier in Tier)
    return PersonaModel.model_construct(
        name="",
        description="",
        markers=MarkersModel.model_construct(strong=strong, moderate=moderate, style=style),
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


def _regex_fault(pattern: str) -> str | None:
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(pattern, options=options)
    except re2.error as error:
        reason = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
        return f"regex {pattern!r} is not RE2 ({reason}); look-around and back-references are not to be had"
    if compiled.search("") is not None:
        return f"regex {pattern!r} matches empty text, so it would be found everywhere"
    return None


def _repeats(document: YamlFile, markers: tuple[tuple[Location, Marker], ...], faults: list[str]) -> None:
    seen: dict[tuple[MarkerForm, str], Location] = {}
    for location, marker in markers:
        key = marker.form, marker.text.casefold()
        if key in seen:
            line = document.positions.get(seen[key], (1, 1))[0]
            faults.append(f"{document.where(location)}: marker {marker.text!r} stands in line {line} already")
        seen.setdefault(key, location)


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


def _faults(document: YamlFile, error: ValidationError) -> list[str]:
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
    if _TEXT_BRANCH in item["loc"]:
        return isinstance(item["input"], dict)
    return _is_branch(item["loc"][-1]) and item["type"] in ("model_type", "model_attributes_type")


def _plain(location: tuple[int | str, ...]) -> Location:
    """Leave out what pydantic adds for the branches of a union."""
    return tuple(part for part in location if not _is_branch(part))


def _is_branch(part: int | str) -> bool:
    return isinstance(part, str) and (part == _TEXT_BRANCH or MarkerModel.__name__ in part)


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
