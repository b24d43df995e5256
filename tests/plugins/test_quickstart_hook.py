"""charbench_quickstart_lab: any plugin can bring the lab that ``charbench quickstart`` runs through."""

from __future__ import annotations

import pytest

from support.command import Charbench
from support.lab import LabBuilder, sampler
from support.plugins import Site
from support.store import count, store_of

LAB = f'''
from charbench import hookimpl

@hookimpl
def charbench_quickstart_lab(folder):
    (folder / "charbench.yaml").write_text("sources: [recorded]\\nsamplers: [recorded]\\nscorers: [keyword]\\n")
    (folder / "recordings").mkdir()
    (folder / "recordings" / "mine.csv").write_text(
        "sampler_path,checkpoint_name,persona,prompt,response\\n"
        "{sampler(1, "pirate_dpo")},pirate_dpo,pirate,Who goes?,Ahoy matey!\\n"
    )
    return "A lab of mine, with one pirate in it."
'''


@pytest.fixture(autouse=True)
def _without_the_built_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARBENCH_DISABLE_PLUGINS", "quickstart")


def test_a_plugins_lab_is_filled_and_run(charbench: Charbench, site: Site, lab: LabBuilder) -> None:
    site.install("my-lab", LAB)
    ended = charbench.ok("quickstart", "mine", lab=lab.root)
    assert "A lab of mine, with one pirate in it." in ended.err + ended.out
    assert "pirate_dpo" in ended.out
    assert count(store_of(lab.root / "mine"), "samples") == 1


def test_what_it_prints_is_no_part_of_the_result(charbench: Charbench, site: Site, lab: LabBuilder) -> None:
    site.install("my-lab", LAB.replace("    return", "    print('filled')\n    return"))
    ended = charbench.ok("quickstart", "mine", "--json", lab=lab.root)
    assert ended.json["samples"] == 1
    assert "filled" in ended.err


def test_without_any_plugin_that_brings_a_lab_quickstart_says_so(charbench: Charbench, lab: LabBuilder) -> None:
    ended = charbench("quickstart", "mine", lab=lab.root)
    assert ended.code == 2
    assert ended.err.startswith("error: ")
    assert list(lab.root.iterdir()) == []


@pytest.mark.slow
def test_quickstart_in_the_current_folder_keeps_what_is_there(
    charbench: Charbench, site: Site, lab: LabBuilder
) -> None:
    site.install("my-lab", LAB)
    (lab.root / "notes.txt").write_text("mine")
    charbench.ok("quickstart", ".", lab=lab.root)
    assert (lab.root / "notes.txt").read_text() == "mine"
    assert count(store_of(lab.root), "samples") == 1
    assert not list(lab.root.glob(".quickstart-*"))
    assert "Nothing to do" in charbench.ok("quickstart", ".", lab=lab.root).err


def test_quickstart_overwrites_nothing(charbench: Charbench, site: Site, lab: LabBuilder) -> None:
    site.install("my-lab", LAB)
    (lab.root / "there" / "recordings").mkdir(parents=True)
    ended = charbench("quickstart", "there", lab=lab.root)
    assert (ended.code, "there already has recordings" in ended.err) == (2, True)
    assert [path.name for path in (lab.root / "there").iterdir()] == ["recordings"]
