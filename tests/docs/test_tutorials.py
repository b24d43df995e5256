"""Tutorials work word by word: each command in them is run, and prints what they say."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from aiohttp import web

from support.command import Charbench
from support.endpoint import Body, Endpoint, choice, completion, question, serving
from support.following import follow, write_files

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


def test_write_a_scorer(tmp_path: Path, charbench: Charbench) -> None:
    shutil.copytree(ROOT / "examples" / "recorded-lab", tmp_path / "my-lab")
    charbench.ok("run", "-q", lab=tmp_path / "my-lab")
    package, site = tmp_path / "charbench-shouting", tmp_path / "site"
    assert write_files("tutorial/write-a-scorer.md", package) == 3

    def misspell() -> None:
        module = package / "charbench_shouting.py"
        module.write_text(module.read_text("utf-8").replace("import Metric,", "import Metrics,"), "utf-8")

    # pip puts the package into a folder of the test's own, and needs no network: hatchling is installed.
    pip = {"PIP_TARGET": str(site), "PIP_UPGRADE": "1", "PIP_NO_DEPS": "1", "PIP_NO_INDEX": "1", "PIP_QUIET": "1"}
    pip |= {"PIP_NO_BUILD_ISOLATION": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_CONFIG_FILE": os.devnull}
    before = {"pip install ../charbench-shouting": misspell}
    path = os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])
    page = "tutorial/write-a-scorer.md"
    assert follow(page, tmp_path, before=before, PYTHONPATH=path, **pip) >= 9
