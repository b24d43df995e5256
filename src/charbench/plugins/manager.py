"""Finds, loads, blocks and reports plugins, and asks them for components."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property, partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeVar

import pluggy
from pydantic import ValidationError

from charbench.components.base import Component, ComponentKind
from charbench.components.containment import Broken, asked, guarded, printing_to_stderr
from charbench.components.endpoint import DefaultEndpoint
from charbench.components.garbage import no_collection
from charbench.config import user_cache
from charbench.errors import ConfigError, PluginError, UnknownNameError
from charbench.plugins import hookspecs
from charbench.plugins.index import Index, Installed, Listed, installed, owners

if TYPE_CHECKING:
    import click
    from pydantic import BaseModel

    from charbench.config.yaml_positions import Location

T = TypeVar("T")


@dataclass(slots=True)
class Plugin(Listed):
    """A plugin that was loaded, unless it is blocked; ``trace`` is the traceback of its error."""

    trace: str = ""
    components: list[type[Component]] = field(default_factory=list)


class Plugins:
    """The plugins of one program: loaded when first asked for, never at import.

    Where it is known from an earlier command what they bring, only those are loaded that something is asked of.
    """

    def __init__(self, disabled: Iterable[str] = ()) -> None:
        self.disabled = frozenset(disabled)
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._faults: list[tuple[str, Broken]] = []
        self._observing = threading.RLock()
        self._loaded: dict[int, Plugin] = {}
        self._members: dict[tuple[ComponentKind, str], type[Component]] = {}

    @cached_property
    def _points(self) -> list[Installed]:
        return installed()

    @cached_property
    def _index(self) -> Index:
        return Index(self._points, self.disabled)

    @cached_property
    def _known(self) -> list[Listed] | None:
        """What the plugins bring, as an earlier command has found; None: that is not known."""
        return self._index.recall() if user_cache.is_used() else None

    @cached_property
    def found(self) -> list[Plugin]:
        """Every plugin that is installed, sorted by name, loaded unless it is blocked."""
        if self._loaded or self._known is not None or not user_cache.is_used() or not self._index.is_unloaded():
            return self._load(range(len(self._points)))
        from charbench.plugins.watched_loading import watched

        with watched() as reads:
            plugins = self._load(range(len(self._points)))
        self._index.keep(plugins, reads)
        return plugins

    @property
    def listed(self) -> Sequence[Listed]:
        """Every plugin that is installed, sorted by name, with what it brings."""
        return self.found if "found" in vars(self) or self._known is None else self._known

    def _some(self, is_wanted: Callable[[Listed], bool]) -> list[Plugin]:
        """Return the plugins that are wanted, loaded; others are loaded only where it is not known what they bring."""
        if "found" not in vars(self) and (known := self._known) is not None:
            wanted = [number for number, listed in enumerate(known) if is_wanted(listed)]
            plugins = self._load(wanted)
            if all(_bring_the_same(plugin, known[number]) for number, plugin in zip(wanted, plugins, strict=True)):
                return plugins
            self.__dict__["_known"] = None
            self._index.forget()
        return [plugin for plugin in self.found if is_wanted(plugin)]

    def _load(self, numbers: Iterable[int]) -> list[Plugin]:
        """Return the plugins with these numbers, each loaded once."""
        plugins = []
        with no_collection(), printing_to_stderr():  # what a plugin prints on loading is no part of any result
            for number in numbers:
                if number not in self._loaded:
                    self._loaded[number] = self._plugin(self._points[number])
                plugins.append(self._loaded[number])
        return plugins

    def _plugin(self, one: Installed) -> Plugin:
        plugin = Plugin(one.point.name, one.distribution, one.version, blocked=one.point.name in self.disabled)
        if not plugin.blocked:
            outcome = guarded(self._register, one, plugin)
            if isinstance(outcome, Broken):
                plugin.error, plugin.trace = outcome.message, outcome.trace
        return plugin

    def check_blocked(self) -> None:
        """Raise :class:`UnknownNameError` where the name of a plugin to be blocked is misspelt: it would be used.

        A name that is like no other's is of a plugin that is not installed here.
        """
        if self.disabled:
            known = {one.point.name for one in self._points}
            for name in sorted(self.disabled - known):
                if get_close_matches(name, known, n=1, cutoff=0.75):
                    raise UnknownNameError("plugin", name, known)

    def _register(self, one: Installed, plugin: Plugin) -> None:
        from charbench.plugins.loading import components_of, describe

        module = one.point.load()
        if (other := self._manager.get_name(module)) is not None:
            raise PluginError(f"the same module is registered already, as {other!r}")
        name = f"{plugin.name}@{plugin.distribution}"
        sound = False
        try:
            self._manager.register(module, name)
            self._manager.check_pending()
            components = components_of(self._manager, module)
            describe(plugin, components, self._manager.get_hookcallers(module) or ())
            plugin.components = components
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
        return [(impl.plugin_name.partition("@")[0], impl.function) for impl in self._implementations(hook)]

    def _implementations(self, hook: str) -> list[pluggy.HookImpl]:
        """Return what implements a hook, as if all plugins had been registered in the order of their names."""
        plugins = self._some(lambda listed: hook in listed.hooks)
        rank = {f"{plugin.name}@{plugin.distribution}": number for number, plugin in enumerate(plugins)}

        def order(impl: pluggy.HookImpl) -> tuple[bool, int, int]:
            place = rank[impl.plugin_name]
            return impl.wrapper or impl.hookwrapper, impl.tryfirst - impl.trylast, -place if impl.trylast else place

        found = [impl for impl in getattr(self._manager.hook, hook).get_hookimpls() if impl.plugin_name in rank]
        return sorted(found, key=order)

    def observe(self, hook: str, **arguments: Any) -> list[tuple[str, Broken]]:
        """Call the observers of ``hook``, and their wrappers; return what each plugin raised, by its name.

        What they print goes to stderr: it is no part of any result. May be called from several threads: observers are
        called one at a time.
        """
        with self._observing, printing_to_stderr() if sys.stdout is not sys.stderr else nullcontext():
            getattr(self._observers.hook, hook)(**arguments)
            faults, self._faults = self._faults, []
        return faults

    @cached_property
    def _observers(self) -> pluggy.PluginManager:
        """The plugins' observers, so that what one raises is noted, and stops neither the others nor the run."""
        from charbench.components.observers import contained_observer, contained_wrapper

        manager = pluggy.PluginManager(hookspecs.PROJECT)
        manager.add_hookspecs(hookspecs)
        contained: dict[str, dict[str, Any]] = {}
        for hook in hookspecs.OBSERVERS:
            for impl in self._implementations(hook):
                contain = contained_wrapper if impl.wrapper or impl.hookwrapper else contained_observer
                note = partial(self._note_fault, impl.plugin_name.partition("@")[0])
                contained.setdefault(impl.plugin_name, {})[hook] = contain(impl.function, note)
        for name in dict.fromkeys(f"{one.point.name}@{one.distribution}" for one in self._points):
            if name in contained:
                manager.register(SimpleNamespace(**contained[name]), name)
        return manager

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
        family, colon, rest = name.partition(":")
        named = self._named(kind, family)
        if not colon or family not in named:
            return None if colon or family not in named or named[family].is_family() else named[family]
        if not named[family].is_family():
            return None
        if (kind, name) not in self._members:
            from charbench.plugins.families import member_of
            from charbench.plugins.loading import bases_of

            self._members[kind, name] = member_of(named[family], rest, bases_of(kind))
        return self._members[kind, name]

    def _named(self, kind: ComponentKind, name: str | None = None) -> dict[str, type[Component]]:
        """Return the components of a kind, by name; ``name``: at most that one."""
        owners(self.listed, kind.value)
        plugins = self._some(lambda listed: any(one.kind == kind and name in (None, one.name) for one in listed.brings))
        found = {one.name: one for plugin in plugins for one in plugin.components if one.kind is kind}
        return {own: found[own] for own in sorted(found) if name in (None, own)}

    def defaults(self, kind: ComponentKind) -> list[str]:
        """Return the names of the components that are used where none is configured, headline scorers first."""
        owners(self.listed, kind.value)
        mine = [one for plugin in self.listed for one in plugin.brings if one.kind == kind and one.is_default]
        ranks = [(not one.has_headline, not one.needs_file, one.name) for one in mine if not one.is_family]
        return [name for *_, name in sorted(ranks)]

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
        if self.find(kind, name) or not any(plugin.blocked for plugin in self.listed):
            return False
        return not any(plugin.error for plugin in self.listed)

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
        offered = {one.api_key_env: one.url for one in self.default_endpoints()}
        return offered | {name: url for plugin in self.listed for name, url in plugin.key_issuers.items()}

    def default_endpoints(self) -> tuple[DefaultEndpoint, ...]:
        """Return the APIs that components declare for those that name no endpoint, in the order of their plugins."""
        given = [DefaultEndpoint(**one) for plugin in self.listed for one in plugin.default_endpoints]
        return tuple(dict.fromkeys(given))

    def broken_lines(self) -> list[str]:
        """Return a line for each broken plugin, with its error."""
        return [_broken_line(plugin) for plugin in self.listed if plugin.error]

    def _why_missing(self, name: str) -> str:
        broken = [plugin for plugin in self.listed if plugin.error]
        mine = [p for p in broken if name in (p.name, p.distribution) or name in p.distribution] or broken
        parts = [f"\n  {_broken_line(p)}" for p in mine]
        parts += [f"\n  plugin {p.label} is blocked" for p in self.listed if p.blocked and p.name == name]
        return "".join(parts)


def _bring_the_same(plugin: Plugin, listed: Listed) -> bool:
    return not plugin.error and all(
        getattr(plugin, one) == getattr(listed, one) for one in ("brings", "hooks", "key_issuers", "default_endpoints")
    )


def _broken_line(plugin: Listed) -> str:
    return f"plugin {plugin.label} is broken: {plugin.error}"


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
