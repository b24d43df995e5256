"""Renders a chat template in a process of its own, within limits of time and size."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

from charbench import Sampler, operational

_LOOK = 0.05
"""Seconds between looks at how much a rendering has computed."""
_STARTING = 30.0
"""Seconds that the process may take to start, on a busy machine, and that it may wait for its turn to compute."""


class TemplateFaultError(Exception):
    """The template is none, or cannot write the conversation."""


class TemplateRefusalError(TemplateFaultError):
    """The template itself refuses the conversation, with ``raise_exception``."""


class TemplateLimitError(TemplateFaultError):
    """The template takes too long, or writes too much."""


class TemplateConfig(Sampler.Config):
    """How much a chat template may take."""

    template_seconds: float = operational(
        2.0, gt=0, le=600, description="CPU seconds that a chat template may take for one conversation"
    )
    template_characters: int = operational(
        4_000_000, ge=1_000, le=100_000_000, description="maximum characters of a rendered chat template"
    )


@dataclass(frozen=True, slots=True)
class TemplateLimits:
    """Seconds of computing time and characters for one conversation."""

    seconds: float = 2.0
    characters: int = 4_000_000

    @classmethod
    def of(cls, config: TemplateConfig) -> Self:
        """Return the limits that a component's options name."""
        return cls(config.template_seconds, config.template_characters)


class TemplateProcess:
    """A compiled template in a process of its own, which ends when this object does.

    Raises :class:`TemplateFaultError` where the text is no template. May be used from several threads.
    """

    def __init__(self, text: str, names: Mapping[str, Any] | None = None, limits: TemplateLimits | None = None) -> None:
        self._text, self._names = text, dict(names or {})
        self._limits = limits or TemplateLimits()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        with self._lock:
            self._start()

    def render(self, **variables: Any) -> str:
        """Return what the template writes; raises :class:`TemplateFaultError`."""
        with self._lock:
            if self._process is None:
                self._start()
            return self._ask({"variables": variables, "characters": self._limits.characters})

    def _start(self) -> None:
        """Start the process, without the environment: keys stand there, and a sandbox may have holes."""
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from charbench_plugins.template_worker import main; main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        weakref.finalize(self, _end, self._process)
        if self._reply(self._process, _STARTING) is None:
            raise TemplateFaultError("the process that renders chat templates does not start")
        self._ask({"template": self._text, "names": self._names})

    def _ask(self, request: dict[str, Any]) -> str:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        reply: dict[str, Any] | None = None
        try:
            process.stdin.write(json.dumps({**request, "seconds": self._limits.seconds}).encode() + b"\n")
            process.stdin.flush()
            reply = self._reply(process, self._limits.seconds)
        except BrokenPipeError:
            pass
        finally:
            if reply is None:  # it ended, takes too long, or the user wants to stop: it is of no more use
                self._process = None
                _end(process)
        if reply is None or "large" in reply:
            raise TemplateLimitError(self._beyond(reply))
        if "refusal" in reply:
            raise TemplateRefusalError(reply["refusal"])
        if "fault" in reply:
            raise TemplateFaultError(reply["fault"])
        return str(reply["text"])

    def _beyond(self, reply: dict[str, Any] | None) -> str:
        if reply is None:
            return f"it takes more than {self._limits.seconds:g} s for one conversation (option template_seconds)"
        return (
            f"it writes more than {self._limits.characters:,} characters, or needs more than 512 MB of memory "
            "(option template_characters)"
        )

    def _reply(self, process: subprocess.Popen[bytes], seconds: float) -> dict[str, Any] | None:
        """Return the reply, None where it takes too long or the process ends."""
        assert process.stdout is not None
        out = process.stdout.fileno()
        began, before, received = time.monotonic(), _computed(process.pid), bytearray()
        while not received.endswith(b"\n"):
            if select.select([out], [], [], _LOOK)[0]:
                chunk = os.read(out, 1 << 20)
                if not chunk:
                    return None
                received += chunk
            elif _is_late(process.pid, seconds, began, before):
                return None
        reply: dict[str, Any] = json.loads(received)
        return reply


def _is_late(pid: int, seconds: float, began: float, before: float | None) -> bool:
    """Whether it has computed for too long; where the system does not tell, time on the clock is what counts."""
    passed, now = time.monotonic() - began, _computed(pid)
    if before is None or now is None:
        return passed > seconds
    return now - before > seconds or passed > seconds + _STARTING


def _computed(pid: int) -> float | None:
    """Return the seconds that a process has computed so far, None where the system does not tell."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:  # noqa: PTH123
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError):
        return None


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(BrokenPipeError):  # what was not sent yet
                pipe.close()
