"""The fixtures that pytest finds where charbench is installed; what they need is imported when one is used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from charbench.domain.checkpoint import Checkpoint
    from charbench.domain.sample import Sample
    from charbench.store.database import Database
    from charbench.testing.scripted_endpoint import ScriptedEndpoint


@pytest.fixture
def charbench_lab(tmp_path: Path) -> Path:
    """An empty folder that is a lab: for ``charbench run --lab``, or as the ``root`` of ``prepare``."""
    lab = tmp_path / "charbench-lab"
    (lab / ".charbench").mkdir(parents=True)
    return lab


@pytest.fixture
def charbench_store(charbench_lab: Path) -> Iterator[Database]:
    """The store of ``charbench_lab``, empty; it is where commands that are run in the lab keep theirs."""
    from charbench.store.database import Database

    database = Database.open(f"sqlite:///{charbench_lab / '.charbench' / 'charbench.db'}")
    yield database
    database.close()


@pytest.fixture
def charbench_sample() -> Callable[..., Sample]:
    """Makes samples: ``charbench_sample("Ahoy!", thinking="Arr.")``."""
    from charbench.testing.factories import make_sample

    return make_sample


@pytest.fixture
def charbench_checkpoint() -> Callable[..., Checkpoint]:
    """Makes checkpoints: ``charbench_checkpoint("tinker://…")``."""
    from charbench.testing.factories import make_checkpoint

    return make_checkpoint


@pytest.fixture
def charbench_endpoint() -> Iterator[ScriptedEndpoint]:
    """An endpoint on loopback: set ``replies``, read ``requests``; its address is ``url``."""
    from charbench.testing.scripted_endpoint import ScriptedEndpoint

    with ScriptedEndpoint().serving() as endpoint:
        yield endpoint
