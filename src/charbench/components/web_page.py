"""The pages of ``charbench view``: what there is to show on each, and what a reporter makes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from charbench.components.reporter import ReportContent


@dataclass(frozen=True, slots=True)
class PageLink:
    """A link to another page of the view. ``current``: it is the page that it stands on."""

    title: str
    address: str
    current: bool = False


@dataclass(frozen=True, slots=True)
class ReportPage:
    """The first page: the report of what the store holds, as :meth:`charbench.Reporter.report` is given it."""

    report: ReportContent
    links: Sequence[PageLink] = ()


@dataclass(frozen=True, slots=True)
class WebPage:
    """A page of HTML. The texts of its elements ``script`` and ``style`` are named: a browser applies no others."""

    text: str
    scripts: Sequence[str] = ()
    styles: Sequence[str] = ()


ScoredSample = tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]
"""A sample's fields by their names in exports, and its scores: scorer, persona, metric, channel, value and evidence.

Evidence are ``spans`` (``[start, end, marker, tier, *flags]``, in characters of the channel's text) and ``why``.
"""


@dataclass(frozen=True, slots=True)
class SamplesPage:
    """Samples that a user looks for, the newest first."""

    samples: Sequence[ScoredSample]
    chosen: Mapping[str, str]
    """What was asked for, by the names of the parameters of the page's address."""
    choices: Mapping[str, Sequence[tuple[str, str]]]
    """Of parameters with a few values, these and what each means."""
    known_checkpoints: Sequence[str] = ()
    """Names that may be typed; not all where they are many."""
    lines: Sequence[str] = ()
    """What is to be said of the result."""
    fault: str = ""
    """Why nothing was looked for."""
    older: str | None = None
    """Address of the page that follows."""
    metric: str | None = None
    """The metric by which a sample has the character: ``scorer.metric``."""
    links: Sequence[PageLink] = ()
    reload_after: int | None = None
    """Seconds after which there may be more to show."""


@dataclass(frozen=True, slots=True)
class SamplePage:
    """One sample."""

    sample: ScoredSample
    metric: str | None = None
    links: Sequence[PageLink] = ()


@dataclass(frozen=True, slots=True)
class LivePage:
    """What goes on in the store, told by server-sent events.

    Each is a JSON object: ``samples`` (how many the store has), ``runs`` at work (``id``, ``command``, ``host``,
    ``started_at`` in UTC, ``seconds``, ``stages`` of ``title``, ``done``, ``total``, ``ended`` and ``in_flight``
    (what waited for an answer a few seconds ago; None: not told), ``claimed`` by stage, ``samples`` and ``failed`` of
    this run, ``samples_a_second``, ``requests_a_second``, ``completion_tokens``, ``errors`` by kind, ``spent`` and
    ``expected`` by the price table), ``jobs`` (``job_id``, ``persona``, ``status``, ``step``, ``total_steps``,
    ``loss``, ``error`` and, in training, ``losses`` of step and loss), the ``newest`` samples (``key``, ``name``,
    ``state``, ``error_kind``, beginnings of ``response`` and ``thinking``) and ``past`` runs; or ``fault``: why the
    store cannot be read.
    """

    events: str
    """Their address."""
    links: Sequence[PageLink] = ()


ViewPage = ReportPage | SamplesPage | SamplePage | LivePage
