"""The process that renders a chat template: it reads requests from stdin and writes replies to stdout, in JSON lines.

A template is code, and may be a stranger's: it is compiled and rendered here, where it can be ended at any moment and
has no more time and memory than it is given. This module imports nothing of charbench but the environment.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
from typing import Any

from charbench_plugins.chat_templates import FAULTS, RefusalError, compile_template

MEMORY = 512 * 1024**2
"""Bytes that the process may use beyond what it has when it begins."""


def main() -> None:
    """Serve until stdin ends. The first line holds the template, the others the variables to render it with."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this process
    _limit_memory()
    template: Any = None
    _send({"text": "ready"})
    for line in sys.stdin.buffer:
        request = json.loads(line)
        _limit_time(request["seconds"])
        try:
            if template is None:
                template = compile_template(request["template"], request["names"])
                reply: dict[str, Any] = {"text": ""}
            else:
                reply = _rendered(template, request)
        except RefusalError as error:
            reply = {"refusal": str(error)[:1000]}
        except MemoryError:
            reply = {"large": True}
        except FAULTS as error:
            reply = {"fault": f"{type(error).__name__}: {error}"[:1000]}
        _send(reply)


def _send(reply: dict[str, Any]) -> None:
    sys.stdout.buffer.write(json.dumps(reply).encode() + b"\n")
    sys.stdout.buffer.flush()


def _rendered(template: Any, request: dict[str, Any]) -> dict[str, Any]:
    parts, length = [], 0
    for part in template.generate(**request["variables"]):
        length += len(part)
        if length > request["characters"]:
            return {"large": True}
        parts.append(part)
    return {"text": "".join(parts)}


def _limit_time(seconds: float) -> None:
    """Let the system end this process when it has computed for so long, even where nobody waits for it any more."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    until = int(used.ru_utime + used.ru_stime + seconds) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (until, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _limit_memory() -> None:
    try:
        with open("/proc/self/statm", encoding="ascii") as statm:  # noqa: PTH123  one import less
            used = int(statm.read().split()[0]) * resource.getpagesize()
    except OSError:  # no such file: the length of the text and the time are limited all the same
        return
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main()
