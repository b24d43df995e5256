"""What all components share: a name, a summary, and options."""

from __future__ import annotations

from collections.abc import Awaitable, Generator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from charbench.components.endpoint import DefaultEndpoint, Endpoint, endpoint_at
from charbench.components.named_endpoints import NO_NAMES, Endpoints
from charbench.components.trust import TRUSTING, Trust

if TYPE_CHECKING:
    from charbench.components.lifecycle import Lifecycle


class ComponentKind(StrEnum):
    """The kinds of component; the value is what the command line and the config file call it."""

    SOURCE = "source"
    TRAINER = "trainer"
    SAMPLER = "sampler"
    SCORER = "scorer"
    PERTURBATION = "perturbation"
    REPORTER = "reporter"


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


def added(default: Any, **field: Any) -> Any:
    """Declare an option that was added to a component after samples or scores of it were stored.

    Takes what :func:`pydantic.Field` takes. At its default it is in no key, so that what is stored stays current.
    """
    return Field(default, json_schema_extra={"added": True}, **field)


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
    key_issuers: ClassVar[Mapping[str, str]] = {}
    """Environment variables of keys, each with the URL of the host that issues its key.

    That host may always be sent the key, and of hosts that only a file names no other may, by whatever component.
    """
    default_endpoints: tuple[DefaultEndpoint, ...] = ()
    """APIs for a :class:`charbench.ModelClient` whose endpoint is not named: the first whose key is set.

    What one class declares serves the components of all plugins; their keys are issued by the APIs' hosts.
    """
    is_default: ClassVar[bool] = False
    """Whether a sampler or scorer is used where none is configured. Leave it False for what costs money."""
    member_example: ClassVar[str] = ""
    """Of a family of components (:meth:`member`): what may stand after its name, for messages."""

    class Config(BaseModel):
        """Options: defaults, help and JSON Schema come from the fields."""

        model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    config: Config
    trust: Trust = TRUSTING
    """Which hosts may be sent a key: set where the options come from a file."""

    endpoints: Endpoints = NO_NAMES
    """The endpoints that the configuration names; :class:`charbench.ModelClient` goes by them."""

    lifecycle: Lifecycle | None = None
    """The run that it is part of; None outside of runs."""

    is_metered: bool = False
    """Whether it asks models through a :class:`charbench.ModelClient` whose requests the run counts."""

    def __init__(self, config: Config | None = None) -> None:
        self.config = config if config is not None else self.Config()

    @classmethod
    def one_line(cls) -> str:
        """Return the summary, or else the first line of the docstring."""
        return cls.summary or (cls.__doc__ or "").strip().partition("\n")[0]

    @classmethod
    def member(cls, rest: str) -> type[Component] | None:  # noqa: ARG003  a family's own reads it
        """Return the component that ``NAME:REST`` is, where this class is a family of them.

        A class that overrides this owns all names that begin with its own and a colon, and is used by these alone;
        ``rest`` is letters, digits, ``_``, ``-`` and ``/``. Return a subclass: it is named ``NAME:REST`` for you, and
        has options of its own (``-o scorer.NAME:REST.option=value``). Be quick and import nothing: reports ask too.
        Raise a :class:`charbench.ConfigError` where ``rest`` can be nobody's name; what takes an import to find out is
        for :meth:`prepare`.
        """
        return None

    @classmethod
    def is_family(cls) -> bool:
        """Return whether the class is a family, of which :meth:`member` gives the components; a member is none."""
        return cls.member.__func__ is not Component.member.__func__ and ":" not in cls.name  # type: ignore[attr-defined]

    def prepare(self, root: Path, folder: Path) -> Awaitable[None] | None:
        """Get ready for work; called once a run, before any of the work, and never for ``plugins list``.

        ``root`` is the lab's folder (``file:`` URIs are relative to it), ``folder`` where files may be kept.
        Raise :class:`charbench.ConfigError` where something that is needed is missing.
        """
        return None

    def endpoint(self, url: str, *, api_key_env: str | None = None, default_env: str | None = None) -> Endpoint:
        """Return where to send requests, and with which credentials; for :meth:`prepare`.

        ``api_key_env`` is the variable that an option names, ``default_env`` the one to look into otherwise. Take keys
        from here and not from the environment: one is given only if the user, and not just a file found in a lab,
        named the host. Raises :class:`charbench.ConfigError` where the address is none, or may not have the key.
        """
        who = f"{self.kind.value} {self.name}"
        return endpoint_at(url, who, api_key_env=api_key_env, default_env=default_env, trust=self.trust)

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
        return {name: value for name, value in values.items() if _decides(fields[name], getattr(self.config, name))}


def _decides(field: Any, value: Any) -> bool:
    """Whether an option's value enters keys."""
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    return not extra.get("operational") and not (extra.get("added") and value == field.get_default())
