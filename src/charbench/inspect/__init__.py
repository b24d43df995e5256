"""charbench inside Inspect (https://inspect.aisi.org.uk): its scorers as Inspect's, its checkpoints as models.

Needs ``pip install 'charbench[inspect]'``. Every scorer of samples that is installed can be imported by its name, with
``_`` for ``-``::

    from charbench.inspect import keyword

    Task(dataset=..., solver=generate(), scorer=keyword(persona="pirate"))

:func:`scorer` makes one by its name. Checkpoints are models of the provider ``charbench``:
``inspect eval task.py --model charbench/CHECKPOINT -M lab=DIR``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from charbench.domain.sample import Sample


def scorer(name: str, persona: str | None = None, *, lab: str = ".", **options: Any) -> Any:
    """Return an Inspect scorer that scores as charbench's scorer ``name`` does.

    ``persona`` is who the answers are to be: a name, or a persona file; None: it is each sample's
    ``metadata["persona"]``. ``lab`` is the folder whose ``charbench.yaml``, personas and ``.charbench`` are used,
    ``options`` are the scorer's. A score's value holds that of every ``METRIC.CHANNEL``, NaN (not scored) where there
    is none, and of every headline metric with a threshold whether the response has the trait (``METRIC.trait``; 0 where
    there is no response): its mean is the trait rate. Raises :class:`charbench.CharbenchError` for an unknown scorer,
    persona or option.
    """
    from charbench.inspect.scorers import factory

    return factory(name)(persona=persona, lab=lab, **options)


def inspect_state(sample: Sample, target: str | Sequence[str], metadata: Mapping[str, Any]) -> Any:
    """Return a sample as Inspect's scorers read it: a ``TaskState`` with its turns, its answer and the target.

    Thinking is a reasoning part of the answer. ``target`` is what the response is compared with; several are
    alternatives. ``metadata`` becomes the state's. Epochs count from 1, as Inspect's do. Raises
    :class:`ModuleNotFoundError` without ``charbench[inspect]``.
    """
    from charbench.inspect.conversion import state_of

    return state_of(sample, target, metadata)


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(name)
    from charbench.errors import CharbenchError
    from charbench.inspect.scorers import factory

    try:
        return factory(name.replace("_", "-"))
    except CharbenchError as error:
        raise AttributeError(f"charbench.inspect.{name}: {error}") from None
