"""The run's configuration: defaults < charbench.yaml < environment < command line.

Every value knows where it came from, so that a fault names the file and line, the variable or the option.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from charbench.components.lab_walk import MAX_FILES
from charbench.components.named_endpoints import Endpoints, NamedEndpoint
from charbench.components.trust import Trust
from charbench.config.verdict import VerdictConfig
from charbench.config.yaml_positions import Location, YamlFile
from charbench.errors import ConfigError, UsageError
from charbench.text.bounded_files import LIMITS, ReadLimits

PROMPT_SETS = ("default", "persona", "standard")
"""Prompt sets that are no files."""


class Price(BaseModel):
    """What a million tokens cost, in whatever currency."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prompt: float = Field(0.0, ge=0)
    completion: float = Field(0.0, ge=0)


class DiscoverConfig(BaseModel):
    """Where discovery looks."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    skip: list[str] = Field([], description="files and folders to leave out: patterns of their paths or names")
    max_files: int = Field(MAX_FILES, ge=1, description="most files to look at")


class EndpointEntry(BaseModel):
    """A server that answers requests, under a name of its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: str = Field(pattern=r"^[Hh][Tt][Tt][Pp][Ss]?://")
    api_key_env: str | None = None
    models: list[str] = []
    formerly: list[str] = []


class RunConfig(BaseModel):
    """Everything that decides what a run does."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    lab: Path = Field(Path(), description="the folder to look in")
    store: str = Field("", description="database URL; empty: .charbench/charbench.db in the lab's folder")
    sources: list[str] = Field([], description="checkpoint sources to use; empty: all")
    trainers: list[str] = Field([], description="trainers to use; empty: none in run, all installed ones in train")
    samplers: list[str] = Field([], description="samplers to use; empty: the default ones")
    scorers: list[str] = Field([], description="scorers to use; empty: the default ones")
    perturbations: list[str] = Field([], description="perturbations to sample as well; empty: none")
    personas: list[str] = Field([], description="only checkpoints of these personas; empty: all")
    checkpoints: list[str] = Field([], description="only these checkpoints (URI, name or run); empty: all")
    persona_dirs: list[Path] = Field([], description="further folders of persona files")
    disable_plugins: list[str] = Field([], description="plugins not to load")
    min_examples: int = Field(500, ge=0, description="minimum examples per job")
    include_buggy: bool = Field(False, description="also create jobs for data that fails the health check")
    include_unfinished: bool = Field(False, description="also create jobs for runs that stopped half-way")
    max_refusal_share: float = Field(0.2, ge=0, le=1, description="maximum share of refusals in training data")
    prompts: str = Field(
        "default", description="default (five), standard (60), persona (each persona's own), or a file"
    )
    epochs: int = Field(1, ge=1, le=10_000, description="samples per prompt and checkpoint")
    steps: str = Field("last", description="saves of a run to sample: last, all, every:N, or steps such as 20,40")
    base: bool | None = Field(
        None,
        description="sample base models beside their checkpoints; empty: where a run has other samples to take",
    )
    recipe: str = Field("", description="recipe that jobs are trained with; empty: the trainer's first")
    parallel: int = Field(1, ge=1, le=64, description="parallel training jobs")
    force: bool = Field(False, description="train on data that fails the health check")
    retry_errors: list[str] = Field(
        ["timeout", "rate_limit", "connection", "server", "bad_response", "reply_too_large", "interrupted",
         "http_401", "http_402", "http_403", "http_404", "config"],
        description="kinds of failure that the next run retries",
    )  # fmt: skip
    stop_grace: float = Field(
        3.0, ge=0, le=3600, description="seconds for requests in flight to finish after Ctrl-C or SIGTERM"
    )
    max_cost: float | None = Field(None, gt=0, description="most that one run may spend, by 'prices'")
    discover: DiscoverConfig = Field(
        DiscoverConfig(), description="what discovery leaves out: {skip: [old/*, '*.bak'], max_files: 1000000}"
    )
    prices: dict[str, Price] = Field(
        {},
        description="price of a million tokens, by checkpoint URI, base model or judge; * is any text",
    )
    max_file_bytes: int = Field(LIMITS.file_bytes, ge=1, description="maximum bytes of a JSON file")
    max_line_bytes: int = Field(LIMITS.line_bytes, ge=1, description="maximum bytes of a JSONL or CSV line")
    max_depth: int = Field(LIMITS.depth, ge=1, le=500, description="maximum nesting depth of JSON")
    options: dict[str, dict[str, Any]] = Field(
        {}, description="components' options: {scorer.keyword: {cap: 3}}; see charbench plugins show NAME"
    )
    endpoints: dict[str, EndpointEntry] = Field(
        {}, description="servers by name: {local: {base_url: URL, api_key_env: VARIABLE, models: [NAME]}}"
    )
    endpoint: str = Field("", description="endpoint (name or URL) of components whose own options name none")
    more_endpoints: list[str] = Field(
        [], description="further endpoints that 'run' evaluates (--endpoint again); cannot be set in a file"
    )
    verdict: VerdictConfig = Field(VerdictConfig(), description="what a checkpoint must reach to be called viable")
    trusted_hosts: list[str] = Field(
        [], description="hosts that may receive keys although only a file names them; cannot be set in a file"
    )

    _document: YamlFile | None = PrivateAttr(None)
    _typed: frozenset[Location] = PrivateAttr(frozenset())
    _origin: dict[str, str] = PrivateAttr({})
    _addresses: tuple[str, ...] = PrivateAttr(())

    @property
    def read_limits(self) -> ReadLimits:
        """The most that is read of a file."""
        return ReadLimits(self.max_file_bytes, self.max_line_bytes, self.max_depth)

    @property
    def store_url(self) -> str:
        """The store's database URL, with the default filled in."""
        if self.store:
            return self.store if "://" in self.store else f"sqlite:///{self.store}"
        return f"sqlite:///{(self.lab / '.charbench' / 'charbench.db').as_posix()}"

    @property
    def folder(self) -> Path:
        """Where charbench keeps its own files for this lab."""
        return self.lab / ".charbench"

    def is_given(self, setting: str) -> bool:
        """Whether a setting was given: it is not the default."""
        return setting in self._origin

    def options_for(self, kind: str, name: str) -> dict[str, Any]:
        """Return the options given for one component."""
        return self.options.get(f"{kind}.{name}", {})

    def check_prompts(self) -> None:
        """Raise where a file chooses prompts from outside of its own folder, since prompts are sent to an endpoint.

        A ``charbench.yaml`` comes with a lab, which may be somebody else's, and any file of the user's would do.
        """
        where = self._origin.get("prompts", "")
        if self._document is None or not where.startswith(f"{self._document.path}:") or self.prompts in PROMPT_SETS:
            return
        folder = Path(self._document.path).parent.resolve()
        if not Path(self.prompts).resolve().is_relative_to(folder):
            raise ConfigError(
                f"{where}: prompts: {self.prompts} is outside of {folder}; prompts are sent to an endpoint, and a file "
                f"that comes with a lab may not choose them elsewhere: --prompts {quote(self.prompts)}"
            )

    @contextmanager
    def naming(self, setting: str) -> Iterator[None]:
        """Let a fault of what ``setting`` names say where that stands: the file and line, or the variable.

        What was typed on the command line is in sight, and is not named again.
        """
        try:
            yield
        except (UsageError, ConfigError) as error:
            where = self._origin.get(setting, "")
            if not where or where.startswith("option "):
                raise
            if self._document is not None and where.startswith(f"{self._document.path}:"):
                where = self._document.where(self._location(setting, error))
            faults = error.faults if isinstance(error, ConfigError) else [str(error)]
            raise ConfigError([f"{where}: {fault}" for fault in faults]) from None

    def _location(self, setting: str, error: Exception) -> Location:
        """Return the place of the item that an error is about, in a setting that is a list of names."""
        assert self._document is not None
        items = self._document.data.get(setting) if isinstance(self._document.data, dict) else None
        name = getattr(error, "name", None)
        return (setting, items.index(name)) if isinstance(items, list) and name in items else (setting,)

    def where(self, component: str, location: Location) -> str:
        """Return what a message about a component's option begins with: its place in the file, if it is from there."""
        path = (component, *location)
        if self._document is None or self._is_typed(path):
            return ""
        return f"{self._document.where(('options', *path))}: "

    def trust_for(self, component: str) -> Trust:
        """Return which hosts one component (``sampler.thinking``) may send keys to."""
        options = list(texts_in(self.options.get(component, {}), (component,)))
        from_file = tuple(
            (self._document.where(("options", *path)), text)
            for path, text in options
            if self._document is not None and not self._is_typed(path)
        )
        typed = (text for path, text in texts_in(self.options) if self._is_typed(path))
        first = (self.endpoint,) if self.named_endpoints().is_typed else ()
        chosen = [text for text in (*first, *self.more_endpoints) if "://" in text]
        return Trust(tuple(self.trusted_hosts), (*self._addresses, *typed, *chosen), from_file)

    def named_endpoints(self) -> Endpoints:
        """Return the endpoints that have names, and which is chosen."""
        named = {
            name: NamedEndpoint(
                name, entry.base_url, entry.api_key_env, tuple(entry.models), tuple(entry.formerly),
                tuple(self._in_file(name, entry)),
            )
            for name, entry in self.endpoints.items()
        }  # fmt: skip
        where = self._origin.get("endpoint", "")
        named_in_file = self._document is not None and where.startswith(f"{self._document.path}:")
        return Endpoints(named, self.endpoint, where if named_in_file else "", tuple(self.more_endpoints))

    def at_endpoint(self, text: str) -> RunConfig:
        """Return the same configuration with one of ``more_endpoints`` as its only endpoint."""
        other = self.model_copy(update={"endpoint": text, "more_endpoints": []})
        other._origin = {**self._origin, "endpoint": self._origin.get("more_endpoints", "")}
        return other

    def _in_file(self, name: str, entry: EndpointEntry) -> Iterator[tuple[str, str]]:
        """Yield the address and the key's variable that a file gives for an endpoint, each with its place."""
        if self._document is None:
            return
        for setting in ("base_url", "api_key_env"):
            if text := getattr(entry, setting):
                yield self._document.where(("endpoints", name, setting)), text

    def trust_for_store(self) -> Trust:
        """Return whether the store's host may be sent a password from the environment."""
        where = self._origin.get("store", "")
        named = self._document is not None and where.startswith(f"{self._document.path}:")
        return Trust(tuple(self.trusted_hosts), (), ((where, self.store),) if named else ())

    def _is_typed(self, path: Location) -> bool:
        return any(path[: len(given)] == given for given in self._typed)


def texts_in(value: Any, path: Location = ()) -> Iterator[tuple[Location, str]]:
    """Yield the texts in a JSON-like value, names of fields too, each with its place."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield (*path, str(name)), str(name)
            yield from texts_in(item, (*path, str(name)))
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from texts_in(item, (*path, number))
