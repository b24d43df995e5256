"""``doctor`` ends with 0 when all is well, and with 1 and advice when something is not."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from support.command import Charbench
from support.lab import LabBuilder, row
from support.plugins import SHOUTING, Site
from support.store import store_of


def bad(charbench: Charbench, lab: LabBuilder) -> list[tuple[str, str, str]]:
    ended = charbench("doctor", "--json", lab=lab.root)
    found = [(item["what"], item["text"], item["advice"]) for item in ended.json if item["state"] == "bad"]
    assert ended.code == (1 if found else 0)
    return found


@pytest.mark.slow
def test_all_is_well_in_an_empty_lab_and_in_a_used_one(charbench: Charbench, lab: LabBuilder) -> None:
    assert bad(charbench, lab) == []
    lab.recorded([row()])
    charbench.ok("run", lab=lab.root)
    assert bad(charbench, lab) == []
    told = charbench.ok("doctor", lab=lab.root).out
    assert "1 sample" in told
    assert "recorded" in told


def test_a_broken_persona_file_is_named(charbench: Charbench, lab: LabBuilder) -> None:
    lab.persona("wizard", "name: wizard\n")
    ((what, text, advice),) = bad(charbench, lab)
    assert (what, advice) == ("personas", "charbench personas check FILE")
    assert "wizard.yaml:1:1: 'description' is missing" in text


def test_a_store_of_a_newer_charbench_is_named(charbench: Charbench, lab: LabBuilder) -> None:
    charbench.ok("discover", lab=lab.root)
    with closing(sqlite3.connect(store_of(lab.root))) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    ((what, text, _),) = bad(charbench, lab)
    assert what == "store"
    assert "was made by a newer charbench" in text


def test_two_plugins_with_one_component_are_named(charbench: Charbench, lab: LabBuilder, site: Site) -> None:
    site.install("first-shouting", SHOUTING)
    site.install("second-shouting", SHOUTING)
    ((what, text, _),) = bad(charbench, lab)
    assert what == "plugins"
    assert "first-shouting 1.0" in text
    assert "second-shouting 1.0" in text


@pytest.mark.parametrize(("key", "state"), [("", "note"), ("tml-abcdefgh12345678", "ok"), ("hunter2hunter2", "bad")])
def test_the_tinker_key_is_looked_at_and_never_shown(
    charbench: Charbench, lab: LabBuilder, monkeypatch: pytest.MonkeyPatch, key: str, state: str
) -> None:
    monkeypatch.setenv("TINKER_API_KEY", key)
    ended = charbench("doctor", "--json", lab=lab.root)
    assert next(item["state"] for item in ended.json if item["what"] == "TINKER_API_KEY") == state
    assert not key or key not in ended.out + ended.err


def installed(site: Site, name: str, version: str) -> None:
    info = site.folder / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


@pytest.mark.parametrize(
    ("name", "version", "needed"),
    [("tinker", "0.20.3", "<0.40,>=0.24.1"), ("tinker", "0.41.0", "<0.40,>=0.24.1"), ("pluggy", "1.5.0", ">=1.7"),
     ("alembic", "1.0", ">=1.14")],
)  # fmt: skip
def test_a_package_of_a_version_that_charbench_cannot_use_is_named(
    charbench: Charbench, lab: LabBuilder, site: Site, name: str, version: str, needed: str
) -> None:
    installed(site, name, version)
    ((what, text, advice),) = bad(charbench, lab)
    assert (what, text, advice) == (name, f"{version}, {needed} is required", f"pip install '{name}{needed}'")


def test_a_pre_release_within_the_range_will_do(charbench: Charbench, lab: LabBuilder, site: Site) -> None:
    installed(site, "tinker", "0.38.1.dev2")
    assert bad(charbench, lab) == []


CHECKS = """
from charbench import CheckResult, hookimpl

@hookimpl
def charbench_doctor_checks():
    yield CheckResult("disk", "bad", "1 GB free", "delete something")
    {more}
"""


def test_a_plugin_adds_its_own_checks(charbench: Charbench, lab: LabBuilder, site: Site) -> None:
    site.install("disks", CHECKS.format(more=""))
    assert bad(charbench, lab) == [("disk", "1 GB free", "delete something")]


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ("raise RuntimeError('no disk')", "RuntimeError: no disk"),
        ("yield 3", "charbench_doctor_checks gave 3; CheckResult is needed"),
        (
            "yield CheckResult('disk', 'fine', '')",
            "ValueError: check 'disk': state is 'fine'; ok, note or bad is needed",
        ),
    ],
)
def test_a_plugin_whose_checks_fail_is_named_and_the_others_are_shown(
    charbench: Charbench, lab: LabBuilder, site: Site, more: str, text: str
) -> None:
    site.install("disks", CHECKS.format(more=more))
    assert ("checks of disks", text, "report it to whoever made plugin disks") in bad(charbench, lab)
    assert "TINKER_API_KEY" in charbench("doctor", lab=lab.root).out
