"""What classes of components say of themselves by the methods that they define."""

from __future__ import annotations

from collections.abc import Sequence

from charbench.components.base import Component
from charbench.components.reporter import Reporter
from charbench.components.sampler import Sampler


def asks_endpoint(sampler: type[Component]) -> bool:
    """Whether samplers of this class ask an endpoint for models by name."""
    return issubclass(sampler, Sampler) and sampler.endpoint_of is not Sampler.endpoint_of


def chooses_requests(sampler: Component) -> bool:
    """Whether a sampler says itself what is asked."""
    return type(sampler).requests is not Sampler.requests  # type: ignore[attr-defined]


def chooses_checkpoints(sampler: Component) -> bool:
    """Whether a sampler says which checkpoints are its own."""
    return type(sampler).accepts is not Sampler.accepts  # type: ignore[attr-defined]


def reports_by(reporter: type[Component], methods: Sequence[str]) -> bool:
    """Whether a reporter defines one of these methods."""
    return any(getattr(reporter, method) is not getattr(Reporter, method) for method in methods)


def is_kept(reporter: type[Component]) -> bool:
    """Whether each run leaves this reporter's report in the lab's folder."""
    return issubclass(reporter, Reporter) and reporter.kept_as is not None
