"""The code that Jinja makes of a template, kept where Python keeps that of modules: to make it anew takes 55 ms."""

from __future__ import annotations

import pickle
import sys
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path

import jinja2
from jinja2.bccache import Bucket

_FORM = 1
"""Increased where the options of the environment change, and code that is kept would be another."""


class KeptCode(jinja2.FileSystemBytecodeCache):
    """Keeps code beside the templates, in ``__pycache__`` or where ``PYTHONPYCACHEPREFIX`` says, as Python does.

    Where Python writes no bytecode, or cannot, nothing is kept. Code counts only for the very text that it was made of,
    and for this version of Jinja and Python.
    """

    def __init__(self, folder: Path) -> None:
        # Not named .pyc: Python would take it for a module's.
        name = Path(cache_from_source(str(folder / "%s.py"))).with_suffix(f".{jinja2.__version__}-{_FORM}.jinja")
        super().__init__(str(name.parent), name.name)

    def load_bytecode(self, bucket: Bucket) -> None:
        """Take what is kept, if there is anything; Jinja looks whether it is of the same text."""
        try:
            super().load_bytecode(bucket)
        except (OSError, EOFError, ValueError, pickle.UnpicklingError):  # it cannot be read, or is damaged
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep the code, in one step, for every user of the machine."""
        if sys.dont_write_bytecode:
            return
        with suppress(OSError):
            Path(self.directory).mkdir(parents=True, exist_ok=True)
            super().dump_bytecode(bucket)
            Path(self.directory, self.pattern % bucket.key).chmod(0o644)
