"""Reads what ``--format latex`` writes as LaTeX with booktabs and longtable does: what it takes, that compiles."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

COMMANDS = {
    "begin", "end", "caption", "toprule", "midrule", "bottomrule", "centering", "small", "footnotesize", "scriptsize",
    "setlength", "tabcolsep", "smallskip", "par", "linewidth", "textbackslash", "textasciitilde", "textasciicircum",
    "textasciigrave", "allowbreak", "sloppy", "begingroup", "endgroup", "LTcapwidth", "endfirsthead", "endhead",
    "endlastfoot", "textless", "textgreater", "textbar", "ldots", "pm", "geq", "leq", "times",
}  # fmt: skip
ESCAPES = set("\\{}$&#%_")
_TOKEN = re.compile(r"\\([a-zA-Z]+)|\\(.)|%[^\n]*\n|([{}$&#_^~])|([^\\{}$&#_^~%]+)", re.DOTALL)


@dataclass
class Tabular:
    """One table: its caption, its columns as ``l``, ``r`` or ``p``, and its rows of cells as LaTeX."""

    caption: str = ""
    columns: str = ""
    rows: list[list[str]] = field(default_factory=list)


def read(text: str) -> list[Tabular]:
    """Return the tables; raises :class:`AssertionError` for what does not compile."""
    tables = []
    position = 0
    while (found := _TOKEN.match(text, position)) is not None:
        command, escape, special, _ = found.groups()
        assert command is None or command in COMMANDS, f"\\{command} is no command of LaTeX with booktabs"
        assert escape is None or escape in ESCAPES, f"\\{escape} at {position}"
        assert special not in ("#", "_", "^", "~"), f"a bare {special} at {position}"
        position = found.end()
    assert position == len(text), text[position : position + 40]
    body = re.sub(r"^%[^\n]*\n", "", text, flags=re.MULTILINE)
    for _, inside in re.findall(r"\\begin(\{table\}|group)\n(.*?)\\end\1", body, re.DOTALL):
        tables.append(_table(inside))
    for begin, end in ((r"\begin{table}", r"\end{table}"), (r"\begingroup", r"\endgroup")):
        assert body.count(begin) == body.count(end), f"{begin} without its end"
    assert len(tables) == body.count(r"\end{table}") + body.count(r"\endgroup")
    return tables


def _table(text: str) -> Tabular:
    assert _depth(text) == 0, "braces are not balanced"
    assert text.count(r"\begin{minipage}") == text.count(r"\end{minipage}")
    assert len(re.findall(r"(?<!\\)\$", text)) % 2 == 0, "a formula without its end"
    caption = re.search(r"\\caption\{(.*)\}(?: \\\\)?\n", text)
    if r"\begin{longtable}" in text:  # the head of the later pages, and what stands at the end of all
        text, heads = re.subn(r"\\endfirsthead\n(.*?)\\endhead\n(.*?)\\endlastfoot\n", "", text, flags=re.DOTALL)
        assert heads == 1, "heads and foot of a longtable"
        text = re.sub(r"\\caption.*\n", "", text).replace("{longtable}", "{tabular}")
    tabular = re.search(r"\\begin\{tabular\}\{(.*)\}\n(.*)\\end\{tabular\}", text, re.DOTALL)
    assert caption, "no caption"
    assert tabular, "no tabular"
    columns = re.sub(r"p\{0\.\d+\\linewidth\}", "p", tabular[1])
    assert re.fullmatch("[lrp]+", columns), tabular[1]
    rows = []
    for line in tabular[2].splitlines():
        if line in (r"\toprule", r"\midrule", r"\bottomrule"):
            continue
        assert line.endswith(r" \\"), line
        assert not line.startswith(("[", "*")), "after a command with an optional argument"
        cells = re.split(r"(?<!\\)&", line.removesuffix(r" \\"))
        assert len(cells) == len(columns), line
        for cell in cells:
            assert _depth(cell) == 0, cell
        rows.append([cell.strip().replace(r"\allowbreak{}", "") for cell in cells])
    return Tabular(caption[1].replace(r"\allowbreak{}", ""), columns, rows)


def _depth(text: str) -> int:
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", text):
        depth += 1 if brace == "{" else -1
        assert depth >= 0, "a brace is closed that was not opened"
    return depth
