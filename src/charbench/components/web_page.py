"""The pages of ``charbench view``: what there is to show on each, and what a reporter makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
