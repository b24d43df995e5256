"""What plugins bring is kept from one command to the next, and never believed when anything has changed."""

from __future__ import annotations

import builtins
import importlib
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from charbench.components.base import ComponentKind
from charbench.config import user_cache
from charbench.plugins import manager
from charbench.plugins.index import Installed, Listed, installed
from charbench.plugins.manager import Plugins
from support.plugins import Site

SCORER = '''
from charbench import Metric, Scorer, hookimpl
{before}

class One(Scorer):
    """Counts nothing."""

    name = {name}
    is_default = True
    metrics = (Metric("one", range=(0, 1), aggregate="mean"),)

    def score(self, sample, persona):
        return []


@hookimpl
def charbench_scorers():
    return [One]
'''
OBSERVER = "from charbench import hookimpl\n\n\n@hookimpl\ndef charbench_run_finished():\n    pass\n"


def scorer(name: str, before: str = "") -> str:
    """Return a plugin's code; ``name`` is an expression for its scorer's name, ``before`` the code in front."""
    return SCORER.format(name=name, before=before)


class Programs:
    """Runs of the program, one after the other, that see the plugins of one folder and no others."""

    def __init__(self, site: Site, cache: Path) -> None:
        self.site, self.cache = site, cache

    def start(self) -> Plugins:
        """Return the plugins as a new process has them."""
        for name in [name for name, module in sys.modules.items() if self._is_ours(module)]:
            del sys.modules[name]
        importlib.invalidate_caches()
        return Plugins()

    def scorers(self) -> list[str]:
        """Return the names of the scorers that a new process lists."""
        return [one.name for plugin in self.start().listed for one in plugin.brings]

    @property
    def kept(self) -> list[Path]:
        """The files that hold what is kept."""
        return sorted((self.cache / "charbench").glob("plugins-*.json"))

    @property
    def loaded(self) -> set[str]:
        """The modules of plugins that this process has loaded."""
        return {name for name, module in sys.modules.items() if self._is_ours(module)}

    def _is_ours(self, module: object) -> bool:
        return str(getattr(module, "__file__", None)).startswith(str(self.site.folder))


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Programs]:
    site = Site(tmp_path / "site")
    site.install("my-scorer", scorer("'mine'"))
    site.install("my-observer", OBSERVER)

    def ours() -> list[Installed]:
        return [one for one in installed() if one.distribution.startswith("my-")]

    monkeypatch.syspath_prepend(site.folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(user_cache._Program, "keeps", True)
    monkeypatch.setattr(user_cache, "_YOUNG_NS", 0)  # no test waits until a file is two seconds old
    monkeypatch.setattr(manager, "installed", ours)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    made = Programs(site, tmp_path / "cache")
    yield made
    made.start()


def test_a_list_that_is_kept_is_the_list_that_loading_gives_and_loads_nothing(programs: Programs) -> None:
    first = programs.start()
    loaded = [(one.label, one.brings, one.hooks, one.deprecations) for one in first.listed]
    assert programs.loaded == {"my_scorer", "my_observer"}
    again = programs.start()
    assert [(one.label, one.brings, one.hooks, one.deprecations) for one in again.listed] == loaded
    assert not programs.loaded
    assert len(programs.kept) == 1


def test_only_the_plugin_that_is_asked_for_is_loaded(programs: Programs) -> None:
    programs.scorers()
    plugins = programs.start()
    found = plugins.find(ComponentKind.SCORER, "mine")
    assert found is not None
    assert found.name == "mine"
    assert programs.loaded == {"my_scorer"}
    assert [name for name, _ in plugins.implementations("charbench_run_finished")] == ["my-observer"]
    assert [plugin.name for plugin in plugins.found] == ["my-observer", "my-scorer"]
    assert programs.start().defaults(ComponentKind.SCORER) == ["mine"]
    assert not programs.loaded


def test_an_edited_plugin_is_seen_at_once(programs: Programs) -> None:
    assert programs.scorers() == ["mine"]
    module = programs.site.folder / "my_scorer.py"
    module.write_text(scorer("'yours'"))
    assert programs.scorers() == ["yours"]
    assert programs.scorers() == ["yours"]
    module.write_text("raise RuntimeError('half-written')\n")
    broken = programs.start()
    assert [one.error for one in broken.listed] == [None, "RuntimeError: half-written"]
    assert broken.find(ComponentKind.SCORER, "yours") is None
    module.write_text(scorer("'whole'"))
    assert programs.scorers() == ["whole"]


def test_plugins_that_come_and_go_are_seen_at_once(programs: Programs) -> None:
    assert programs.scorers() == ["mine"]
    programs.site.install("my-second", scorer("'second'"))
    assert programs.scorers() == ["mine", "second"]
    (programs.site.folder / "my_second-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: my-second\nVersion: 1.1\n"
    )
    assert [one.version for one in programs.start().listed] == ["1.0", "1.0", "1.1"]
    (programs.site.folder / "my_second-1.0.dist-info" / "entry_points.txt").unlink()
    assert programs.scorers() == ["mine"]
    blocked = Plugins(["my-scorer"])
    assert [(one.name, one.blocked, one.brings) for one in blocked.listed] == [
        ("my-observer", False, []), ("my-scorer", True, []),
    ]  # fmt: skip
    assert programs.scorers() == ["mine"]


@pytest.mark.slow
@pytest.mark.parametrize("before", [
    "from my_helper import NAME",
    "import os\nNAME = os.environ.get('MY_NAME', 'first')",
    "from os import environ\nNAME = environ['MY_NAME'] if 'MY_NAME' in environ else 'first'",
    "from pathlib import Path\nNAME = (Path(__file__).parent / 'name.txt').read_text()",
    "from pathlib import Path\nNAME = 'second' if (Path(__file__).parent / 'there').exists() else 'first'",
    "import os\nNAME = 'second' if os.path.isfile(os.path.join(os.path.dirname(__file__), 'there')) else 'first'",
    "from pathlib import Path\nNAME = 'second' if list((Path(__file__).parent / 'some').glob('*.txt')) else 'first'",
    "try:\n    from my_later import NAME\nexcept ImportError:\n    NAME = 'first'",
    "import os\nNAME = dict(os.environ).get('MY_NAME', 'first')",
    "from subprocess import getoutput\nNAME = getoutput('echo $MY_NAME') or 'first'",
])  # fmt: skip
def test_what_else_a_plugin_goes_by_is_seen_at_once(
    before: str, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = programs.site.folder
    (folder / "some").mkdir()
    (folder / "name.txt").write_text("first")
    (folder / "my_helper.py").write_text("NAME = 'first'\n")
    (folder / "my_scorer.py").write_text(scorer("NAME", before))
    assert programs.scorers() == ["first"]
    assert programs.scorers() == ["first"]
    assert bool(programs.loaded) == ("dict(" in before or "getoutput" in before)  # of these nobody can know
    monkeypatch.setenv("MY_NAME", "second")
    (folder / "name.txt").write_text("second")
    (folder / "my_helper.py").write_text("NAME = 'second'\n")
    (folder / "my_later.py").write_text("NAME = 'second'\n")
    (folder / "there").touch()
    (folder / "some" / "one.txt").touch()
    assert programs.scorers() == ["second"]


def test_a_plugin_that_brings_something_else_than_is_kept_is_believed(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    (programs.site.folder / "my_scorer.py").write_text(
        scorer("getattr(builtins, 'my_name', 'first')", "import builtins")
    )
    assert programs.scorers() == ["first"]
    monkeypatch.setattr(builtins, "my_name", "second", raising=False)
    plugins = programs.start()
    assert plugins.find(ComponentKind.SCORER, "first") is None
    assert [one.name for plugin in plugins.listed for one in plugin.brings] == ["second"]
    assert programs.kept == []


def test_a_file_that_changed_just_now_is_not_relied_on(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_cache, "_YOUNG_NS", 3_600_000_000_000)
    assert programs.scorers() == ["mine"]
    assert programs.kept == []


def test_a_damaged_file_counts_as_not_there(programs: Programs) -> None:
    assert programs.scorers() == ["mine"]
    (kept,) = programs.kept
    whole = kept.read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], whole.replace(b"mine", b"fine"), b"[]", os.urandom(100)):
        kept.write_bytes(damaged)
        assert programs.scorers() == ["mine"]
        assert kept.read_bytes() == whole


def test_where_nothing_can_be_kept_everything_is_loaded(programs: Programs, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file, where a folder is needed")
    assert programs.scorers() == ["mine"]
    assert programs.scorers() == ["mine"]
    assert programs.loaded == {"my_scorer", "my_observer"}


def test_who_imports_the_package_finds_no_files_of_its_making(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_cache._Program, "keeps", False)
    assert programs.scorers() == ["mine"]
    assert not programs.cache.exists()


def test_processes_that_keep_at_once_leave_one_whole_file(programs: Programs) -> None:
    values = [{"number": number, "text": str(number) * 20_000} for number in range(8)]

    def keep_and_recall(value: object) -> object:
        user_cache.keep("plugins-0.json", value)
        return user_cache.recall("plugins-0.json")

    with ThreadPoolExecutor(8) as pool:
        recalled = list(pool.map(keep_and_recall, values * 4))
    assert all(one in values for one in recalled)
    assert [path.name for path in programs.kept] == ["plugins-0.json"]
    assert not list(programs.cache.rglob("*.part"))


def test_a_list_holds_all_that_is_kept_of_a_plugin() -> None:
    assert {"brings", "hooks", "deprecations", "key_issuers", "default_endpoints"} <= set(Listed.__slots__)
