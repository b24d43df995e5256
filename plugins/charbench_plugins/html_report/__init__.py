"""Formats ``html`` and ``plots`` of ``charbench report``: one page to read and decide by, and its plots alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from charbench import ReportContent, Reporter, ReportPage, SamplePage, SamplesPage, ViewPage, WebPage, hookimpl


class HtmlReporter(Reporter):
    """One self-contained page: the verdict, a leaderboard, plots, samples side by side, and provenance."""

    name = "html"
    kept_as = "report.html"
    of_reports = True

    def report(self, report: ReportContent) -> Iterator[str]:
        """Yield the page."""
        from charbench_plugins.html_report.page import page_text

        return page_text(report)

    def view(self, page: ViewPage) -> WebPage:
        """Return a page of the view."""
        from charbench_plugins.html_report import browse
        from charbench_plugins.html_report.page import page as report_page

        if isinstance(page, ReportPage):
            return report_page(page.report, page.links)
        if isinstance(page, SamplesPage):
            return browse.samples_page(page)
        if isinstance(page, SamplePage):
            return browse.sample_page(page)
        return browse.live_page(page)


class PlotsReporter(Reporter):
    """Each plot of the report as SVG, PNG and CSV; needs the extra ``plots``."""

    name = "plots"
    of_reports = True

    def report_files(self, report: ReportContent) -> Iterator[tuple[str, bytes]]:
        """Yield three files for each plot."""
        from charbench_plugins.html_report.files import plot_files

        yield from plot_files(report)


@hookimpl
def charbench_reporters() -> Iterable[type[Reporter]]:
    """Return the formats."""
    return [HtmlReporter, PlotsReporter]
