"""The lab whose configuration, personas and store are used inside Inspect."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from charbench.config.loading import load_config
from charbench.run.session import Session


def open_session(lab: str, options: Mapping[str, Mapping[str, Any]] | None = None, **settings: Any) -> Session:
    """Return a session of the lab in this folder; ``options`` (by ``scorer.NAME``) are laid over its configuration's.

    They were given by the user, as what is typed on the command line.
    """
    config = load_config({"lab": Path(lab), **settings}, (), os.environ, None)
    merged = {key: {**config.options.get(key, {}), **given} for key, given in (options or {}).items()}
    typed = frozenset((key, name) for key, given in (options or {}).items() for name in given)
    config = config.model_copy(update={"options": {**config.options, **merged}})
    config._typed |= typed
    return Session(config)
