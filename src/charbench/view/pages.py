"""Makes the pages: reads what each one shows, and has the reporter write it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from charbench.components.containment import asked
from charbench.components.reporter import ReportContent, Reporter
from charbench.components.web_page import PageLink, ReportPage, WebPage
from charbench.text.terminal import harmless_output

_LINKS = {"report": ("Report", "./")}
"""Title and address of each page, seen from any of them."""


@dataclass
class Pages:
    """What is served; every method may be called in any thread, and reads the store anew."""

    reporter: Reporter
    read_report: Callable[[], ReportContent]
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock)

    def report(self) -> WebPage:
        """Return the first page: the report."""
        with self._one_at_a_time:
            return self._written(ReportPage(self.read_report(), _links("report")))

    def _written(self, page: ReportPage) -> WebPage:
        made: WebPage = asked(f"reporter {self.reporter.name}", self.reporter.view, page)
        return replace(made, text=harmless_output(made.text))


def _links(current: str) -> list[PageLink]:
    return [PageLink(title, address, name == current) for name, (title, address) in _LINKS.items()]
