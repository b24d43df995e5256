"""Every exception that charbench raises on purpose.

::

    CharbenchError              one line for the user; exit code 1
    ├── UsageError              the command line is wrong; exit code 2
    │   └── UnknownNameError    no such persona, plugin, job, ...: lists the choices and the nearest one
    ├── ConfigError             a file is wrong: names file, line and column; exit code 2
    │   ├── PersonaError        the file is a persona's
    │   └── NotSetUpError       a source lacks a key or a file; it is left out unless asked for by name
    ├── PluginError             a plugin cannot be used; exit code 2
    ├── StoreError              the store cannot be opened, read or written
    ├── DataError               a data file cannot be read, or its content is unfit for training
    ├── TrainingError           a training job failed
    └── SamplingError           a sample could not be taken; carries its kind and whether a retry can help
        ├── RefusedError        the endpoint refuses all such requests (bad key, unknown model)
        └── DeadlineError       no answer in time

Anything else that escapes is a bug and keeps its traceback.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class CharbenchError(Exception):
    """A fault that one line can explain; ``exit_code`` is what the command line ends with."""

    exit_code = 1


class UsageError(CharbenchError):
    """The command line is wrong."""

    exit_code = 2


class UnknownNameError(UsageError):
    """An unknown name; the message lists the choices and suggests the nearest."""

    def __init__(self, what: str, name: str, choices: Iterable[str], hint: str = "") -> None:
        self.name = name
        self.choices = sorted(set(choices))
        super().__init__(f"no {what} named {name!r}{suggest(name, self.choices)}{hint}")


class ConfigError(CharbenchError):
    """A file the user wrote is wrong. ``faults`` holds one line for each thing to fix."""

    exit_code = 2

    def __init__(self, faults: str | Sequence[str]) -> None:
        self.faults = (faults,) if isinstance(faults, str) else tuple(faults)
        super().__init__("\n".join(self.faults))


class NotSetUpError(ConfigError):
    """A source lacks what it needs (a key, a file): it is left out, unless it was asked for by name."""


class PersonaError(ConfigError):
    """A persona file is wrong."""


class PluginError(CharbenchError):
    """A plugin is broken, missing, or claims a name that another one has."""

    exit_code = 2


class StoreError(CharbenchError):
    """The store cannot be opened, read or written."""


class DataError(CharbenchError):
    """A data file cannot be read, or what it holds is unfit for training."""


class TrainingError(CharbenchError):
    """A training job failed; the message says why and what to do."""


class SamplingError(CharbenchError):
    """A sample could not be taken.

    ``kind`` is a short slug kept in the store (``timeout``, ``rate_limit``, ``connection``, ``server``,
    ``bad_response``, ...); ``retry_after`` is in seconds, None where the server named no time;
    ``retryable`` says whether another try can help.
    """

    def __init__(
        self, message: str, *, kind: str = "other", retryable: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.retryable = retryable
        self.retry_after = retry_after


class RefusedError(SamplingError):
    """The endpoint refuses every request of this kind: no further try is made for this checkpoint."""

    def __init__(self, message: str, *, kind: str = "refused") -> None:
        super().__init__(message, kind=kind)


class DeadlineError(SamplingError):
    """The deadline passed without a completion."""

    def __init__(self, message: str) -> None:
        super().__init__(message, kind="timeout", retryable=True)


def suggest(name: str, choices: Sequence[str], limit: int = 12) -> str:
    """Return the part of a message that follows an unknown name: the nearest choice, and the choices."""
    if not choices:
        return "; there is none"
    near = nearest(name, choices)
    hint = f"; {near}" if near else ""
    more = ", ..." if len(choices) > limit else ""
    return f"{hint} (choose from {', '.join(choices[:limit])}{more})"


def nearest(name: str, choices: Sequence[str]) -> str:
    """Return the question whether the nearest choice was meant; nothing where none is near."""
    import difflib

    near = difflib.get_close_matches(name, choices, n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else ""
