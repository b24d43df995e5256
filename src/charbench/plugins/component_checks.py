"""Whether a class that a plugin gives is a well-formed component of its kind."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from charbench.components.base import Component, ComponentKind
from charbench.components.pair_scorer import PairScorer
from charbench.components.scorer import Scorer
from charbench.domain.score import Metric
from charbench.errors import PluginError

_SLUG = re.compile(r"[a-z][a-z0-9_\-]*")
MEMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-/]{0,99}")
"""What stands after the colon in the name of a family's member: no dot, as ``-o`` has dots around names."""


def check_component(
    component: Any, kind: ComponentKind, bases: Mapping[type[Component], str], member: str = ""
) -> None:
    """Raise :class:`PluginError` unless ``component`` is a well-formed class of its kind.

    ``member`` is the name that it has as the member of a family.
    """
    base = next((base for base in bases if isinstance(component, type) and issubclass(component, base)), None)
    if base is None:
        choices = " or ".join(f"charbench.{base.__name__}" for base in bases)
        raise PluginError(f"{component!r} is not a subclass of {choices}")
    method = bases[base]
    where = f"{component.__module__}.{component.__qualname__}"
    if not member and (not isinstance(component.name, str) or not _SLUG.fullmatch(component.name)):
        raise PluginError(f"{where}.name is {component.name!r}; a lower-case slug such as 'my-{kind}' is needed")
    in_batches = kind is ComponentKind.SAMPLER and component.batch_size > 1
    method = "sample_batch" if in_batches else method
    if all(getattr(component, one) is getattr(base, one) for one in method.split(" or ")):
        raise PluginError(f"{where} does not define {method.replace(' or ', '() or ')}()")
    _check_methods(component, base, where)
    if not (isinstance(component.Config, type) and issubclass(component.Config, BaseModel)):
        raise PluginError(f"{where}.Config is not a pydantic model; derive it from {base.__name__}.Config")
    if kind is ComponentKind.SAMPLER and not (
        isinstance(component.costs_money, bool) and isinstance(component.batch_size, int) and component.batch_size >= 1
    ):
        raise PluginError(f"{where}: costs_money is True or False, and batch_size a whole number from 1 on")
    _check_version(component, where)
    if base is PairScorer and not issubclass(component.Config, PairScorer.Config):
        raise PluginError(f"{where}.Config has no option 'games'; derive it from PairScorer.Config")
    if not component.one_line():
        raise PluginError(f"{where} has neither a summary nor a docstring")
    if base is Scorer:
        metrics = getattr(component, "metrics", ())
        sound = isinstance(metrics, tuple | list) and all(isinstance(metric, Metric) for metric in metrics)
        if not metrics or not sound:
            raise PluginError(f"{where}.metrics must be a tuple of charbench.Metric, and not empty")
        names = [metric.name for metric in metrics]
        if len(set(names)) != len(names):
            raise PluginError(f"{where}.metrics declares a name twice: {', '.join(names)}")


def _check_methods(component: type[Component], base: type[Component], where: str) -> None:
    """Raise unless what stands where the base class has a method is one: plain, async, or returning an awaitable."""
    for owner in component.__mro__[: component.__mro__.index(base)]:
        for name, value in vars(owner).items():
            method = inspect.isfunction(getattr(base, name, None))
            if method and not callable(getattr(component, name)):
                raise PluginError(f"{where}.{name} is {value!r:.50}; a method is needed, plain or async")


def _check_version(component: Any, where: str) -> None:
    """Raise :class:`PluginError` where a sampler's or scorer's ``version`` is no whole number, or has its old name."""
    if not hasattr(component, "version"):
        return
    if isinstance(getattr(component, "protocol", None), int):
        raise PluginError(f"{where}.protocol has a new name: rename it to version, and keep its value")
    if not isinstance(component.version, int) or isinstance(component.version, bool):
        raise PluginError(f"{where}.version is {component.version!r}; a whole number is needed")
