"""Finds, loads, blocks and reports plugins, and asks them for components."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property, partial
from importlib.metadata import EntryPoint, entry_points
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeVar

import pluggy
from pydantic import BaseModel, ValidationError

from charbench.components.base import Component, ComponentKind
from charbench.components.calling import is_async
from charbench.components.containment import Broken, asked, guarded, printing_to_stderr
from charbench.components.endpoint import DefaultEndpoint
from charbench.components.observers import contained_observer, contained_wrapper
from charbench.components.pair_scorer import PairScorer
from charbench.components.perturbation import Perturbation
from charbench.components.reporter import Reporter
from charbench.components.sampler import Sampler
from charbench.components.scorer import Scorer
from charbench.components.source import CheckpointSource
from charbench.components.trainer import Trainer
from charbench.errors import ConfigError, PluginError, UnknownNameError
from charbench.plugins import hookspecs
from charbench.plugins.component_checks import check_component
from charbench.plugins.families import member_of

if TYPE_CHECKING:
    import click

    from charbench.config.yaml_positions import Location

T = TypeVar("T")

GROUP = "charbench"
_BASES: dict[ComponentKind, tuple[str, dict[type[Component], str]]] = {
    ComponentKind.SOURCE: ("charbench_checkpoint_sources", {CheckpointSource: "find"}),
    ComponentKind.TRAINER: ("charbench_trainers", {Trainer: "train"}),
    ComponentKind.SAMPLER: ("charbench_samplers", {Sampler: "sample"}),
    ComponentKind.SCORER: ("charbench_scorers", {Scorer: "score", PairScorer: "compare"}),
    ComponentKind.PERTURBATION: ("charbench_perturbations", {Perturbation: "variants"}),
    ComponentKind.REPORTER: ("charbench_reporters", {Reporter: "report or report_files or export"}),
}
"""The hook for each kind; the base classes of its components, each with the method that they must have."""


def example_of(component: type[Component]) -> type[Component]:
    """Return the member that a family gives for an example; any other component as it is.

    Raises :class:`PluginError` where the family has no ``member_example``.
    """
    if not component.is_family():
        return component
    if not component.member_example:
        raise PluginError(
            f"{component.__module__}.{component.__qualname__}.member_example is needed: what member() takes"
        )
    return member_of(component, component.member_example, _BASES[component.kind][1])


@dataclass(slots=True)
class Plugin:
    """One plugin: where it comes from, and what became of loading it.

    ``error`` is the line that says why it is broken, None while it works; ``trace`` the traceback.
    """

    name: str
    distribution: str
    version: str
    blocked: bool = False
    error: str | None = None
    trace: str = ""
    components: list[type[Component]] = field(default_factory=list)
    deprecations: list[str] = field(default_factory=list)
    """What it uses that a later version will not have, with what to use instead."""

    @property
    def label(self) -> str:
        """Name and distribution, as messages call it."""
        return f"{self.name} (from {self.distribution} {self.version})".rstrip()


class Plugins:
    """The plugins of one program: loaded when first asked for, never at import."""

    def __init__(self, disabled: Iterable[str] = ()) -> None:
        self.disabled = frozenset(disabled)
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._observers = pluggy.PluginManager(hookspecs.PROJECT)
        self._observers.add_hookspecs(hookspecs)
        self._faults: list[tuple[str, Broken]] = []
        self._observing = threading.RLock()
        self._members: dict[tuple[ComponentKind, str], type[Component]] = {}

    @cached_property
    def found(self) -> list[Plugin]:
        """Every plugin that is installed, sorted by name, loaded unless it is blocked."""
        plugins: list[Plugin] = []
        told: dict[int, tuple[str, str]] = {}  # a distribution parses its metadata anew each time it is asked
        for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
            name_and_version = told.get(id(point.dist))
            if name_and_version is None:
                name_and_version = (point.dist.name, point.dist.version) if point.dist else ("?", "")
                told[id(point.dist)] = name_and_version
            plugin = Plugin(point.name, *name_and_version)
            plugins.append(plugin)
            if point.name in self.disabled:
                plugin.blocked = True
                continue
            self._load(point, plugin)
        return plugins

    def check_blocked(self) -> None:
        """Raise :class:`UnknownNameError` where the name of a plugin to be blocked is misspelt: it would be used.

        A name that is like no other's is of a plugin that is not installed here.
        """
        if self.disabled:
            known = {point.name for point in entry_points(group=GROUP)}
            for name in sorted(self.disabled - known):
                if get_close_matches(name, known, n=1, cutoff=0.75):
                    raise UnknownNameError("plugin", name, known)

    def _load(self, point: EntryPoint, plugin: Plugin) -> None:
        with printing_to_stderr():  # what a plugin prints on loading is no part of any result
            outcome = guarded(self._register, point, plugin)
        if isinstance(outcome, Broken):
            plugin.error, plugin.trace = outcome.message, outcome.trace

    def _register(self, point: EntryPoint, plugin: Plugin) -> None:
        module = point.load()
        if (other := self._manager.get_name(module)) is not None:
            raise PluginError(f"the same module is registered already, as {other!r}")
        name = f"{plugin.name}@{plugin.distribution}"
        sound = False
        try:
            self._manager.register(module, name)
            self._manager.check_pending()
            plugin.components = _components_of(self._manager, module)
            plugin.deprecations = [
                f"{caller.name} is deprecated: {caller.spec.warn_on_impl}"
                for caller in self._manager.get_hookcallers(module) or ()
                if caller.spec and caller.spec.warn_on_impl
            ]
            self._add_observers(module, name)
            sound = True
        finally:
            if not sound and self._manager.get_plugin(name) is not None:
                self._manager.unregister(name=name)

    @property
    def hook(self) -> Any:
        """The hooks, for calling observers and ``charbench_persona_dirs``."""
        _ = self.found
        return self._manager.hook

    def implementations(self, hook: str) -> list[tuple[str, Any]]:
        """Return (plugin label, function) for each plugin that implements ``hook``."""
        caller = getattr(self.hook, hook)
        return [(impl.plugin_name.partition("@")[0], impl.function) for impl in caller.get_hookimpls()]

    def hooks_of(self, plugin: Plugin) -> list[str]:
        """Return the names of the hooks that a plugin implements."""
        module = self._manager.get_plugin(f"{plugin.name}@{plugin.distribution}")
        return sorted(caller.name for caller in self._manager.get_hookcallers(module) or ()) if module else []

    def observe(self, hook: str, **arguments: Any) -> list[tuple[str, Broken]]:
        """Call the observers of ``hook``, and their wrappers; return what each plugin raised, by its name.

        What they print goes to stderr: it is no part of any result. May be called from several threads: observers are
        called one at a time.
        """
        _ = self.found
        with self._observing, printing_to_stderr() if sys.stdout is not sys.stderr else nullcontext():
            getattr(self._observers.hook, hook)(**arguments)
            faults, self._faults = self._faults, []
        return faults

    def _add_observers(self, module: object, name: str) -> None:
        """Register a plugin's observers so that what one raises is noted, and stops neither the others nor the run."""
        contained: dict[str, Any] = {}
        for hook in hookspecs.OBSERVERS:
            for impl in getattr(self._manager.hook, hook).get_hookimpls():
                if impl.plugin is module:
                    contain = contained_wrapper if impl.wrapper or impl.hookwrapper else contained_observer
                    contained[hook] = contain(impl.function, partial(self._note_fault, name.partition("@")[0]))
        if contained:
            self._observers.register(SimpleNamespace(**contained), name)

    def _note_fault(self, plugin: str, broken: Broken) -> None:
        self._faults.append((plugin, broken))

    def ask_each(self, hook: str, call: Callable[[Callable[..., Any]], T]) -> Iterator[tuple[str, T | Broken]]:
        """Yield each plugin that implements ``hook``, by name, with what ``call`` got from its function.

        What a plugin prints meanwhile goes to stderr: it is no part of any result.
        """
        for name, function in self.implementations(hook):
            with printing_to_stderr():
                outcome = guarded(call, function)
            yield name, outcome

    def components(self, kind: ComponentKind) -> Mapping[str, type[Component]]:
        """Return the components of a kind by name, without those that only a family knows.

        Raises :class:`PluginError`, naming both distributions, where two plugins claim one name.
        """
        return {name: component for name, component in self._named(kind).items() if not component.is_family()}

    def families(self, kind: ComponentKind) -> Mapping[str, type[Component]]:
        """Return the families of components of a kind: each owns the names that begin with its own and a colon."""
        return {name: component for name, component in self._named(kind).items() if component.is_family()}

    def find(self, kind: ComponentKind, name: str) -> type[Component] | None:
        """Return the component of a name, a family's member too; None: there is none.

        Raises what the family announces, and :class:`PluginError` where it gives no component.
        """
        named = self._named(kind)
        family, colon, rest = name.partition(":")
        if not colon or family not in named:
            return None if name not in named or named[name].is_family() else named[name]
        if not named[family].is_family():
            return None
        if (kind, name) not in self._members:
            self._members[kind, name] = member_of(named[family], rest, _BASES[kind][1])
        return self._members[kind, name]

    def _named(self, kind: ComponentKind) -> Mapping[str, type[Component]]:
        owners: dict[str, tuple[type[Component], Plugin]] = {}
        for plugin in self.found:
            for component in plugin.components:
                if component.kind is not kind:
                    continue
                if component.name in owners:
                    raise PluginError(
                        f"two plugins bring a {kind} named {component.name!r}: "
                        f"{owners[component.name][1].label} and {plugin.label}; "
                        f"block one with --no-plugin NAME, or uninstall it"
                    )
                owners[component.name] = component, plugin
        return {name: owners[name][0] for name in sorted(owners)}

    def commands(self, taken: Collection[str]) -> dict[str, tuple[str, click.Command]]:
        """Return the commands that plugins bring, by name, each with its plugin's name.

        ``taken`` holds the names of charbench's own. Raises :class:`PluginError` for what is no command, for a name
        that is taken, and for what the hook raises: who types a plugin's command needs to know.
        """
        import click

        found: dict[str, tuple[str, click.Command]] = {}
        for plugin, outcome in self.ask_each("charbench_register_commands", lambda register: list(register())):
            if isinstance(outcome, Broken):
                raise PluginError(f"plugin {plugin}: charbench_register_commands: {outcome.message}")
            for given in outcome:
                if not isinstance(given, click.Command) or not given.name:
                    raise PluginError(f"plugin {plugin}: {given!r:.100} is no click.Command with a name")
                owner = (
                    "charbench"
                    if given.name in taken
                    else f"plugin {found[given.name][0]}"
                    if given.name in found
                    else ""
                )
                if owner:
                    raise PluginError(f"plugin {plugin} brings a command {given.name!r}, which {owner} has already")
                found[given.name] = plugin, given
        return found

    def component(self, kind: ComponentKind, name: str) -> type[Component]:
        """Return one component; raises with the choices, and with what failed to load, if there is none."""
        found = self.find(kind, name)
        if found is None:
            families = [f"{family}:{one.member_example or 'NAME'}" for family, one in self.families(kind).items()]
            raise UnknownNameError(str(kind), name, [*self.components(kind), *families], self._why_missing(name))
        return found

    def is_blocked(self, kind: ComponentKind, name: str) -> bool:
        """Return whether a component is missing only because its plugin is blocked: no broken plugin can have it."""
        if self.find(kind, name) or not any(plugin.blocked for plugin in self.found):
            return False
        return not any(plugin.error for plugin in self.found)

    def create(
        self,
        kind: ComponentKind,
        name: str,
        options: Mapping[str, Any],
        where: Callable[[Location], str] = lambda _location: "",
    ) -> Any:
        """Return an instance of a component with its options checked.

        ``where`` tells from an option's location in ``options`` what a message begins with: its file and line.
        """
        component = self.component(kind, name)
        try:
            config = component.Config.model_validate(dict(options))
        except ValidationError as error:
            raise ConfigError(option_faults(kind, name, component.Config, error, where)) from None
        return asked(f"{kind} {name}", component, config)

    def key_issuers(self) -> dict[str, str]:
        """Return the variables of keys that components declare, each with the host that issues its key."""
        components = [component for plugin in self.found for component in plugin.components]
        offered = {one.api_key_env: one.url for one in self.default_endpoints()}
        return offered | {name: url for component in components for name, url in component.key_issuers.items()}

    def default_endpoints(self) -> tuple[DefaultEndpoint, ...]:
        """Return the APIs that components declare for those that name no endpoint, in the order of their plugins."""
        given = [one for plugin in self.found for component in plugin.components for one in component.default_endpoints]
        return tuple(dict.fromkeys(given))

    def broken_lines(self) -> list[str]:
        """Return a line for each broken plugin, with its error."""
        return [_broken_line(plugin) for plugin in self.found if plugin.error]

    def _why_missing(self, name: str) -> str:
        broken = [plugin for plugin in self.found if plugin.error]
        mine = [p for p in broken if name in (p.name, p.distribution) or name in p.distribution] or broken
        parts = [f"\n  {_broken_line(p)}" for p in mine]
        parts += [f"\n  plugin {p.label} is blocked" for p in self.found if p.blocked and p.name == name]
        return "".join(parts)


def _broken_line(plugin: Plugin) -> str:
    return f"plugin {plugin.label} is broken: {plugin.error}"


def _components_of(manager: pluggy.PluginManager, module: object) -> list[type[Component]]:
    for caller in manager.get_hookcallers(module) or ():
        for impl in caller.get_hookimpls():
            if impl.plugin is not module:
                continue
            if is_async(impl.function):
                raise PluginError(f"{caller.name} is async; hooks are plain functions")
            if (impl.wrapper or impl.hookwrapper) and caller.name not in hookspecs.OBSERVERS:
                raise PluginError(f"{caller.name} cannot be wrapped; only {', '.join(hookspecs.OBSERVERS)} can")
    components: list[type[Component]] = []
    for kind, (hook, bases) in _BASES.items():
        for impl in getattr(manager.hook, hook).get_hookimpls():
            if impl.plugin is not module:
                continue
            for component in _given(hook, impl.function()):
                check_component(component, kind, bases)
                components.append(component)
    hooks = sorted(name for name in vars(module) if name.startswith(f"{hookspecs.PROJECT}_"))
    if hooks and not components and not manager.get_hookcallers(module):
        raise PluginError(f"{hooks[0]} is not marked: put @charbench.hookimpl above it")
    return components


def _given(hook: str, given: Any) -> Iterable[Any]:
    if isinstance(given, type) or not isinstance(given, Iterable):
        raise PluginError(f"{hook} gave {given!r:.100}; a list of classes is needed")
    return given


def option_faults(
    kind: ComponentKind,
    name: str,
    config: type[BaseModel],
    error: ValidationError,
    where: Callable[[Location], str] = lambda _location: "",
) -> list[str]:
    """Turn a component's validation error into one line for each wrong option."""
    from charbench.errors import suggest

    faults = []
    for item in error.errors(include_url=False):
        option = ".".join(str(part) for part in item["loc"]) or "(all)"
        path = f"{where(item['loc'])}option {kind}.{name}.{option}"
        if item["type"] == "extra_forbidden":
            faults.append(f"{path}: no such option{suggest(option, sorted(config.model_fields))}")
        else:
            faults.append(f"{path}: found {item.get('input')!r}; {item['msg'].lower()}")
    return faults
