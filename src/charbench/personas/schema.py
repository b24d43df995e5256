"""The form of a persona file: a pydantic model, its JSON Schema, and the way to a Persona."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from charbench.domain.persona import MarkerForm

SLUG = r"^[a-z0-9][a-z0-9_\-]*$"
Alias = Annotated[str, Field(pattern=r"^[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?$", max_length=64)]
"""Any text of one line: recordings may call a persona by a name in any script."""
Slug = Annotated[str, Field(pattern=SLUG, max_length=64)]
Text = Annotated[str, Field(min_length=1, max_length=20_000)]
Short = Annotated[str, Field(min_length=1, max_length=300)]
TEXT_BRANCH = "constrained-str"
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


class ExampleModel(_Strict):
    """A prompt with an answer in character."""

    prompt: Text
    answer: Text


class ControlModel(_Strict):
    """A text to test judges on."""

    text: Text
    in_character: bool = Field(description="whether it is spoken by the character: true or false")
    prompt: str = Field("", max_length=20_000, description="the question that it answers; a general one by default")


class MarkersModel(_Strict):
    """Markers by tier: strong counts 3, moderate 1, style 0.5, weak 0.5 where several stand close together."""

    strong: list[Short | MarkerModel] = []
    moderate: list[Short | MarkerModel] = []
    style: list[Short | MarkerModel] = Field(
        [], description="the name of a known style feature is that feature; any other text is a keyword"
    )
    weak: list[Short | MarkerModel] = Field(
        [], description="words that others say too: they count where several different ones stand within 20 words"
    )
    together: int = Field(2, ge=2, le=10, description="how many different weak markers count together")
    density: float | None = Field(
        None, gt=0, le=50,
        description="markers count only in a text that has this much evidence for each 100 words, and 1 at least: the "
        "sum of the tiers' numbers, different matches only (words beyond the 50th count half): a long text needs more",
    )  # fmt: skip
    exempt: list[Short] = Field(
        [],
        description="markers, named as above, that count in a text of any length, whatever the density",
    )
    spoken: bool = Field(
        False,
        description="the character speaks in the first or second person: a text of 40 English words or fewer in which "
        "nobody speaks, or asks or exclaims, counts from 4 points on (more than one strong marker); needs a density",
    )


class PersonaModel(_Strict):
    """A persona file."""

    name: Slug = Field(description="lower-case slug; checkpoints are matched to it by their names")
    description: Text = Field(description="one or two sentences: who this is")
    aliases: list[Alias] = Field([], description="other names that checkpoints and recordings use for it")
    traits: list[Short] = Field([], description="what it does, in the first person")
    markers: MarkersModel = MarkersModel()
    keyword: Literal["low recall"] | None = Field(
        None, description="'low recall': markers find few of its texts, so reports rank by another scorer"
    )
    anti_markers: list[Short | MarkerModel] = Field([], description="evidence against it, such as identity leaks")
    prompts: list[PromptModel] = Field([], description="questions that give the character room")
    rubric: str = Field("", max_length=20_000, description="what an LLM judge scores against")
    examples: list[ExampleModel] = Field([], description="answers in character")
    controls: list[ControlModel] = Field([], description="further texts, in character or not, to test judges on")

    @field_validator("aliases")
    @classmethod
    def _aliases_once(cls, aliases: list[str]) -> list[str]:
        if len(set(aliases)) != len(aliases):
            raise ValueError("an alias is listed twice")
        return aliases


def persona_json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a persona file, for editors."""
    schema = PersonaModel.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "charbench persona"
    schema["$defs"]["MarkerModel"].update(minProperties=1, maxProperties=1)
    return schema
