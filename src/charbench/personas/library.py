"""Reads and checks persona files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charbench.components.containment import Broken
from charbench.config.user_cache import state_of
from charbench.domain.persona import Persona
from charbench.errors import ConfigError, PersonaError, PluginError, UnknownNameError
from charbench.personas.memory import PersonaMemory

if TYPE_CHECKING:
    from charbench.plugins.manager import Plugins


@dataclass(frozen=True, slots=True)
class PersonaFile:
    """A persona file found in some folder; ``rank`` orders folders, the lowest winning."""

    path: Path
    rank: int


class PersonaLibrary:
    """All available personas: the user's folders first, then the plugins'."""

    def __init__(self, folders: Iterable[Path], faults: Iterable[str] = ()) -> None:
        self.folders = tuple(folders)
        self._known_faults = tuple(faults)

    @cached_property
    def faults(self) -> list[str]:
        """Faults of files that could not be used, one line each."""
        _ = self.all
        return self._faults

    @cached_property
    def all(self) -> Mapping[str, Persona]:
        """Every persona by name. A broken file is left out, and stands in :attr:`faults`."""
        self._faults: list[str] = [*self._known_faults]
        personas: dict[str, Persona] = {}
        ranks: dict[str, int] = {}
        memory = PersonaMemory(self.folders)
        for file in self.files():
            try:
                persona = memory.recall(file.path) or _read(file.path, memory)
            except PersonaError as error:
                self._faults.extend(error.faults)
                continue
            other = personas.get(persona.name)
            if other is None:
                personas[persona.name], ranks[persona.name] = persona, file.rank
            elif ranks[persona.name] == file.rank:
                self._faults.append(f"{file.path}: persona {persona.name!r} is also defined in {other.origin}")
        memory.save()
        return personas

    @cached_property
    def aliases(self) -> Mapping[str, str]:
        """Every name and alias, with the persona it means; a name always wins over an alias."""
        index: dict[str, str] = {}
        for persona in self.all.values():
            for alias in persona.aliases:
                if (other := index.setdefault(alias, persona.name)) != persona.name:
                    self._faults.append(
                        f"{persona.origin}: alias {alias!r} already means persona {other!r}; it is ignored here"
                    )
        index.update({name: name for name in self.all})
        return index

    def get(self, name: str) -> Persona:
        """Return a persona by name or alias; raises with the choices, and with what is broken."""
        canonical = self.aliases.get(name) or self.aliases.get(name.lower())
        if canonical is None:
            broken = "".join(f"\n  {fault}" for fault in self.faults if name in fault)
            is_slug = name.islower() and name.replace("-", "_").isidentifier()
            new = f"; a file for a new one: charbench personas new {name}" if is_slug else ""
            if is_persona_file(Path(name)):
                new = "; the name that the file gives is wanted here, and the file in LAB/personas or in persona_dirs"
            raise UnknownNameError("persona", name, self.aliases, broken or new)
        return self.all[canonical]

    def get_or_read(self, name_or_file: str) -> Persona:
        """Return a persona by name or alias, or that of a file; raises as :meth:`get` and :func:`read_persona`."""
        path = Path(name_or_file)
        if name_or_file in self.aliases or not is_persona_file(path):
            return self.get(name_or_file)
        return read_persona(path)

    def files(self) -> Iterator[PersonaFile]:
        """Yield the persona files of all folders, the user's first."""
        for rank, folder in enumerate(self.folders):
            if folder.is_dir():
                for path in persona_files(folder):
                    yield PersonaFile(path, rank)


def persona_files(folder: Path) -> list[Path]:
    """Return the persona files of a folder, by name."""
    return sorted(path for path in folder.iterdir() if is_persona_file(path))


def is_persona_file(path: Path) -> bool:
    """Whether a persona file may be called so: what ends in .yaml or .yml, however that is written."""
    return path.suffix.lower() in (".yaml", ".yml")


def open_library(plugins: Plugins, lab: Path, folders: Iterable[Path] = ()) -> PersonaLibrary:
    """Return the personas of the configured folders, ``<lab>/personas``, and the plugins."""
    own = [*folders, lab / "personas"]
    for folder in folders:
        if not folder.is_dir():
            raise ConfigError(f"persona folder {folder}: no such folder")
    brought: list[Path] = []
    faults: list[str] = []
    for name, outcome in plugins.ask_each("charbench_persona_dirs", _folders):
        if isinstance(outcome, Broken):
            faults.append(f"plugin {name}, charbench_persona_dirs: {outcome.message}")
        else:
            brought.extend(outcome)
    return PersonaLibrary([*own, *brought], faults)


def _folders(hook: Callable[[], Any]) -> list[Path]:
    given = hook()
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise PluginError(f"it gave {given!r:.100}; a list of folders is needed")
    return [Path(folder) for folder in given]


def _read(path: Path, memory: PersonaMemory) -> Persona:
    state = state_of(str(path))
    persona = read_persona(path)
    memory.note(path, persona, state)
    return persona


def read_persona(path: Path) -> Persona:
    """Read one persona file; raises :class:`PersonaError` with every fault, each with line and column."""
    from charbench.config.yaml_positions import read_yaml
    from charbench.personas.parsing import parse_persona

    try:
        document = read_yaml(path)
    except PersonaError:
        raise
    except ConfigError as error:
        raise PersonaError(error.faults) from None
    return parse_persona(document)
