"""What all components share: a name, a summary, and options."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from charbench.components.endpoint import Endpoint, endpoint_at
from charbench.components.trust import TRUSTING, Trust


class ComponentKind(StrEnum):
    """The kinds of component; the value is what the command line and the config file call it."""

    SOURCE = "source"
    TRAINER = "trainer"
    SAMPLER = "sampler"
    SCORER = "scorer"
    PERTURBATION = "perturbation"


def operational(default: Any, **field: Any) -> Any:
    """Declare an option that changes how the work is done but not what comes out (delays, concurrency).

    Takes what :func:`pydantic.Field` takes. Such options do not enter keys: changing them samples and
    scores nothing again.
    """
    return Field(default, json_schema_extra={"operational": True}, **field)


def added(default: Any, **field: Any) -> Any:
    """Declare an option that was added to a component after samples or scores of it were stored.

    Takes what :func:`pydantic.Field` takes. At its default it is in no key, so that what is stored stays current.
    """
    return Field(default, json_schema_extra={"added": True}, **field)


class Component:
    """Base of sources, trainers, samplers and scorers.

    A subclass sets ``name`` (a slug, unique in its kind), may set ``summary`` (else: the first line of its
    docstring), and declares its options in an inner class ``Config``::

        class Shouting(Scorer):
            name = "shouting"

            class Config(Scorer.Config):
                least: int = Field(1, ge=1, description="letters that a text must have")

            config: Config
    """

    kind: ClassVar[ComponentKind]
    name: ClassVar[str] = ""
    summary: ClassVar[str] = ""

    class Config(BaseModel):
        """Options: defaults, help and JSON Schema come from the fields."""

        model_config = ConfigDict(extra="forbid", frozen=True)

    config: Config
    trust: Trust = TRUSTING
    """Which hosts may be sent a key: set where the options come from a file."""

    def __init__(self, config: Config | None = None) -> None:
        self.config = config if config is not None else self.Config()

    @classmethod
    def one_line(cls) -> str:
        """Return the summary, or else the first line of the docstring."""
        return cls.summary or (cls.__doc__ or "").strip().partition("\n")[0]

    def prepare(self, root: Path, folder: Path) -> None:
        """Prepare for work; called once before it, never for ``plugins list``.

        ``root`` is the lab's folder (``file:`` URIs are relative to it), ``folder`` where files may be kept.
        Raise :class:`charbench.ConfigError` where something that is needed is missing.
        """

    def endpoint(self, url: str, *, api_key_env: str | None = None, default_env: str | None = None) -> Endpoint:
        """Return where to send requests, and with which credentials; for :meth:`prepare`.

        ``api_key_env`` is the variable that an option names, ``default_env`` the one to look into otherwise. Take keys
        from here and not from the environment: one is given only if the user, and not just a file found in a lab,
        named the host. Raises :class:`charbench.ConfigError` where the address is none, or may not have the key.
        """
        who = f"{self.kind.value} {self.name}"
        return endpoint_at(url, who, api_key_env=api_key_env, default_env=default_env, trust=self.trust)

    async def aclose(self) -> None:
        """Close connections; called once after the work, in the event loop that it was done in."""

    def content_config(self) -> dict[str, Any]:
        """Return the options that decide what comes out, as JSON-like values, for keys."""
        fields = type(self.config).model_fields
        values = self.config.model_dump(mode="json")
        return {name: value for name, value in values.items() if _decides(fields[name], getattr(self.config, name))}


def _decides(field: Any, value: Any) -> bool:
    """Whether an option's value enters keys."""
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    return not extra.get("operational") and not (extra.get("added") and value == field.get_default())
