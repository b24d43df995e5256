"""What is used of Inspect that Inspect does not publish: all of it is here, and tests run it with the real one."""

from __future__ import annotations

try:
    from inspect_ai._util.error import PrerequisiteError as PrerequisiteError
except ImportError:

    class PrerequisiteError(Exception):  # type: ignore[no-redef]
        """An error that Inspect would print without a traceback, if it still had one for that."""
