"""Makes the pages: reads what each one shows, and has the reporter write it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from charbench.components.containment import asked
from charbench.components.reporter import ReportContent, Reporter
from charbench.components.web_page import LivePage, PageLink, ReportPage, ViewPage, WebPage
from charbench.errors import StoreError
from charbench.store.database import Database
from charbench.store.files import StoreFiles
from charbench.text.terminal import harmless_output
from charbench.view.browse import Browser

_LINKS = {"report": ("Report", "./"), "samples": ("Samples", "samples"), "live": ("Live", "live")}
"""Title and address of each page, seen from any of them."""


def store_is_there(database: Database) -> Callable[[], None]:
    """Return what raises :class:`StoreError` once a store's file was deleted, moved or replaced.

    An open connection would go on reading a file that nobody else finds any more.
    """
    files = StoreFiles(database.path) if database.path is not None else None

    def check() -> None:
        if files is not None and (fault := files.main_fault()) is not None:
            raise StoreError(f"store {database.name} {fault}; start charbench view again where there is a new one")

    return check


@dataclass
class Pages:
    """What is served; every method may be called in any thread, and reads the store anew."""

    reporter: Reporter
    read_report: Callable[[], ReportContent]
    browser: Browser
    check_store: Callable[[], None]
    """Raises :class:`StoreError` where the store is no longer the one that was opened."""
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock)

    def report(self) -> WebPage:
        """Return the first page: the report."""
        self.check_store()
        with self._one_at_a_time:
            return self._written(ReportPage(self.read_report(), _links("report")))

    def samples(self, asked: Mapping[str, str]) -> tuple[WebPage, int | None]:
        """Return the page of samples for the parameters of its address, and the seconds after which to ask again."""
        self.check_store()
        page = self.browser.samples(asked, _links("samples"))
        return self._written(page), page.reload_after

    def sample(self, key: str) -> WebPage:
        """Return the page of one sample. Raises :class:`UnknownNameError` where there is none."""
        self.check_store()
        return self._written(self.browser.sample(key, _links("sample")))

    def live(self) -> WebPage:
        """Return the page of what goes on."""
        return self._written(LivePage("events", _links("live")))

    def _written(self, page: ViewPage) -> WebPage:
        made: WebPage = asked(f"reporter {self.reporter.name}", self.reporter.view, page)
        return replace(made, text=harmless_output(made.text))


def _links(current: str) -> list[PageLink]:
    return [PageLink(title, address, name == current) for name, (title, address) in _LINKS.items()]
