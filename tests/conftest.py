"""Fixtures for all tests."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from charbench.text import redaction
from charbench_plugins.tinker_sdk import key
from support.command import Charbench, invoke
from support.endpoint import Endpoint, serving
from support.introspection import write_studio_data
from support.lab import LabBuilder
from support.once import done_once
from support.plugins import Site
from support.postgresql import Server
from support.postgresql import serving as serving_postgresql

DATA = Path(__file__).parent / "data"
WITH_A_FILE = {"studio_known", "studio_known_template", "studio_run", "studio_run_template"}
"""Fixtures of labs whose store is a file of theirs."""

# The same examples each time, and no deadline: a test's result does not depend on the machine's load.
settings.register_profile(
    "charbench",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("charbench")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--on-postgresql", action="store_true", help="each test has a new PostgreSQL database as its store"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL, leave out what is about a store's file, and labs that come with theirs."""
    if not config.getoption("--on-postgresql"):
        return
    without = [item for item in items if item.get_closest_marker("sqlite") or WITH_A_FILE & set(item.fixturenames)]
    config.hook.pytest_deselected(items=without)
    items[:] = [item for item in items if item not in set(without)]


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A PostgreSQL server of our own."""
    with serving_postgresql() as server:
        yield server


@pytest.fixture(autouse=True)
def _on_postgresql(
    _nobodys_environment: None, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """With ``--on-postgresql``, the store of every command is a new database of this test's."""
    if not request.config.getoption("--on-postgresql"):
        yield
        return
    server: Server = request.getfixturevalue("postgresql")
    store = server.new_database()
    monkeypatch.setenv("CHARBENCH_STORE", store)
    yield
    server.drop(store)


@pytest.fixture(autouse=True)
def _nobodys_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the settings and keys of whoever runs it, or the secrets of another test."""
    monkeypatch.setattr(redaction, "_kept", set())
    monkeypatch.setattr(key, "STORED", Path("/no/login"))
    for name in list(os.environ):
        if name.startswith(("CHARBENCH_", "TINKER_")) or name in ("COLUMNS", "FORCE_COLOR"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session", autouse=True)
def _done_once() -> Iterator[None]:
    with done_once():
        yield


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """A loopback endpoint that counts what it is asked, and fails as it is told to."""
    with serving(Endpoint()) as endpoint:
        yield endpoint


@pytest.fixture
def charbench(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Charbench:
    """The command line, run in this process."""
    return Charbench(capsys, monkeypatch)


@pytest.fixture
def lab(tmp_path: Path) -> LabBuilder:
    """An empty lab to fill."""
    return LabBuilder(tmp_path / "lab")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A folder to install plugins in, which this process and those it starts find them in."""
    site = Site(tmp_path / "site")
    before = set(sys.modules)
    monkeypatch.syspath_prepend(site.folder)
    yield site
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").parent == site.folder:
            del sys.modules[name]


@pytest.fixture(scope="session")
def studio_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recorded lab with its data; copied for each test that needs it."""
    folder = tmp_path_factory.mktemp("studio") / "lab"
    shutil.copytree(DATA / "studio", folder)
    write_studio_data(folder)
    return folder


@pytest.fixture
def studio(studio_template: Path, tmp_path: Path) -> Path:
    """A copy of the recorded lab."""
    return Path(shutil.copytree(studio_template, tmp_path / "studio"))


@pytest.fixture(scope="session")
def studio_known_template(studio_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recorded lab after everything in it was discovered; nothing changes it."""
    folder = Path(shutil.copytree(studio_template, tmp_path_factory.mktemp("studio-known") / "lab"))
    assert invoke(["discover", "--lab", str(folder), "--json"]) == 0
    return folder


@pytest.fixture
def studio_known(studio_known_template: Path, tmp_path: Path) -> Path:
    """A copy of the recorded lab whose data was read already, which is most of the work."""
    return Path(shutil.copytree(studio_known_template, tmp_path / "studio-known"))


@pytest.fixture(scope="session")
def studio_run_template(studio_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recorded lab after its recorded samples were sampled and scored; nothing changes it."""
    folder = Path(shutil.copytree(studio_template, tmp_path_factory.mktemp("studio-run") / "lab"))
    words = ["run", "--lab", str(folder), "--source", "recorded", "--sampler", "recorded", "--scorer", "keyword", "-q"]
    assert invoke([*words, "--json"]) == 0
    return folder


@pytest.fixture
def studio_run(studio_run_template: Path, tmp_path: Path) -> Path:
    """A copy of the recorded lab with everything in its store; for tests that only read, the template will do."""
    return Path(shutil.copytree(studio_run_template, tmp_path / "studio-run"))
