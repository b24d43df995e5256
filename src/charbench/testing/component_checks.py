"""What holds for components of every kind."""

from __future__ import annotations

import asyncio
import json
import pickle
import re
from typing import Any

from pydantic import ValidationError

from charbench.components.calling import awaited
from charbench.components.lifecycle import CLOSE_SECONDS
from charbench.testing.trial import Trial


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
    """What ``prepare`` opened, ``aclose`` closes."""
    with trial.session() as session:
        component = session.component
        opened = {name: value for name, value in vars(component).items() if _is_open(value)}
    left = [name for name, value in opened.items() if _is_open(value)]
    assert not left, f"still open after aclose(): {', '.join(left)}"


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


CHECKS = (name, summary, options, closes_what_it_opened, closes_in_time)
