"""The code that Jinja makes of a template, kept where Python keeps that of modules: to make it anew takes 55 ms."""

from __future__ import annotations

import os
import pickle
import sys
import tempfile
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path

import jinja2
from jinja2.bccache import Bucket

_FORM = 1
"""Increased where the options of the environment change, and code that is kept would be another."""


class KeptCode(jinja2.BytecodeCache):
    """Keeps code beside the templates, in ``__pycache__`` or where ``PYTHONPYCACHEPREFIX`` says, as Python does.

    Where Python writes no bytecode, or cannot, nothing is kept. Code counts only for the very text that it was made of,
    and for this version of Jinja and Python.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load_bytecode(self, bucket: Bucket) -> None:
        """Take what is kept, if there is anything; Jinja looks whether it is of the same text."""
        try:
            with self._file(bucket).open("rb") as file:
                bucket.load_bytecode(file)
        except (OSError, EOFError, ValueError, pickle.UnpicklingError):  # it is not there, or damaged
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep the code, in one step."""
        if sys.dont_write_bytecode:
            return
        path = self._file(bucket)
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, part = tempfile.mkstemp(dir=path.parent, suffix=".part")
            try:
                with os.fdopen(descriptor, "wb") as file:
                    bucket.write_bytecode(file)
                Path(part).chmod(0o644)
                Path(part).replace(path)
            except BaseException:
                Path(part).unlink(missing_ok=True)
                raise

    def _file(self, bucket: Bucket) -> Path:
        # Not named .pyc: Python would take it for a module's.
        return Path(cache_from_source(str(self._folder / f"{bucket.key}.py"))).with_suffix(
            f".{jinja2.__version__}-{_FORM}.jinja"
        )
