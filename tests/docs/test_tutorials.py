"""Tutorials work word by word: each command in them is run, and prints what they say."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from aiohttp import web

from support.endpoint import Body, Endpoint, choice, completion, question, serving
from support.following import follow

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


async def pirate_or_base(request: web.Request, body: Body) -> web.StreamResponse:
    """Answer as a pirate, or as the base model."""
    said = "Arr, matey, a fair day on the seven seas it was." if "pirate" in body["model"] else "It was a good day."
    return web.json_response(completion(choice(f"<think>\nThey ask me.\n</think>\n\n{said} {question(body)[:20]}")))


def test_first_run(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples" / "recorded-lab", tmp_path / "my-lab")
    assert follow("tutorial/first-run.md", tmp_path / "my-lab") >= 5


def test_a_persona_without_python(tmp_path: Path) -> None:
    assert follow("tutorial/persona.md", tmp_path) >= 7


def test_an_endpoint_that_serves_my_model(tmp_path: Path) -> None:
    listed = {"data": [{"id": "pirate-v3"}, {"id": "base"}]}
    with serving(Endpoint(pirate_or_base, models=listed)) as endpoint:
        assert follow("tutorial/endpoint.md", tmp_path, {"http://localhost:8000/v1": endpoint.url}) >= 6
    assert len(endpoint.requests) < 150
