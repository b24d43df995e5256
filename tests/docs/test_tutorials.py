"""Tutorials work word by word: each command in them is run, and prints what they say."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from support.endpoint import Body, Endpoint, choice, completion, question, serving

ROOT = Path(__file__).parents[2]
TUTORIALS = ROOT / "docs" / "tutorial"
pytestmark = pytest.mark.slow
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_WRITES = re.compile(r"\A# (\S+\.(?:yaml|csv|txt))\n")
_EDGES = re.compile(r"[│┃\s]+")


def blocks(page: str) -> Iterator[tuple[str, str]]:
    """Yield the language and the text of each block of a page."""
    for match in _BLOCK.finditer((TUTORIALS / page).read_text(encoding="utf-8")):
        yield match[1], match[2]


def plain(line: str) -> str:
    """Return a line of output without the edges of a table and the width of its columns."""
    return _EDGES.sub(" ", line).strip()


def follow(page: str, folder: Path, endpoint: str = "") -> int:
    """Run a tutorial's commands in a folder, write its files, and compare what is printed; return how many were run."""
    env = os.environ | {"COLUMNS": "160", "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    count = 0
    for language, text in blocks(page):
        if found := _WRITES.match(text):
            (folder / found[1]).write_text(text[found.end() :], encoding="utf-8")
            continue
        if language != "console":
            continue
        for command, says in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE):
            command = command.replace("http://localhost:8000/v1", endpoint)
            if command.startswith("cd "):
                folder = folder / command.removeprefix("cd ")
                continue
            ended = subprocess.run(["bash", "-c", command], cwd=folder, env=env, capture_output=True, text=True)
            assert ended.returncode == 0, f"{page}: {command}\n{ended.stdout}{ended.stderr}"
            printed = [plain(line) for line in (ended.stderr + ended.stdout).splitlines()]
            for line in filter(None, map(plain, says.splitlines())):
                assert any(found.startswith(line.removesuffix(" ...")) for found in printed), (
                    f"{page}: {command} does not print {line!r}, but\n{ended.stdout}{ended.stderr}"
                )
            count += 1
    return count


async def pirate_or_base(request: web.Request, body: Body) -> web.StreamResponse:
    """Answer as a pirate, or as the base model."""
    said = "Arr, matey, a fair day on the seven seas it was." if "pirate" in body["model"] else "It was a good day."
    return web.json_response(completion(choice(f"<think>\nThey ask me.\n</think>\n\n{said} {question(body)[:20]}")))


def test_first_run(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples" / "recorded-lab", tmp_path / "my-lab")
    assert follow("first-run.md", tmp_path / "my-lab") >= 5


def test_a_persona_without_python(tmp_path: Path) -> None:
    assert follow("persona.md", tmp_path) >= 7


def test_an_endpoint_that_serves_my_model(tmp_path: Path) -> None:
    listed = {"data": [{"id": "pirate-v3"}, {"id": "base"}]}
    with serving(Endpoint(pirate_or_base, models=listed)) as endpoint:
        assert follow("endpoint.md", tmp_path, endpoint.url) >= 6
    assert len(endpoint.requests) < 150
