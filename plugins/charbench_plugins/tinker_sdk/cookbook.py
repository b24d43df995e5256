"""tinker-cookbook's renderers, run by a Python that has tinker-cookbook: what it needs may conflict with charbench's.

The other process (``cookbook_worker``) is given conversations and returns tokens, which are used as they are.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from charbench import ConfigError, DataError, Example, Message, redact
from charbench_plugins.tinker_sdk.cookbook_worker import PROBE
from charbench_plugins.tinker_sdk.renderers import Renderer
from charbench_plugins.tinker_sdk.tokenizer import ModelTokenizer

INSTALL = "a Python of its own that has it: python3 -m venv DIR && DIR/bin/pip install tinker-cookbook"
START_SECONDS = 300.0
"""Seconds that the process may take to import the cookbook and to load a tokenizer, from a hub if need be."""
REPLY_SECONDS = 60.0
_PASSED = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "XDG_CACHE_HOME", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_PASSED_BEGINNINGS = ("HF_", "TRANSFORMERS_", "SSL_CERT_", "TML_RENDERERS_")
"""Of the environment, what the other process sees: no key but the hub's own."""


@dataclass(frozen=True, slots=True)
class Cookbook:
    """Where tinker-cookbook is: ``python`` is the interpreter that has it, None where there is none."""

    python: str | None

    @classmethod
    def of(cls, renderer_python: Path | None) -> Cookbook:
        """Return what the option ``renderer_python`` names, else this Python where it has tinker-cookbook."""
        if renderer_python is not None:
            return cls(str(renderer_python.expanduser()))
        return cls(sys.executable if find_spec("tinker_cookbook") is not None else None)

    def renderer(self, name: str, base_model: str | None, tokenizer: ModelTokenizer) -> Renderer:
        """Return one of the cookbook's renderers; raises :class:`ConfigError`, in one line, where there is none."""
        assert self.python is not None, "asked for where there is no cookbook"
        place = {"folder": str(tokenizer.folder.resolve())} if tokenizer.folder else {"model": base_model or ""}
        process = CookbookProcess(self.python)
        hello = process.ask({"renderer": name, **place}, START_SECONDS, f"renderer {name}")
        if hello["probe"] != tokenizer.encode(PROBE):
            raise ConfigError(
                f"renderer {name}: the tokenizer that {self.python} has for {base_model or tokenizer.folder} is "
                "another one than charbench's; name one folder for both with the option 'tokenizer'"
            )
        return CookbookRenderer(name, hello, process, tokenizer)


NO_COOKBOOK = Cookbook(None)


class CookbookRenderer(Renderer):
    """A renderer of tinker-cookbook; tokens are the cookbook's own."""

    def __init__(
        self, name: str, hello: Mapping[str, Any], process: CookbookProcess, tokenizer: ModelTokenizer
    ) -> None:
        self.name = name
        self.version = f"tinker-cookbook {hello['version']}"
        self.end_of_turn = hello["end"]
        self._stops = tuple(dict.fromkeys((self.end_of_turn, *hello["stops"])))
        self._process, self._tokenizer = process, tokenizer
        if not self.end_of_turn:
            raise ConfigError(f"renderer {name} ends an answer with nothing, so a model would not learn to stop")

    @property
    def stops(self) -> tuple[str, ...]:
        """What ends a turn."""
        return self._stops

    def prompt(self, messages: Sequence[Message], *, thinking: bool = True) -> str:
        """Return the prompt's tokens as text."""
        return self._tokenizer.decode(self.prompt_tokens(messages, self._tokenizer, thinking=thinking))

    def answer(self, example: Example) -> str:
        """Return the trained tokens as text."""
        return self._tokenizer.decode(self.example_tokens(example, self._tokenizer)[1])

    def prompt_tokens(
        self, messages: Sequence[Message], tokenizer: ModelTokenizer, *, thinking: bool = True, then: str = ""
    ) -> list[int]:
        """Return the cookbook's tokens of the prompt, and those of ``then``."""
        reply = self._ask({"messages": _turns(messages), "thinking": thinking})
        return [*reply["tokens"], *(tokenizer.encode(then) if then else ())]

    def example_tokens(self, example: Example, tokenizer: ModelTokenizer) -> tuple[list[int], list[int]]:
        """Return the cookbook's tokens that are given, and those that are learned."""
        asked = {"messages": _turns(example.messages), "reflection": example.reflection.strip()}
        reply = self._ask({**asked, "answer": example.answer})
        return reply["given"], reply["learned"]

    def check(self, given: str, learned: str, example: Example) -> str:
        """Check as other renderers do; thinking may also stand in a channel of its own, and not between tags."""
        if not example.reflection.strip() or "</think>" in given + learned:
            return super().check(given, learned, example)
        if example.reflection.strip() not in learned:
            raise DataError(f"line {example.line} as rendered: there is a reflection, and it is not trained")
        said = super().check(given, learned, replace(example, reflection=""))
        return said.replace("without a thinking block", "with its thinking in a channel of its own")

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        return self._process.ask(request, REPLY_SECONDS, f"renderer {self.name}")


class CookbookProcess:
    """The other process, which ends when this object does. May be used from several threads."""

    def __init__(self, python: str) -> None:
        self._python = python
        self._lock = threading.Lock()
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  closed when the process ends
        try:
            self._process = subprocess.Popen(  # noqa: S603  the user named it
                [python, "-I", str(Path(__file__).with_name("cookbook_worker.py"))],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, env=_environment(),
                start_new_session=True,  # Ctrl-C is for charbench, which ends it
            )  # fmt: skip
        except OSError as error:
            self._errors.close()
            raise ConfigError(f"option renderer_python: {python}: {error.strerror}; name {INSTALL}") from None
        weakref.finalize(self, _end, self._process, self._errors)

    def ask(self, request: dict[str, Any], seconds: float, who: str = "tinker-cookbook") -> dict[str, Any]:
        """Return the reply; raises :class:`ConfigError` where there is none within these seconds, or a fault."""
        with self._lock:
            reply = self._reply(request, seconds)
        if reply is None:
            raise ConfigError(f"{who}: {self._python} gives no reply: {self._last_words()}")
        if "missing" in reply:
            raise ConfigError(f"{who}: {self._python} has no package {redact(reply['missing'])}; name {INSTALL}")
        if "fault" in reply:
            raise ConfigError(f"{who}: {redact(reply['fault'])}")
        return reply

    def _reply(self, request: dict[str, Any], seconds: float) -> dict[str, Any] | None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        received, until = bytearray(), time.monotonic() + seconds
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
            out = self._process.stdout.fileno()
            while not received.endswith(b"\n"):
                if not select.select([out], [], [], max(0.0, until - time.monotonic()))[0]:
                    return None
                if not (chunk := os.read(out, 1 << 20)):
                    return None
                received += chunk
            reply = json.loads(received)
        except (BrokenPipeError, ValueError):
            return None
        return reply if isinstance(reply, dict) else None

    def _last_words(self) -> str:
        """Return the last line that the process wrote to stderr."""
        self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, self._errors.tell() - 4000))
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        return redact(" ".join(lines[-1].split())[:300]) if lines else "it says nothing"


def _turns(messages: Sequence[Message]) -> list[dict[str, str]]:
    return [{"role": turn.role, "content": turn.content} for turn in messages]


def _environment() -> dict[str, str]:
    """Return what the other process is to see of the environment."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in _PASSED or name.startswith(_PASSED_BEGINNINGS) or name.lower().endswith("_proxy")
    }


def _end(process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGKILL)
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(BrokenPipeError):
                pipe.close()
    errors.close()
