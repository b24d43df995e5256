"""Python in the docs works: plugins register and keep their contract, tests pass, signatures are the hooks' own."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pluggy
import pytest
from click.testing import CliRunner

from charbench import Component
from charbench.plugins import hookspecs
from charbench.testing import ScriptedEndpoint, failing_checks

ROOT = Path(__file__).parents[2]
GENERATED = {"api.md", "examples.md"}
"""Pages that a script makes: signatures of the public names, and the scaffolds, which have tests of their own."""
ASKS_MODELS = {"warmth": '{"rating": 5}', "plain-chat": "Arr."}
"""Components of the docs that ask an endpoint, with what it answers."""
_BLOCK = re.compile(r"^(?:`(?P<file>[\w.-]+\.py)`\n\n)?```python\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A block of Python on a page; ``module`` is the name of the file that it is shown as."""

    page: Path
    line: int
    code: str
    module: str

    @property
    def is_signature(self) -> bool:
        return self.code.startswith("def charbench_") and "@hookimpl" not in self.code

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT).as_posix()}:{self.line}"


def blocks() -> Iterator[Block]:
    for page in sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]):
        if page.name in GENERATED:
            continue
        text = page.read_text(encoding="utf-8")
        for at, found in enumerate(_BLOCK.finditer(text)):
            line = text.count("\n", 0, found.start("code")) + 1
            name = (found["file"] or f"docs_{page.stem.replace('-', '_')}_{at}.py").removesuffix(".py")
            yield Block(page, line, found["code"], name)


BLOCKS = list(blocks())
PLUGINS = [block for block in BLOCKS if "@hookimpl" in block.code or re.search(r"^class \w+\(", block.code, re.M)]
TESTS = [block for block in BLOCKS if re.search(r"^(def test_|test_\w+ = )", block.code, re.M)]
SIGNATURES = [block for block in BLOCKS if block.is_signature]


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> Callable[[Block], ModuleType]:
    """Makes a module of a block, under the name of the file that it is shown as."""

    def load(block: Block) -> ModuleType:
        module = ModuleType(block.module)
        module.__file__ = str(block.page)
        monkeypatch.setitem(sys.modules, block.module, module)
        exec(compile(block.code, str(block), "exec"), module.__dict__)
        return module

    return load


@pytest.mark.parametrize("block", [block for block in BLOCKS if not block.is_signature], ids=str)
def test_a_block_is_python(block: Block) -> None:
    ast.parse(block.code, str(block))


@pytest.mark.parametrize("block", PLUGINS, ids=str)
def test_a_plugin_of_the_docs_is_complete_registers_and_keeps_its_contract(
    block: Block,
    loaded: Callable[[Block], ModuleType],
    charbench_endpoint: ScriptedEndpoint,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = loaded(block)
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(module)
    manager.check_pending()
    assert manager.get_hookcallers(module), "no function is marked with @hookimpl: as it stands, it is no plugin"
    for caller in manager.get_hookcallers(module) or ():
        if caller.name == "charbench_register_commands":
            assert all(isinstance(command, click.Command) for command in caller()[0])
    shown = {value for value in vars(module).values() if _is_component(value, module)}
    for component in shown:
        assert _is_given(component, manager, module), f"no hook returns {component.__name__}"
        charbench_endpoint.replies = [ASKS_MODELS.get(component.name, "Arr.")]
        options = {"base_url": charbench_endpoint.url} if component.name in ASKS_MODELS else {}
        failed = failing_checks(component, options=options, deterministic=component.name not in ASKS_MODELS)
        assert failed == {}
        assert not options or charbench_endpoint.requests


def _is_component(value: Any, module: ModuleType) -> bool:
    return isinstance(value, type) and issubclass(value, Component) and value.__module__ == module.__name__


def _is_given(component: type, manager: pluggy.PluginManager, module: ModuleType) -> bool:
    returned = (impl.function() for caller in manager.get_hookcallers(module) or () for impl in caller.get_hookimpls()
                if not impl.wrapper and not impl.argnames)  # fmt: skip
    return any(component in list(given) for given in returned)


@pytest.mark.parametrize("block", [block for block in PLUGINS if "charbench_register_commands" in block.code], ids=str)
def test_a_command_of_the_docs_has_help_and_runs(block: Block, loaded: Callable[[Block], ModuleType]) -> None:
    for command in loaded(block).charbench_register_commands():
        helped = CliRunner().invoke(command, ["--help"])
        assert helped.exit_code == 0, helped.output
        arguments = ["word" for parameter in command.params if isinstance(parameter, click.Argument)]
        ran = CliRunner().invoke(command, arguments)
        assert ran.exit_code == 0, ran.output


@pytest.mark.parametrize("block", TESTS, ids=str)
def test_a_test_of_the_docs_passes(block: Block, loaded: Callable[[Block], ModuleType]) -> None:
    for plugin in PLUGINS:
        if f"import {plugin.module}" in block.code or f"from {plugin.module} import" in block.code:
            loaded(plugin)
    module = loaded(block)
    tests = {name: value for name, value in vars(module).items() if name.startswith("test_")}
    assert tests
    for test in tests.values():
        for arguments in _cases(test):
            test(*arguments)


def _cases(test: Any) -> Iterator[tuple[Any, ...]]:
    marks = [mark for mark in getattr(test, "pytestmark", ()) if mark.name == "parametrize"]
    yield from (case.values for mark in marks for case in mark.args[1])
    if not marks:
        yield ()


@pytest.mark.parametrize("block", SIGNATURES, ids=str)
def test_a_signature_is_that_of_the_hook(block: Block) -> None:
    shown = ast.parse(block.code.rstrip() + ": ...").body[0]
    assert isinstance(shown, ast.FunctionDef)
    real = ast.parse(inspect.getsource(vars(hookspecs)[shown.name])).body[0]
    assert isinstance(real, ast.FunctionDef)
    assert _signature(shown) == _signature(real)


def _signature(function: ast.FunctionDef) -> Mapping[str, str]:
    return {"takes": ast.unparse(function.args), "gives": ast.unparse(function.returns) if function.returns else ""}


def test_every_hook_has_its_signature_in_the_docs() -> None:
    hooks = {name for name in vars(hookspecs) if name.startswith("charbench_")}
    shown = {found for block in SIGNATURES for found in re.findall(r"^def (charbench_\w+)\(", block.code)}
    assert shown == hooks
