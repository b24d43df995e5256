"""The hub that tokenizers come from: out of reach, it is not asked, and nothing is said on its behalf.

Its own client asks a dead hub again and again, file by file, for most of a minute, with a warning each time. Told to
be offline it takes what was fetched before, or fails at once.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from charbench import SamplingError
from charbench_plugins.tinker_sdk import reach
from charbench_plugins.tinker_sdk.calls import call

DEFAULT_URL = "https://huggingface.co"
LOOK_SECONDS = reach.LOOK_SECONDS + 1
"""Seconds that looking for the hub may take, looking up its name included."""
QUIET = {"HF_HUB_VERBOSITY": "error", "TRANSFORMERS_VERBOSITY": "error", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
"""Read by the hub's packages when they are imported, which is after this."""
_OFFLINE = "HF_HUB_OFFLINE"
_one_at_a_time = threading.Lock()


@contextmanager
def left_alone_if_away() -> Iterator[str]:
    """Yield why the hub is not there, an empty text if it is; while it is not, nobody in the block asks it."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    with _one_at_a_time:
        before = os.environ.get(_OFFLINE)
        absence = "" if before else _absence()
        if not absence:
            yield ""
            return
        os.environ[_OFFLINE] = "1"
        _tell(offline=True)
        try:
            yield absence
        finally:
            del os.environ[_OFFLINE]
            _tell(offline=False)


def _absence() -> str:
    url = (os.environ.get("HF_ENDPOINT") or DEFAULT_URL).rstrip("/")
    try:
        reason = call("looking for it", reach.answer_of, "HF_ENDPOINT", url, seconds=LOOK_SECONDS)
    except SamplingError as error:
        reason = str(error)
    return f"{urlsplit(url).hostname or url} cannot be reached: {reason}" if reason else ""


def _tell(*, offline: bool) -> None:
    """Tell the hub's client where it has been imported: it reads the variable only then."""
    constants = sys.modules.get("huggingface_hub.constants")
    if constants is not None:
        constants.HF_HUB_OFFLINE = offline  # type: ignore[attr-defined]
