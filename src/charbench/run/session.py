"""What a command works with: the configuration, and what it opens on first use."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from charbench.components.base import Component, ComponentKind
from charbench.components.calling import takes
from charbench.components.containment import asked
from charbench.components.named_endpoints import Endpoints
from charbench.config.model import RunConfig
from charbench.config.private_files import private_folder
from charbench.domain.persona import Persona
from charbench.errors import ConfigError, UnknownNameError, UsageError, suggest
from charbench.personas.library import PersonaLibrary, open_library
from charbench.plugins.manager import Plugins
from charbench.run.store_host import check_store_host

if TYPE_CHECKING:
    from charbench.components.lifecycle import Lifecycle
    from charbench.components.perturbation import Perturbation
    from charbench.components.reporter import Reporter
    from charbench.components.sampler import Sampler
    from charbench.components.scorer import BaseScorer
    from charbench.components.source import CheckpointSource, Lab
    from charbench.components.trainer import Trainer
    from charbench.discovery.job_planning import JobPolicy
    from charbench.domain.checkpoint import Checkpoint
    from charbench.domain.measurement import Measurement
    from charbench.store.database import Database


@dataclass
class Session:
    """One command's view of the world."""

    config: RunConfig
    recovered: list[str] = field(default_factory=list)
    """What was taken in from recovery files when the store was opened, for the user to read."""
    place: str = ""
    """The options that name the lab, the store and the configuration as they were typed, for commands to copy."""
    _lifecycle: Lifecycle | None = None
    _shared_with: Session | None = None
    """The session that this one is another endpoint's of: the store, the lab and the plugins are that one's."""
    _components: dict[tuple[ComponentKind, str], Component] = field(default_factory=dict, init=False)

    @property
    def lifecycle(self) -> Lifecycle:
        """What prepares the components and closes them; sessions made of this one share it."""
        if self._lifecycle is None:
            from charbench.components.lifecycle import Lifecycle

            self._lifecycle = Lifecycle(self.config.lab, self.config.folder)
        return self._lifecycle

    def close(self) -> list[str]:
        """Close the components and the store, as far as they were opened; return what went wrong, for the user."""
        told = self._lifecycle.close() if self._lifecycle is not None else []
        if (database := self.__dict__.get("database")) is not None:
            database.close()
        return told

    @cached_property
    def plugins(self) -> Plugins:
        """The plugins that are not blocked."""
        if self._shared_with:
            return self._shared_with.plugins
        plugins = Plugins(self.config.disable_plugins)
        with self.config.naming("disable_plugins"):
            plugins.check_blocked()
        return plugins

    @cached_property
    def personas(self) -> PersonaLibrary:
        """The available personas."""
        if self._shared_with:
            return self._shared_with.personas
        with self.config.naming("persona_dirs"):
            return open_library(self.plugins, self.config.lab, self.config.persona_dirs)

    @cached_property
    def lab(self) -> Lab:
        """The lab's folder."""
        if self._shared_with:
            return self._shared_with.lab
        from charbench.components.file_memory import FileMemory
        from charbench.components.lab_files import LabFiles
        from charbench.components.source import Lab

        self.check_lab()
        memory = FileMemory(self.config.folder)
        files = LabFiles(self.config.lab, self.config.discover.skip, self.config.discover.max_files, memory)
        return Lab(self.config.lab, self.personas.aliases, self.config.read_limits, files)

    @cached_property
    def database(self) -> Database:
        """The store, made if there is none; with what a run saved that lost it."""
        if self._shared_with:
            return self._shared_with.database
        from charbench.store.recovery import open_with_recovered

        self.check_lab()
        check_store_host(self.config)
        with self.config.naming("store"):
            if not self.config.store:
                self._close_folder()
            database, told = open_with_recovered(self.config.store_url, self.config.folder)
        self.recovered += told
        return database

    @cached_property
    def endpoints(self) -> Endpoints:
        """The endpoints that have names, each with the addresses that earlier runs knew it by."""
        configured = self.config.named_endpoints()
        if not configured.named or not self.store_exists:
            return configured
        from charbench.store.endpoint_addresses import known_addresses

        known = known_addresses(self.config.store_url)
        return replace(
            configured, named={name: one.also_at(known.get(name, ())) for name, one in configured.named.items()}
        )

    @property
    def store_exists(self) -> bool:
        """Whether there is a store already: a file, or a database on a server, which may be empty."""
        url = self.config.store_url
        return not url.startswith("sqlite:///") or os.path.exists(url.removeprefix("sqlite:///"))  # noqa: PTH110

    def check_lab(self) -> None:
        """Raise :class:`UsageError` where the lab's folder is not there."""
        with self.config.naming("lab"):
            if not self.config.lab.is_dir():
                raise UsageError(f"lab {self.config.lab}: no such folder; name it with --lab DIR")

    def _close_folder(self) -> None:
        """Let nobody else read the folder of our own that the store lies in, if an older charbench made it."""
        folder = self.config.folder
        if folder.is_dir():
            private_folder(folder)

    @cached_property
    def policy(self) -> JobPolicy:
        """What makes a training job."""
        from charbench.discovery.job_planning import JobPolicy

        return JobPolicy(
            self.config.min_examples,
            self.config.include_buggy,
            self.config.max_refusal_share,
            self.config.include_unfinished,
        )

    def existing_database(self, *, read_only: bool = False) -> Database:
        """Open the store for a command that only reads: raises where there is none yet.

        One that is ``read_only`` is not brought up to date either; see :meth:`.Database.open`.
        """
        from charbench.store.database import Database
        from charbench.store.recovery import check_for_lost

        if not self.config.store:  # it lies in the lab's folder
            self.check_lab()
        check_store_host(self.config)
        with self.config.naming("store"):
            check_for_lost(self.config.store_url, self.config.folder)
            return Database.open(self.config.store_url, create=False, read_only=read_only)

    def sources(self) -> list[CheckpointSource]:
        """Return the configured sources; all of them by default."""
        names = self.config.sources or self.plugins.components(ComponentKind.SOURCE)
        return self._create(ComponentKind.SOURCE, names)

    @property
    def sources_by_name(self) -> bool:
        """Whether the sources were asked for by name: one that lacks what it needs is then an error."""
        return bool(self.config.sources)

    def trainers(self) -> list[Trainer]:
        """Return the configured trainers; none by default: training may cost money."""
        return self._create(ComponentKind.TRAINER, self.config.trainers)

    def samplers(self) -> list[Sampler]:
        """Return the configured samplers; by default, those that say so, and those that ask the chosen endpoint."""
        if self.config.samplers:
            return self._create(ComponentKind.SAMPLER, self.config.samplers)
        return self._create(
            ComponentKind.SAMPLER, [*self._defaults(ComponentKind.SAMPLER), *self.samplers_of_endpoint()]
        )

    def samplers_of_endpoint(self) -> list[str]:
        """Return the names of the samplers that are used because an endpoint was chosen, and none was named."""
        if self.config.samplers or not self.endpoints.chosen:
            return []
        from charbench.run.traits import asks_endpoint

        installed = self.plugins.components(ComponentKind.SAMPLER)
        return [one.name for one in installed.values() if asks_endpoint(one)][:1]

    @cached_property
    def other_endpoints(self) -> list[Session]:
        """This session at each further endpoint that was chosen (``more_endpoints``), with components of its own."""
        first = [self.endpoints.identity(self.config.endpoint)] if self.config.endpoint else []
        others: dict[str, Session] = dict.fromkeys(first, self)
        for text in self.config.more_endpoints:
            identity = self.endpoints.identity(text)
            if identity not in others:
                others[identity] = replace(self, config=self.config.at_endpoint(text), _lifecycle=self.lifecycle)
                others[identity]._shared_with = self
        return [one for one in others.values() if one is not self]

    def installed_samplers(self) -> list[Sampler]:
        """Return every installed sampler that says which checkpoints are its own, with its options.

        One that would take any is used only where it is named, and so is one that says itself what is asked.
        """
        from charbench.run.traits import chooses_checkpoints, chooses_requests

        everything = self._create(ComponentKind.SAMPLER, self.plugins.components(ComponentKind.SAMPLER))
        return [one for one in everything if chooses_checkpoints(one) and not chooses_requests(one)]

    def samplers_for(self, checkpoints: Iterable[Checkpoint]) -> list[Sampler]:
        """Return the configured samplers; if none is, the first installed one that takes each checkpoint.

        Raises :class:`UsageError` where no sampler takes a checkpoint that is named.
        """
        if self.config.samplers:
            samplers = self.samplers()
            self._check_takers(samplers, list(checkpoints))
            return samplers
        chosen: dict[str, None] = {}
        candidates = self.installed_samplers()
        for checkpoint in checkpoints:
            taker = next((sampler for sampler in candidates if takes(sampler, checkpoint)), None)
            if taker is None:
                names = ", ".join(sampler.name for sampler in candidates) or "none"
                raise UsageError(f"no sampler accepts {checkpoint.uri} (installed: {names}); name one with --sampler")
            chosen[taker.name] = None
        return [sampler for sampler in candidates if sampler.name in chosen]

    def _check_takers(self, samplers: Sequence[Sampler], checkpoints: Sequence[Checkpoint]) -> None:
        from charbench.run.traits import chooses_requests

        if any(map(chooses_requests, samplers)):
            return  # what it asks is its own to say
        for text in self.config.checkpoints:
            mine = [checkpoint for checkpoint in checkpoints if checkpoint.is_wanted_as(text)]
            if mine and not any(takes(sampler, checkpoint) for sampler in samplers for checkpoint in mine):
                names = " and ".join(sampler.name for sampler in samplers)
                raise UsageError(f"sampler {names} does not accept {mine[0].uri}; name another one with --sampler")

    def perturbations(self) -> list[Perturbation]:
        """Return the configured perturbations; none by default."""
        return self._create(ComponentKind.PERTURBATION, self.config.perturbations)

    def reporter(self, name: str, methods: Sequence[str], *others: str) -> Reporter:
        """Return the reporter of a format, ready, that defines one of these methods.

        ``others`` are formats that are no reporters, for the message. Raises :class:`UnknownNameError`.
        """
        from charbench.run.traits import reports_by

        known = self.plugins.components(ComponentKind.REPORTER).values()
        formats = [one.name for one in known if reports_by(one, methods)]
        if name not in formats:
            raise UnknownNameError("format", name, [*others, *formats])
        made: Reporter = self._create(ComponentKind.REPORTER, [name])[0]
        self.lifecycle.prepare(made)
        return made

    def kept_reporters(self) -> list[Reporter]:
        """Return the reporters whose report each run leaves in the lab's folder, ready."""
        from charbench.run.traits import is_kept

        known = self.plugins.components(ComponentKind.REPORTER)
        made = self._create(ComponentKind.REPORTER, [name for name, one in known.items() if is_kept(one)])
        for one in made:
            self.lifecycle.prepare(one)
        return made

    def scorers(self) -> list[BaseScorer]:
        """Return the configured scorers, of samples and of pairs; by default, those that say so."""
        return self._create(ComponentKind.SCORER, self.config.scorers or self._defaults(ComponentKind.SCORER))

    @property
    def first_scorer(self) -> str:
        """The name of the first scorer: of those that are configured, or used by default."""
        if self.config.scorers:
            return str(self.scorers()[0].name)
        return self._defaults(ComponentKind.SCORER)[0]

    @property
    def has_store(self) -> bool:
        """Whether there may be a store to read: one is named, or the lab has one."""
        return bool(self.config.store) or self.store_exists

    def component(self, kind: ComponentKind, name: str) -> Component:
        """Return a component by its name, with its options; raises :class:`UnknownNameError`."""
        (made,) = self._create(kind, [name])
        found: Component = made
        return found

    def measured(self, scorer: str, persona: str) -> Measurement | None:
        """Return how well a scorer, as it is configured, tells a persona; None: it is not known, or not there."""
        made = self.scorer(scorer)
        return None if made is None else self.measured_by(made, persona)

    def measured_by(self, scorer: BaseScorer, persona: str, fingerprint: str | None = None) -> Measurement | None:
        """Return how well a scorer tells a persona, or did under this fingerprint; None: it is not known."""
        known = self.personas.all.get(persona) or Persona(name=persona)
        ask, more = (scorer.measured, ()) if fingerprint is None else (scorer.measured_under, (fingerprint,))
        found: Measurement | None = asked(f"scorer {scorer.name}", ask, known, self.config.folder, *more)
        return found

    def scorer(self, name: str) -> BaseScorer | None:
        """Return a scorer as it is configured, not prepared; None: it is not installed."""
        if self.plugins.find(ComponentKind.SCORER, name) is None:
            return None
        made: BaseScorer = self._create(ComponentKind.SCORER, [name])[0]
        return made

    def _defaults(self, kind: ComponentKind) -> list[str]:
        """Return the names of the components that are used where none is configured, headline scorers first.

        Raises :class:`UsageError` where there is none.
        """
        chosen = self.plugins.defaults(kind)
        if not chosen:
            lines = "".join(f"\n  {line}" for line in self.plugins.broken_lines())
            raise UsageError(f"no installed {kind} is a default; name one with --{kind} NAME{lines}")
        return chosen

    def missing_defaults(self) -> list[str]:
        """Return a warning for each broken plugin, where its defaults, if it has any, would have been used."""
        if self.config.samplers and self.config.scorers:
            return []
        return [f"{line}; it is left out" for line in self.plugins.broken_lines()]

    def selected_personas(self) -> list[Persona]:
        """Return the personas that the run is limited to; empty for all."""
        with self.config.naming("personas"):
            return [self.personas.get(name) for name in self.config.personas]

    def with_all_trainers(self) -> Session:
        """Return the same session with every installed trainer, unless some are configured."""
        if self.config.trainers:
            return self
        names = list(self.plugins.components(ComponentKind.TRAINER))
        return self._with(trainers=names)

    def with_checkpoints(self, uris: Sequence[str]) -> Session:
        """Return the same session, limited to these checkpoints."""
        return self._with(checkpoints=list(uris))

    def _with(self, **settings: Any) -> Session:
        return replace(self, config=self.config.model_copy(update=settings), _lifecycle=self.lifecycle)

    def check_options(self) -> None:
        """Raise unless every component that options are given for exists and takes them."""
        faults: list[str] = []
        for key, options in self.config.options.items():
            kind, _, name = key.partition(".")
            if kind not in set(ComponentKind) or not name:
                near = suggest(kind, [one.value for one in ComponentKind])
                needed = f"KIND.NAME is needed, such as scorer.keyword{near}"
                faults.append(f"{self.config.where(key, ())}options.{key}: {needed}")
                continue
            try:
                self.plugins.create(ComponentKind(kind), name, options, partial(self.config.where, key))
            except ConfigError as error:
                faults.extend(error.faults)
            except UnknownNameError as error:
                if not (where := self.config.where(key, ())):
                    raise  # it was typed just now
                faults.append(f"{where}{error}")
        if faults:
            raise ConfigError(faults)

    def _create(self, kind: ComponentKind, names: Iterable[str]) -> list[Any]:
        self.check_options()
        unique: Sequence[str] = list(dict.fromkeys(names))
        options = {name: self.config.options_for(kind.value, name) for name in unique}
        with self.config.naming(f"{kind.value}s"):
            return [self._component(kind, name, given) for name, given in options.items()]

    def _component(self, kind: ComponentKind, name: str, options: dict[str, Any]) -> Component:
        """Return the session's one component of a kind and name."""
        if (kind, name) not in self._components:
            made = self.lifecycle.register(self.plugins.create(kind, name, options))
            made.trust = self.config.trust_for(f"{kind.value}.{made.name}").with_issuers(self.plugins.key_issuers())
            made.default_endpoints = self.plugins.default_endpoints()
            made.endpoints = self.endpoints
            self._components[kind, name] = made
        return self._components[kind, name]
