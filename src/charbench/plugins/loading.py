"""What a plugin's module brings: its components, each well-formed, and what lists show of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from charbench.components.base import Component, ComponentKind
from charbench.errors import PluginError
from charbench.plugins import hookspecs
from charbench.plugins.index import Brought, Listed

if TYPE_CHECKING:
    import pluggy

_HOOKS = {
    ComponentKind.SOURCE: "charbench_checkpoint_sources",
    ComponentKind.TRAINER: "charbench_trainers",
    ComponentKind.SAMPLER: "charbench_samplers",
    ComponentKind.SCORER: "charbench_scorers",
    ComponentKind.PERTURBATION: "charbench_perturbations",
    ComponentKind.REPORTER: "charbench_reporters",
}


def bases_of(kind: ComponentKind) -> Mapping[type[Component], str]:
    """Return the base classes of a kind's components, each with the method that they must have."""
    if kind is ComponentKind.SOURCE:
        from charbench.components.source import CheckpointSource

        return {CheckpointSource: "find"}
    if kind is ComponentKind.TRAINER:
        from charbench.components.trainer import Trainer

        return {Trainer: "train"}
    if kind is ComponentKind.SAMPLER:
        from charbench.components.sampler import Sampler

        return {Sampler: "sample"}
    if kind is ComponentKind.SCORER:
        from charbench.components.pair_scorer import PairScorer
        from charbench.components.scorer import Scorer

        return {Scorer: "score", PairScorer: "compare"}
    if kind is ComponentKind.PERTURBATION:
        from charbench.components.perturbation import Perturbation

        return {Perturbation: "variants"}
    from charbench.components.reporter import Reporter

    return {Reporter: "report or report_files or export"}


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
    from charbench.plugins.families import member_of

    return member_of(component, component.member_example, bases_of(component.kind))


def components_of(manager: pluggy.PluginManager, module: object) -> list[type[Component]]:
    """Return the components that a plugin's hooks give; raises :class:`PluginError` for hooks that are not sound."""
    _check_hooks(manager, module)
    components = list(_components(manager, module))
    hooks = sorted(name for name in vars(module) if name.startswith(f"{hookspecs.PROJECT}_"))
    if hooks and not components and not manager.get_hookcallers(module):
        raise PluginError(f"{hooks[0]} is not marked: put @charbench.hookimpl above it")
    return components


def _check_hooks(manager: pluggy.PluginManager, module: object) -> None:
    from inspect import isasyncgenfunction, iscoroutinefunction

    for caller in manager.get_hookcallers(module) or ():
        for impl in caller.get_hookimpls():
            if impl.plugin is not module:
                continue
            if iscoroutinefunction(impl.function) or isasyncgenfunction(impl.function):
                raise PluginError(f"{caller.name} is async; hooks are plain functions")
            if (impl.wrapper or impl.hookwrapper) and caller.name not in hookspecs.OBSERVERS:
                raise PluginError(f"{caller.name} cannot be wrapped; only {', '.join(hookspecs.OBSERVERS)} can")


def _components(manager: pluggy.PluginManager, module: object) -> Iterator[type[Component]]:
    for kind, hook in _HOOKS.items():
        for impl in getattr(manager.hook, hook).get_hookimpls():
            if impl.plugin is not module:
                continue
            from charbench.plugins.component_checks import check_component

            bases = bases_of(kind)
            for component in _given(hook, impl.function()):
                check_component(component, kind, bases)
                yield component


def _given(hook: str, given: Any) -> Iterable[Any]:
    if isinstance(given, type) or not isinstance(given, Iterable):
        raise PluginError(f"{hook} gave {given!r:.100}; a list of classes is needed")
    return given


def describe(plugin: Listed, components: Iterable[type[Component]], callers: Iterable[pluggy.HookCaller]) -> None:
    """Write into ``plugin`` what lists show of it: its components, and the hooks that it implements."""
    implemented = list(callers)
    plugin.hooks = sorted(caller.name for caller in implemented)
    plugin.deprecations = [
        f"{caller.name} is deprecated: {caller.spec.warn_on_impl}"
        for caller in implemented
        if caller.spec and caller.spec.warn_on_impl
    ]
    for one in components:
        has_headline = any(metric.role == "headline" for metric in getattr(one, "metrics", ()))
        needs_file = bool(getattr(one, "needs_file", True))
        of_kind = one.kind.value, one.name, bool(one.is_default), one.is_family()
        plugin.brings.append(Brought(*of_kind, has_headline=has_headline, needs_file=needs_file))
        plugin.key_issuers |= one.key_issuers
        plugin.default_endpoints += [asdict(endpoint) for endpoint in one.default_endpoints]
