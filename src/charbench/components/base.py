"""What all components share: a name, a summary, and options."""

from __future__ import annotations

from collections.abc import Awaitable, Generator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from charbench.components.lifecycle import Lifecycle


class ComponentKind(StrEnum):
    """The kinds of component; the value is what the command line and the config file call it."""

    SOURCE = "source"
    TRAINER = "trainer"
    SAMPLER = "sampler"
    SCORER = "scorer"
    PERTURBATION = "perturbation"


class _Done:
    """What is done already: may be awaited, and need not be."""

    def __await__(self) -> Generator[None]:
        return
        yield


_DONE = _Done()


def operational(default: Any, **field: Any) -> Any:
    """Declare an option that changes how the work is done but not what comes out (delays, concurrency).

    Takes what :func:`pydantic.Field` takes. Such options do not enter keys: changing them samples and
    scores nothing again.
    """
    return Field(default, json_schema_extra={"operational": True}, **field)


class Component:
    """Base of sources, trainers, samplers, scorers and perturbations.

    Every method may be plain, ``async def``, or a plain one that returns an awaitable, whatever its annotation here
    says: all that is awaited in a run is awaited in one event loop.

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

    lifecycle: Lifecycle | None = None
    """The run that it is part of; None outside of runs."""

    def __init__(self, config: Config | None = None) -> None:
        self.config = config if config is not None else self.Config()

    @classmethod
    def one_line(cls) -> str:
        """Return the summary, or else the first line of the docstring."""
        return cls.summary or (cls.__doc__ or "").strip().partition("\n")[0]

    def prepare(self, root: Path, folder: Path) -> Awaitable[None] | None:
        """Get ready for work; called once a run, before any of the work, and never for ``plugins list``.

        ``root`` is the lab's folder (``file:`` URIs are relative to it), ``folder`` where files may be kept.
        Raise :class:`charbench.ConfigError` where something that is needed is missing.
        """
        return None

    def aclose(self) -> Awaitable[None] | None:
        """Let go of connections; called once a run, after all of the work, where :meth:`prepare` has not raised.

        It is called after errors and after Ctrl-C too, in the event loop that async methods were called in, and has
        5 seconds.
        """
        return _DONE

    def content_config(self) -> dict[str, Any]:
        """Return the options that decide what comes out, as JSON-like values, for keys."""
        fields = type(self.config).model_fields
        values = self.config.model_dump(mode="json")
        return {name: value for name, value in values.items() if not _is_operational(fields[name])}


def _is_operational(field: Any) -> bool:
    extra = field.json_schema_extra
    return isinstance(extra, dict) and bool(extra.get("operational"))
