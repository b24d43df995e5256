"""A deprecated hook still works, and the plugin's author is told what to use instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from charbench import API_VERSION
from charbench.plugins import hookspecs
from support.command import Charbench
from support.plugins import Site

PLUGIN = """
from charbench import CheckResult, hookimpl


@hookimpl
def charbench_doctor_checks():
    return [CheckResult("key", "ok", "there is one")]
"""


@pytest.fixture
def deprecated(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hook of doctor's checks is deprecated, as a later version may have it."""
    options = hookspecs.charbench_doctor_checks.charbench_spec  # type: ignore[attr-defined]
    monkeypatch.setitem(options, "warn_on_impl", DeprecationWarning("use charbench_checks"))


@pytest.mark.usefixtures("deprecated")
@pytest.mark.filterwarnings("always::DeprecationWarning")
def test_a_plugin_with_a_deprecated_hook_works_and_is_told_what_to_use_instead(
    charbench: Charbench, site: Site, tmp_path: Path
) -> None:
    site.install("charbench-old", PLUGIN)
    with pytest.warns(DeprecationWarning, match="use charbench_checks"):
        listed = charbench.ok("plugins", "list", "--json", lab=tmp_path).json
    (mine,) = [plugin for plugin in listed["plugins"] if plugin["name"] == "charbench-old"]
    assert mine["state"] == "works"
    told = [line for line in listed["warnings"] if "charbench-old" in line]
    assert len(told) == 1
    assert told[0].endswith("charbench_doctor_checks is deprecated: use charbench_checks")
    with pytest.warns(DeprecationWarning, match="use charbench_checks"):
        assert f"warning: {told[0]}" in charbench.ok("plugins", "list", lab=tmp_path).err


def test_no_hook_is_deprecated_now_and_the_api_has_version_1(charbench: Charbench, tmp_path: Path) -> None:
    assert API_VERSION == 1
    assert charbench.ok("plugins", "list", "--json", lab=tmp_path).json["warnings"] == []
