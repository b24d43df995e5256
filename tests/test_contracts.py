"""The core never imports a plugin, and knows its layers."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.skipif(shutil.which("lint-imports") is None, reason="import-linter is not installed")
def test_the_import_contracts_hold() -> None:
    done = subprocess.run(["lint-imports", "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_each_built_in_plugin_is_held_apart_from_the_others() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    (apart,) = (contract["modules"] for contract in contracts if contract["type"] == "independence")
    plugins = project["project"]["entry-points"]["charbench"].values()
    assert [one for one in plugins if not any(f"{one}.".startswith(f"{part}.") for part in apart)] == []


def test_the_core_knows_no_address_of_a_plugin() -> None:
    core = (ROOT / "src" / "charbench").rglob("*.py")
    assert [path for path in core if "thinkingmachines" in path.read_text(encoding="utf-8")] == []


def test_the_built_ins_use_only_what_charbench_exports() -> None:
    inside = re.compile(r"^\s*(?:from|import)\s+charbench\.", re.MULTILINE)
    reaching = [path for path in (ROOT / "plugins").rglob("*.py") if inside.search(path.read_text(encoding="utf-8"))]
    assert reaching == []


def test_every_package_has_a_folder_of_tests_at_the_same_path() -> None:
    core = ROOT / "src" / "charbench"
    elsewhere = {
        Path(),
        Path("testing"),
        Path("inspect"),
    }  # the last is tested against the real Inspect, in tests/peers
    packages = {path.parent.relative_to(core) for path in core.rglob("__init__.py")} - elsewhere
    packages = {package for package in packages if "migrations" not in package.parts}
    assert {package for package in packages if not any((ROOT / "tests" / package).rglob("test_*.py"))} == set()


def test_a_module_is_read_in_one_sitting() -> None:
    modules = [
        path for tree in ("src", "plugins") for path in (ROOT / tree).rglob("*.py") if "versions" not in path.parts
    ]
    assert [path for path in modules if len(path.read_text(encoding="utf-8").splitlines()) > 400] == []
