"""Follows a page of the documentation word by word: runs its commands, writes its files, compares what is printed.

In what a page shows, ``...`` (or ``…``) stands for what is left out of a line.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r"^`([\w./-]+)`\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LEFT_OUT = re.compile(r"\.\.\.|…")
_WRITES = re.compile(r"\A# (\S+\.(?:yaml|csv|txt|py))\n")
_EDGES = re.compile(r"[│┃\s]+")


def blocks(page: Path) -> Iterator[tuple[str, str]]:
    """Yield the language and the text of each block of a page."""
    for match in _BLOCK.finditer(page.read_text(encoding="utf-8")):
        yield match[1], match[2]


def plain(line: str) -> str:
    """Return a line of output without the edges of a table and the width of its columns."""
    return _EDGES.sub(" ", line).strip()


def write_files(page: str, folder: Path) -> int:
    """Write the files of a page whose names stand before their blocks; return how many there are."""
    found = _NAMED.findall((DOCS / page).read_text(encoding="utf-8"))
    for name, text in found:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return len(found)


def follow(
    page: str,
    folder: Path,
    replaced: Mapping[str, str] | None = None,
    *,
    before: Mapping[str, Callable[[], object]] | None = None,
    **more_env: str,
) -> int:
    """Follow a page (``tutorial/first-run.md``) in a folder; return how many commands were run.

    ``replaced`` holds what stands on the page for something that a test has of its own, as an address; ``before`` what
    is to be done before a command, as the page says in words. A command for which the page shows an error has to fail.
    """
    env = (
        os.environ
        | more_env
        | {"COLUMNS": "160", "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    )
    count = 0
    for language, text in blocks(DOCS / page):
        if found := _WRITES.match(text):
            (folder / found[1]).write_text(text[found.end() :], encoding="utf-8")
            continue
        if language != "console":
            continue
        for command, says in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE):
            for shown, meant in (replaced or {}).items():
                command = command.replace(shown, meant)
            if command.startswith("cd "):
                folder = folder / command.removeprefix("cd ")
                continue
            if prepare := (before or {}).get(command):
                prepare()
            ended = subprocess.run(["bash", "-c", command], cwd=folder, env=env, capture_output=True, text=True)
            fails = says.startswith(("error: ", "failed: "))
            assert (ended.returncode != 0) == fails, f"{page}: {command}\n{ended.stdout}{ended.stderr}"
            printed = [plain(line) for line in (ended.stderr + ended.stdout).splitlines()]
            for line in filter(None, map(plain, says.splitlines())):
                shown_line = re.compile(".*".join(map(re.escape, map(str.rstrip, _LEFT_OUT.split(line)))))
                assert any(shown_line.match(found) for found in printed), (
                    f"{page}: {command} does not print {line!r}, but\n{ended.stdout}{ended.stderr}"
                )
            count += 1
    return count
