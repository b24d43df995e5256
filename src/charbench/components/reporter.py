"""Reporters: the formats of ``charbench report`` and ``charbench export``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from charbench.components.base import Component, ComponentKind
from charbench.domain.sample_columns import SAMPLE_KINDS, ColumnKind
from charbench.domain.table import Table

if TYPE_CHECKING:
    from charbench.components.web_page import ViewPage, WebPage


def _none(_most: int, _zeros: bool) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    return iter(())


@dataclass(frozen=True)
class ReportContent:
    """What a report says. Nothing of it can command a terminal; secrets are hidden."""

    read_tables: Callable[[], Sequence[Table]]
    read_rows: Callable[[], Sequence[Mapping[str, Any]]]
    read_data: Callable[[], Mapping[str, Any]]
    notes: Sequence[str] = ()
    """Lines that limit what the figures say, to be shown with them."""
    read_samples: Callable[[int, bool], Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]] = _none
    """See :meth:`samples`, whose arguments it takes."""
    read_runs: Callable[[], Sequence[Mapping[str, Any]]] = tuple
    caption: str = ""
    """What every table that is read alone has to say besides its own ``caption``: the setting."""

    @cached_property
    def tables(self) -> Sequence[Table]:
        """The tables, of text, as a terminal shows them."""
        return self.read_tables()

    @cached_property
    def rows(self) -> Sequence[Mapping[str, Any]]:
        """The figures of each row of the main table, by name."""
        return self.read_rows()

    @cached_property
    def data(self) -> Mapping[str, Any]:
        """Everything, as ``charbench report --json`` prints it."""
        return self.read_data()

    @cached_property
    def runs(self) -> Sequence[Mapping[str, Any]]:
        """The newest runs on the store: id, command (without secrets), version, status, started_at, added."""
        return self.read_runs()

    def samples(self, most: int, *, zeros: bool = True) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
        """Yield the fields of up to ``most`` of the samples that the report counts, each with its scores.

        Most scores are 0. With ``zeros`` off those are left out, which is quicker; the zeros of the metric that the
        report ranks by stay, and so do those that have evidence (``why``, ``spans``, ``votes``).

        They are taken evenly from the rows and their prompts. Unlike all else here, their texts are as the models
        wrote them: escape them for where they are shown.
        """
        return self.read_samples(most, zeros)


Row = tuple[Any, ...]
"""A row of a tidy table: numbers, texts, booleans, :class:`datetime.datetime` in UTC without a zone, or None."""


@dataclass(frozen=True)
class ExportedTable:
    """A tidy table to export, read from the store as it is iterated over, with the texts as the models wrote them."""

    name: str
    """``samples``, ``scores``, ``spans`` or ``checkpoints``."""
    read_kinds: Callable[[], Mapping[str, ColumnKind]]
    read: Callable[[Sequence[str]], Iterator[Row]]
    raw: bool = False
    """Whether texts are wanted as they are, even where a spreadsheet would take one for a formula."""

    @cached_property
    def kinds(self) -> Mapping[str, ColumnKind]:
        """What each column holds, in the order of the columns: see :class:`charbench.ColumnKind`."""
        return self.read_kinds()

    @property
    def columns(self) -> Sequence[str]:
        """The columns' names."""
        return tuple(self.kinds)

    def rows(self, columns: Sequence[str] | None = None) -> Iterator[Row]:
        """Yield the rows, each with a value for every column; or with those of ``columns`` alone."""
        return self.read(self.columns if columns is None else tuple(columns))


@dataclass(frozen=True)
class ExportedSamples:
    """Samples to export, read from the store as they are iterated over, with the texts as the models wrote them."""

    read_columns: Callable[[], Sequence[str]]
    read: Callable[[bool], Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]]
    raw: bool = False
    """See :class:`ExportedTable`."""

    @cached_property
    def columns(self) -> Sequence[str]:
        """The names of all fields that a row may have, the lab's first."""
        return self.read_columns()

    @property
    def kinds(self) -> Mapping[str, ColumnKind]:
        """What each field holds; a time is text in ISO 8601 here."""
        return {name: SAMPLE_KINDS.get(name, ColumnKind.TEXT) for name in self.columns}

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the fields of each sample."""
        return (row for row, _ in self.read(False))

    def rows_with_scores(self) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
        """Yield the fields of each sample, and its scores: scorer, persona, metric, channel, value and evidence."""
        return self.read(True)


class Reporter(Component):
    """A format of ``charbench report`` (it defines :meth:`report` or, for several files, :meth:`report_files`), of
    ``export`` (:meth:`export`), or of several. The reporter ``html`` makes the pages of ``charbench view``, too."""

    kind: ClassVar[ComponentKind] = ComponentKind.REPORTER
    kept_as: ClassVar[str | None] = None
    """Name of a file in the lab's folder ``.charbench`` that each run with something to report writes anew."""
    of_reports: ClassVar[bool] = False
    """Whether it lays out what ``charbench report`` holds, by its names: ``charbench verdict`` and ``compare`` then
    give it the report of their checkpoints."""

    def report(self, report: ReportContent) -> Iterable[str]:
        """Yield the report's text in pieces. Control characters in it are escaped before it is printed."""
        raise NotImplementedError

    def report_files(self, report: ReportContent) -> Iterable[tuple[str, bytes]]:
        """Yield the names and contents of files, for a format that is several of them; ``-O`` names their folder."""
        raise NotImplementedError

    def export(self, samples: ExportedSamples) -> Iterable[str | bytes]:
        """Yield the file in pieces, of text or of bytes, reading the samples once."""
        raise NotImplementedError

    def export_table(self, table: ExportedTable) -> Iterable[str | bytes]:
        """Yield the file of ``charbench export --table`` likewise, for a format that can hold any table."""
        raise NotImplementedError

    def view(self, page: ViewPage) -> WebPage:
        """Return a page of ``charbench view``; called in threads, of which several may ask at once."""
        raise NotImplementedError
