"""Format ``latex`` of reports: tables for a paper."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Iterator, Sequence
from itertools import product
from math import ceil

from charbench import ReportContent, Reporter, Table

_SIZES = {"small": 100, "footnotesize": 112, "scriptsize": 128}
"""Characters that a table may have across in each size, on a page with lines of 16 cm; expendable columns of one that
is wider than the first are left out."""
_WIDTH = _SIZES["small"]
_BETWEEN = 2.3
"""Characters that the space between two columns takes."""
_LONG = 36
"""A column of text that is wider is folded into lines."""
_LEAST = (24, 18, 12)
"""Characters that are enough across a folded column, and fewer where there is no room for that."""
_LINES = {"small": 11.0, "footnotesize": 9.5, "scriptsize": 8.0}
"""The height of a line in each size, in points."""
_HEIGHT = 560
"""Points that the rows, the caption and the notes of a table on one page may take; a longer one goes over pages."""
_TEXT = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': "''", "`": r"\textasciigrave{}", "–": "--", "−": r"$-$", "±": r"$\pm$", "≥": r"$\geq$",
    "≤": r"$\leq$", "×": r"$\times$", "…": r"\ldots{}",
}  # fmt: skip
_IN_A_NAME = re.compile(r"(?<=[_/:@])(?=\w)")
"""Where a name can go on in the next line."""
_WORDS = re.compile(rf"\s+|(?<=-)|{_IN_A_NAME.pattern}")
_LIGATURES = re.compile(r"-(?=-)|(?<=[?!])`|'(?=')")
_PDFLATEX = re.compile(r"[^\x00-\x7f\u00a1-\u017f‘’“”„†‡•—]")
"""What pdfLaTeX cannot set without a package for it."""


class LatexReporter(Reporter):
    """Tables for a paper, with booktabs: the caption states metric, n, setting and method; notes stand below."""

    name = "latex"

    def report(self, report: ReportContent) -> Iterator[str]:
        """Yield the tables, and what is to be said of all of them as the last one's notes."""
        tables = [
            _table(table, report.caption, (*table.notes, *(report.notes if table is report.tables[-1] else ())))
            for table in report.tables
        ]
        packages = "booktabs,longtable" if any(r"\begin{longtable}" in table for table in tables) else "booktabs"
        yield f"% \\usepackage{{{packages}}}\n"
        if any(map(_PDFLATEX.search, tables)):
            yield "% Compile with LuaLaTeX or XeLaTeX: there are characters that pdfLaTeX does not know.\n"
        yield from (f"\n{table}" for table in tables)


def _table(table: Table, caption: str, notes: Sequence[str]) -> str:
    table, left_out = _fitted(table)
    title = table.title if table.title.endswith(".") else f"{table.title}."
    caption = f"{title} {table.caption} {caption}"
    size = next((size for size, most in _SIZES.items() if _width(table) <= most), "scriptsize")
    shares = _shares(table, _SIZES[size])
    lines = (
        [f"% Left out for lack of space (--format csv has all): {' '.join(', '.join(left_out).split())}"]
        if left_out
        else []
    )
    set_in = _on_one_page if _height(table, size, shares, caption, notes) <= _HEIGHT else _over_pages
    return "\n".join([*lines, *set_in(table, size, shares, caption, notes)]) + "\n"


def _on_one_page(
    table: Table, size: str, shares: dict[int, float], caption: str, notes: Sequence[str]
) -> Iterator[str]:
    yield from (r"\begin{table}", r"\centering", r"\sloppy", rf"\{size}", r"\setlength{\tabcolsep}{4pt}")
    yield rf"\caption{{{_foldable(caption)}}}"
    yield from (rf"\begin{{tabular}}{{{_columns(table, shares)}}}", r"\toprule", _row(table.columns), r"\midrule")
    yield from (_row(row, shares) for row in table.rows)
    yield from (r"\bottomrule", r"\end{tabular}")
    if notes:
        yield from ("", r"\smallskip", r"\begin{minipage}{\linewidth}", r"\footnotesize")
        yield from (rf"{_foldable(note)}\par" for note in notes)
        yield r"\end{minipage}"
    yield r"\end{table}"


def _over_pages(table: Table, size: str, shares: dict[int, float], caption: str, notes: Sequence[str]) -> Iterator[str]:
    """Yield a longtable, whose head stands on each page; the notes follow it as text."""
    head = (r"\toprule", _row(table.columns), r"\midrule")
    yield from (r"\begingroup", r"\sloppy", rf"\{size}", r"\setlength{\tabcolsep}{4pt}")
    yield r"\setlength{\LTcapwidth}{\linewidth}"
    yield rf"\begin{{longtable}}{{{_columns(table, shares)}}}"
    yield from (rf"\caption{{{_foldable(caption)}}} \\", *head, r"\endfirsthead", *head, r"\endhead")
    yield from (r"\bottomrule", r"\endlastfoot")
    yield from (_row(row, shares) for row in table.rows)
    yield r"\end{longtable}"
    if notes:
        yield from ("", r"\footnotesize")
        yield from (rf"{_foldable(note)}\par" for note in notes)
    yield r"\endgroup"


def _height(table: Table, size: str, shares: dict[int, float], caption: str, notes: Sequence[str]) -> float:
    """Return the points that a table is high, near enough to know whether it fits on a page."""
    across = {at: max(1.0, share * _SIZES[size]) for at, share in shares.items()}
    rows = sum(max((ceil(len(row[at]) / wide) for at, wide in across.items()), default=1) for row in table.rows)
    below = sum(ceil(len(note) / _SIZES["footnotesize"]) for note in notes)
    return (rows + 2) * _LINES[size] + below * _LINES["footnotesize"] + ceil(len(caption) / 85) * 12


def _fitted(table: Table) -> tuple[Table, list[str]]:
    """Return the table without the columns that it can do without where it is too wide, and their names."""
    left_out = []
    for name in table.expendable:
        if _width(table) <= _WIDTH:
            break
        if name in table.columns:
            at = table.columns.index(name)
            rows = tuple(row[:at] + row[at + 1 :] for row in table.rows)
            left_out.append(name)
            columns = table.columns[:at] + table.columns[at + 1 :]
            table = Table(table.title, columns, rows, table.left, caption=table.caption)
    return table, left_out


def _width(table: Table) -> float:
    return sum(_widths(table)) + _BETWEEN * len(table.columns)


def _widths(table: Table) -> list[int]:
    """Return the characters of each column, as wide as its cells are; long text can be folded."""
    widths = [max(len(cell) for cell in column) for column in zip(table.columns, *table.rows, strict=True)]
    return [
        min(width, _LONG) if name in table.left else width for name, width in zip(table.columns, widths, strict=True)
    ]


def _shares(table: Table, most: int) -> dict[int, float]:
    """Return which columns are folded into lines, with the share of the page's width that each has.

    ``most`` is how many characters go across the page. Text that is long is folded, and as much of the other text, the
    widest first, as it takes until all columns fit; none is narrower than its longest word.
    """
    widths = _widths(table)
    texts = sorted((at for at, name in enumerate(table.columns) if name in table.left), key=lambda at: -widths[at])
    long = sum(widths[at] == _LONG for at in texts)
    if not long and _width(table) <= most:
        return {}
    columns = list(zip(table.columns, *table.rows, strict=True))
    natural = {at: max(map(len, columns[at])) for at in texts}
    words = {at: max(len(word) + 1 for cell in columns[at] for word in _WORDS.split(cell)) for at in texts}
    fixed = 0.97 * most - _BETWEEN * len(widths) - sum(widths)
    for least, count in product(_LEAST, range(max(1, long), len(texts) + 1)):
        folded = texts[:count]
        needed = {at: max(words[at], min(natural[at], least)) for at in folded}
        free = fixed + sum(widths[at] - needed[at] for at in folded)
        if free >= 0:
            break
    across: dict[int, float] = {}
    for at in reversed(folded):  # what the narrow ones need not is for the wide
        across[at] = min(natural[at], needed[at] + max(0.0, free) / (len(folded) - len(across)))
        free -= across[at] - needed[at]
    return {at: characters / most for at, characters in across.items()}


def _columns(table: Table, shares: dict[int, float]) -> str:
    """Return how the columns are set: text left, the folded of it in lines; figures right."""
    return "".join(
        rf"p{{{shares[at]:.2f}\linewidth}}" if at in shares else "l" if name in table.left else "r"
        for at, name in enumerate(table.columns)
    )


def _row(cells: Sequence[str], folded: Container[int] = ()) -> str:
    row = " & ".join(_foldable(cell) if at in folded else _text(cell) for at, cell in enumerate(cells)) + r" \\"
    return row if not row.startswith(("[", "*")) else "{}" + row  # after \\ either is an argument of it


def _foldable(text: str) -> str:
    """Return a text whose names can go on in the next line after a mark."""
    return r"\allowbreak{}".join(map(_text, _IN_A_NAME.split(text)))


def _text(text: str) -> str:
    """Return a text in which nothing is a command, and no two characters become another."""
    composed = unicodedata.normalize("NFC", " ".join(text.split()))  # an accent of its own is nothing to pdfLaTeX
    parted = _LIGATURES.sub(lambda found: f"{found[0]}\0", composed)
    return "".join("{}" if char == "\0" else _TEXT.get(char, char) for char in parted)
