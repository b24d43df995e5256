"""Format ``latex`` of reports: tables for a paper."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from charbench import ReportContent, Reporter, Table

_SIZES = {"small": 100, "footnotesize": 112, "scriptsize": 128}
"""Characters that a table may have across in each size, on a page with lines of 16 cm; expendable columns of one that
is wider than the first are left out."""
_WIDTH = _SIZES["small"]
_BETWEEN = 2.3
"""Characters that the space between two columns takes."""
_LONG = 36
"""A column of text that is wider is folded into lines."""
_TEXT = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': "''", "`": r"\textasciigrave{}", "–": "--", "−": r"$-$", "±": r"$\pm$", "≥": r"$\geq$",
    "≤": r"$\leq$", "×": r"$\times$", "…": r"\ldots{}",
}  # fmt: skip
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
        yield "% \\usepackage{booktabs}\n"
        if any(map(_PDFLATEX.search, tables)):
            yield "% Compile with LuaLaTeX or XeLaTeX: there are characters that pdfLaTeX does not know.\n"
        yield from (f"\n{table}" for table in tables)


def _table(table: Table, caption: str, notes: Sequence[str]) -> str:
    table, left_out = _fitted(table)
    title = table.title if table.title.endswith(".") else f"{table.title}."
    lines = (
        [f"% Left out for lack of space (--format csv has all): {' '.join(', '.join(left_out).split())}"]
        if left_out
        else []
    )
    size = next((size for size, most in _SIZES.items() if _width(table) <= most), "scriptsize")
    lines += [r"\begin{table}", r"\centering", rf"\{size}", r"\setlength{\tabcolsep}{4pt}"]
    lines += [rf"\caption{{{_text(f'{title} {table.caption} {caption}')}}}"]
    lines += [rf"\begin{{tabular}}{{{_columns(table, _SIZES[size])}}}", r"\toprule", _row(table.columns), r"\midrule"]
    lines += [_row(row) for row in table.rows]
    lines += [r"\bottomrule", r"\end{tabular}"]
    if notes:
        lines += ["", r"\smallskip", r"\begin{minipage}{\linewidth}", r"\footnotesize"]
        lines += [rf"{_text(note)}\par" for note in notes]
        lines += [r"\end{minipage}"]
    return "\n".join([*lines, r"\end{table}"]) + "\n"


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


def _columns(table: Table, most: int) -> str:
    """Return how the columns are set: text left and, where it is long, in lines; figures right.

    ``most`` is how many characters go across the page.
    """
    widths = _widths(table)
    long = [name in table.left and width == _LONG for name, width in zip(table.columns, widths, strict=True)]
    rest = sum(width for width, is_long in zip(widths, long, strict=True) if not is_long)
    share = max(0.15, (0.97 - (rest + _BETWEEN * len(widths)) / most) / max(1, sum(long)))
    kinds = ("l" if name in table.left else "r" for name in table.columns)
    return "".join(
        rf"p{{{share:.2f}\linewidth}}" if is_long else kind for kind, is_long in zip(kinds, long, strict=True)
    )


def _row(cells: Sequence[str]) -> str:
    row = " & ".join(map(_text, cells)) + r" \\"
    return row if not row.startswith(("[", "*")) else "{}" + row  # after \\ either is an argument of it


def _text(text: str) -> str:
    """Return a text in which nothing is a command, and no two characters become another."""
    composed = unicodedata.normalize("NFC", " ".join(text.split()))  # an accent of its own is nothing to pdfLaTeX
    parted = _LIGATURES.sub(lambda found: f"{found[0]}\0", composed)
    return "".join("{}" if char == "\0" else _TEXT.get(char, char) for char in parted)
