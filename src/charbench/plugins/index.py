"""What the installed plugins bring, kept from one command to the next, so that lists need not load every plugin.

It is used only while everything that it was made from is as it was: the entry points with their distributions and
versions, Python and where it looks for modules, every module that was loaded, the folders that they lie in, and
what else loading the plugins has read. Nothing is kept while a plugin is broken.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import TYPE_CHECKING, Any

from charbench.config import user_cache
from charbench.errors import PluginError

if TYPE_CHECKING:
    from charbench.plugins.watched_loading import Reads

GROUP = "charbench"
_FORM = 2
"""Increased where another charbench could take what is kept for something else."""


@dataclass(frozen=True, slots=True)
class Brought:
    """A component as lists show it."""

    kind: str
    name: str
    is_default: bool
    is_family: bool
    has_headline: bool
    """Whether it has a metric that reports rank by."""
    needs_file: bool
    """Whether it scores only personas that have a file."""


@dataclass(slots=True)
class Listed:
    """One plugin: where it comes from, and what it brings; ``error`` says why it is broken, None while it works."""

    name: str
    distribution: str
    version: str
    blocked: bool = False
    error: str | None = None
    brings: list[Brought] = field(default_factory=list)
    hooks: list[str] = field(default_factory=list)
    """The hooks that it implements."""
    deprecations: list[str] = field(default_factory=list)
    """What it uses that a later version will not have, with what to use instead."""
    key_issuers: dict[str, str] = field(default_factory=dict)
    default_endpoints: list[dict[str, str]] = field(default_factory=list)

    @property
    def label(self) -> str:
        """Name and distribution, as messages call it."""
        return f"{self.name} (from {self.distribution} {self.version})".rstrip()


@dataclass(frozen=True, slots=True)
class Installed:
    """An entry point, with its distribution's name and version."""

    point: EntryPoint
    distribution: str
    version: str


def installed() -> list[Installed]:
    """Return the entry points of all plugins, sorted by name."""
    found = []
    told: dict[int, tuple[str, str]] = {}  # a distribution parses its metadata anew each time it is asked
    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        name_and_version = told.get(id(point.dist))
        if name_and_version is None:
            name_and_version = (point.dist.name, point.dist.version) if point.dist else ("?", "")
            told[id(point.dist)] = name_and_version
        found.append(Installed(point, *name_and_version))
    return found


def owners(plugins: Iterable[Listed], kind: str) -> dict[str, Listed]:
    """Return the plugin that brings each component of a kind, by the component's name, sorted.

    Raises :class:`PluginError`, naming both distributions, where two plugins claim one name.
    """
    found: dict[str, Listed] = {}
    for plugin in plugins:
        for component in plugin.brings:
            if component.kind != kind:
                continue
            if component.name in found:
                raise PluginError(
                    f"two plugins bring a {kind} named {component.name!r}: "
                    f"{found[component.name].label} and {plugin.label}; "
                    f"block one with --no-plugin NAME, or uninstall it"
                )
            found[component.name] = plugin
    return dict(sorted(found.items()))


class Index:
    """What is kept for these entry points, without the plugins that are blocked."""

    def __init__(self, points: Sequence[Installed], blocked: Collection[str]) -> None:
        told = [(one.point.name, one.point.value, one.distribution, one.version) for one in points]
        self._path = [os.path.abspath(path) for path in sys.path]  # noqa: PTH100  '' is the folder it runs in
        key = repr((_FORM, sys.version, sys.prefix, self._path, sorted(blocked), told))
        self._points = points
        self._file = f"plugins-{hashlib.blake2b(key.encode('utf-8', 'replace'), digest_size=12).hexdigest()}.json"

    def recall(self) -> list[Listed] | None:
        """Return the plugins as they are kept; None: nothing is, or something has changed."""
        known = user_cache.recall(self._file)
        try:
            if known is None or not _is_as_it_was(known["states"], known["variables"]):
                return None
            return [
                Listed(**{**plugin, "brings": [Brought(**one) for one in plugin["brings"]]})
                for plugin in known["plugins"]
            ]
        except (TypeError, KeyError, AttributeError):
            return None

    def is_unloaded(self) -> bool:
        """Whether no plugin's module was loaded yet: what one that was has read is not known."""
        return not any(one.point.module in sys.modules for one in self._points)

    def keep(self, plugins: Sequence[Listed], reads: Reads) -> None:
        """Keep the plugins, where all works and everything that they depend on is known and settled."""
        modules = [sys.modules.get(one.point.module) for one in self._points]
        loaded = [one for one, plugin in zip(modules, plugins, strict=True) if not plugin.blocked]
        if not reads.is_all or any(plugin.error for plugin in plugins) or not all(map(_file_of, loaded)):
            return
        states = {path: user_cache.state_of(path) for path in {*self._path, *_places(), *reads.paths}}
        now = time.time_ns()
        if all(user_cache.is_settled(state, now) for state in states.values()):
            fields = [name for name in Listed.__slots__ if name != "error"]
            told = [{name: getattr(plugin, name) for name in fields} for plugin in plugins]
            brought = [[asdict(one) for one in plugin.brings] for plugin in plugins]
            user_cache.keep(
                self._file,
                {
                    "states": states,
                    "variables": {name: _value_of(name) for name in sorted(reads.variables)},
                    "plugins": [{**one, "brings": brings} for one, brings in zip(told, brought, strict=True)],
                },
            )

    def forget(self) -> None:
        """Drop what is kept: a plugin has brought something else."""
        user_cache.forget(self._file)


def _is_as_it_was(states: Mapping[str, Any], variables: Mapping[str, str | None]) -> bool:
    return all(user_cache.state_of(path) == state for path, state in states.items()) and all(
        _value_of(name) == value for name, value in variables.items()
    )


def _value_of(variable: str) -> str | None:
    """Return a digest of an environment variable's value, which may be a secret; None: it is not set."""
    value = os.environ.get(variable)
    return None if value is None else hashlib.blake2b(os.fsencode(value), digest_size=8).hexdigest()


def _file_of(module: ModuleType | None) -> str | None:
    file = vars(module).get("__file__") if module is not None else None
    return file if isinstance(file, str) else None


def _places() -> Iterator[str]:
    """Yield the files of the modules that are loaded, but Python's own, and the folders of packages."""
    for name, module in list(sys.modules.items()):
        if not isinstance(module, ModuleType) or name.partition(".")[0] in sys.stdlib_module_names:
            continue
        if file := _file_of(module):
            yield file
        yield from (place for place in vars(module).get("__path__", ()) if isinstance(place, str))
