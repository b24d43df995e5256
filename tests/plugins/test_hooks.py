"""A hook exists only with a built-in that uses it and a docs heading with its exact signature."""

from __future__ import annotations

import inspect
import re
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from charbench.plugins import hookspecs
from charbench.plugins.manager import Plugins

DOCS = Path(__file__).parents[2] / "docs" / "reference" / "hooks.md"
HOOKS = {
    name: list(inspect.signature(function).parameters)
    for name, function in inspect.getmembers(hookspecs, inspect.isfunction)
    if name.startswith("charbench_")
}


@pytest.fixture(scope="module")
def built_in() -> dict[str, list[str]]:
    """Every hook, with the built-in plugins that implement it."""
    ours = {point.name for point in entry_points(group="charbench") if point.dist and point.dist.name == "charbench"}
    plugins = Plugins()
    return {hook: [name for name, _ in plugins.implementations(hook) if name in ours] for hook in HOOKS}


@pytest.mark.parametrize("hook", HOOKS)
def test_a_built_in_plugin_uses_the_hook(hook: str, built_in: dict[str, list[str]]) -> None:
    assert built_in[hook], f"no built-in plugin implements {hook}"


@pytest.mark.parametrize("hook", HOOKS)
def test_the_hook_has_a_docs_heading_with_its_exact_signature(hook: str) -> None:
    headings = dict(re.findall(r"^### `?(charbench_\w+)\(([^)]*)\)`?\s*$", DOCS.read_text(encoding="utf-8"), re.M))
    assert hook in headings, f"docs/reference/hooks.md has no heading '### {hook}({', '.join(HOOKS[hook])})'"
    assert [name for name in re.split(r",\s*", headings[hook]) if name] == HOOKS[hook]


def test_the_docs_describe_no_hook_that_is_not_there() -> None:
    described = re.findall(r"^### `?(charbench_\w+)\(", DOCS.read_text(encoding="utf-8"), re.M)
    assert sorted(described) == sorted(HOOKS)


@pytest.mark.parametrize("hook", HOOKS)
def test_the_hook_is_typed_and_documented(hook: str) -> None:
    function = getattr(hookspecs, hook)
    assert (inspect.getdoc(function) or "").partition("\n")[0].endswith(".")
    signature = inspect.signature(function)
    assert signature.return_annotation is not inspect.Signature.empty
    assert all(item.annotation is not inspect.Parameter.empty for item in signature.parameters.values())


@pytest.mark.parametrize("hook", HOOKS)
def test_the_hook_has_a_test(hook: str) -> None:
    here = Path(__file__)
    tests = (path for path in here.parents[1].rglob("*.py") if path != here)
    assert any(hook in path.read_text(encoding="utf-8") for path in tests), f"no test speaks of {hook}"
