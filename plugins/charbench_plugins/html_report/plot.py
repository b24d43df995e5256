"""One plot of a report, as a Vega-Lite specification."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"


@dataclass(frozen=True, slots=True)
class Plot:
    """One plot: ``name`` is fit for a file, ``alt`` says in words what it shows, ``rows`` are its data."""

    name: str
    title: str
    alt: str
    rows: Sequence[Mapping[str, Any]]
    layers: Mapping[str, Any]
    wide: bool = False
    """Whether it takes the whole width of a page."""

    @property
    def spec(self) -> dict[str, Any]:
        """The specification for Vega-Lite, with its data."""
        return {
            "$schema": SCHEMA,
            "description": self.alt,
            "data": {"values": list(self.rows)},
            "autosize": {"type": "fit-x", "contains": "padding"},
            **self.layers,
        }
