"""What holds for components of every kind."""

from __future__ import annotations

import asyncio
import json
import pickle
import re
import threading
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from charbench.components.calling import awaited
from charbench.components.lifecycle import CLOSE_SECONDS
from charbench.testing.trial import Trial

_THREAD_SECONDS = 1.0
"""How long a thread may take to end once its component is closed."""


def name(trial: Trial) -> None:
    """The name is a lower-case slug, by which the command line can choose it."""
    given = trial.component.name.partition(":")[0]  # what stands after it is the member of a family
    assert re.fullmatch(r"[a-z0-9][a-z0-9_\-]*", given), f"name is {given!r}; a lower-case slug is needed"


def summary(trial: Trial) -> None:
    """There is a summary, or a docstring, for ``charbench plugins list``."""
    assert trial.component.one_line(), f"{trial.component.__name__} has no summary and no docstring"


def options(trial: Trial) -> None:
    """Options have a schema, refuse unknown names, survive pickling, and are JSON where they enter keys."""
    config = trial.component.Config
    json.dumps(config.model_json_schema())
    try:
        config(**{**trial.options, "no_such_option": 1})
    except ValidationError:
        pass
    else:
        raise AssertionError("Config takes an option that it does not have; derive it from the base class's Config")
    made = config(**trial.options)
    assert pickle.loads(pickle.dumps(made)) == made, "the options are others after pickling"  # noqa: S301  our own
    json.dumps(trial.make().content_config())


def closes_what_it_opened(trial: Trial) -> None:
    """What ``prepare`` opened or began, ``aclose`` closes and ends."""
    before = {*threading.enumerate()}
    with trial.session() as session:
        component = session.component
        opened = {name: value for name, value in vars(component).items() if _is_open(value)}
        begun = [thread for thread in threading.enumerate() if thread not in before and not thread.daemon]
        session.call(component.aclose)
        component.aclose = lambda: None  # it was called
        session.call(asyncio.sleep, 0)  # what was cancelled ends
        tasks = [task.get_name() for task in asyncio.all_tasks(session.runner.get_loop())]
    left = [name for name, value in opened.items() if _is_open(value)]
    assert not left, f"still open after aclose(): {', '.join(left)}"
    assert not tasks, f"tasks go on after aclose(): {', '.join(tasks)}"
    for thread in begun:
        thread.join(_THREAD_SECONDS)
    threads = [thread.name for thread in begun if thread.is_alive()]
    assert not threads, f"threads go on after aclose(), so that a run would not end: {', '.join(threads)}"


def leaves_the_lab_alone(trial: Trial) -> None:
    """Getting ready changes no file of the lab: a component's own files go to the folder that ``prepare`` is given."""
    with trial.session() as session:
        assert_same_files({}, files_of(session.root, session.folder))


def files_of(root: Path, folder: Path) -> dict[str, int]:
    """Return the size of each file of the lab, without its own folder."""
    found = (path for path in root.rglob("*") if path.is_file() and folder not in path.parents)
    return {path.relative_to(root).as_posix(): path.stat().st_size for path in found}


def assert_same_files(before: dict[str, int], after: dict[str, int]) -> None:
    """Raise where a file was added, removed or changed in size."""
    names = ", ".join(sorted({name for name, _ in {*before.items()} ^ {*after.items()}}))
    assert after == before, f"files of the lab were changed: {names}"


def closes_in_time(trial: Trial) -> None:
    """``aclose`` comes back within the time that a run gives it."""
    with trial.session() as session:
        component = session.component
        limit = min(CLOSE_SECONDS, trial.seconds / 4)

        async def close() -> None:
            await asyncio.wait_for(awaited(component.aclose()), limit)

        try:
            session.runner.run(close())
        except TimeoutError:
            raise AssertionError(f"aclose() is not done after {limit:g} s") from None
        finally:
            component.aclose = lambda: None  # it was called


def _is_open(value: Any) -> bool:
    for attribute in ("is_closed", "closed"):
        said = getattr(value, attribute, None)
        said = said() if callable(said) else said
        if isinstance(said, bool):
            return not said
    return False


CHECKS = (name, summary, options, closes_what_it_opened, closes_in_time, leaves_the_lab_alone)
