"""The process that renders with tinker-cookbook: it reads requests from stdin and writes replies, in JSON lines.

It is run as a file by a Python that has tinker-cookbook and need not have charbench: it imports nothing of it. The
first request names renderer and tokenizer; the others ask for a prompt, or for an example to train on. What the
libraries print goes to stderr.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

PROBE = "Hello, wörld! 3.5\n\n<think>\n"
"""A text that both sides encode, to see that they have one tokenizer."""
OFF = "_disable_thinking"
NEVER_THINKS = ("role_colon", "llama3")
_END = "charbench-end"


class Fault(Exception):  # noqa: N818  it is told, not raised out of here
    """What cannot be done, in one line."""


class Worker:
    """One renderer of the cookbook, and the form of it that has thinking switched off, where there is one."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.tokenizer = _tokenizer(request)
        self.name = request["renderer"]
        self.renderer = self._renderer(self.name)
        self.off: Any = None

    def hello(self) -> dict[str, Any]:
        """Return the cookbook's version, what ends a turn, and the probe's tokens."""
        from importlib.metadata import version

        stops = self.renderer.get_stop_sequences()
        texts = [stop if isinstance(stop, str) else self.tokenizer.decode([stop]) for stop in stops]
        return {
            "version": version("tinker-cookbook"),
            "stops": texts,
            "end": self._end(texts),
            "probe": self.tokenizer.encode(PROBE, add_special_tokens=False),
        }

    def prompt(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the tokens of a conversation, up to where the assistant begins."""
        renderer = self.renderer if request["thinking"] else self._without_thinking()
        turns = request["messages"]
        return {"tokens": self._built(lambda plain: renderer.build_generation_prompt(_turns(turns, plain))).to_ints()}

    def example(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the tokens that are given, and those that are learned; what follows these is left out."""
        thought = "" if self._has_thinking_off() else request["reflection"]
        thinking = f"<think>\n{thought}\n</think>\n\n" if thought else ""
        said = {"role": "assistant", "content": thinking + request["answer"]}
        return dict(zip(("given", "learned"), self._example(request["messages"], said), strict=True))

    def _example(self, messages: list[dict[str, str]], said: dict[str, str]) -> tuple[list[int], list[int]]:
        build = self.renderer.build_supervised_example
        whole, weights = self._built(lambda plain: build([*_turns(messages, plain), _turn(said, plain, last=True)]))
        tokens, weights = whole.to_ints(), [float(weight) for weight in weights]
        trained = [at for at, weight in enumerate(weights) if weight > 0]
        if not trained:
            raise Fault("nothing of the answer is trained")
        first, last = trained[0], trained[-1] + 1
        if len(trained) != last - first:
            raise Fault("what is trained is not one piece")
        return tokens[:first], tokens[first:last]

    def _built(self, build: Callable[[bool], Any]) -> Any:
        """Build with thinking as a part of its own; a renderer that has no place for one gets it as plain text."""
        from tinker_cookbook.exceptions import RendererError

        try:
            return build(False)
        except RendererError:
            if self._has_thinking_off():
                raise
            return build(True)

    def _has_thinking_off(self) -> bool:
        return bool(getattr(self.renderer, "disables_thinking", False)) or OFF in self.name

    def _without_thinking(self) -> Any:
        """Return the renderer's form that has thinking switched off; itself, where it has no thinking to switch off."""
        if self._has_thinking_off() or self.name in NEVER_THINKS or self.name.endswith("_instruct"):
            return self.renderer
        if self.off is None:
            try:
                self.off = self._renderer(self.name + OFF)
            except Fault:
                raise Fault(
                    "it has no form with thinking switched off; use another mode of the option thinking"
                ) from None
        return self.off

    def _end(self, stops: list[str]) -> str:
        """Return what an answer ends with: the text that follows it in an example."""
        _, learned = self._example([{"role": "user", "content": "hi"}], {"role": "assistant", "content": _END})
        rest = self.tokenizer.decode(learned).rpartition(_END)[2]
        ends = [stop for stop in stops if rest.endswith(stop)]
        return max(ends, key=len) if ends else rest

    def _renderer(self, name: str) -> Any:
        from tinker_cookbook.exceptions import RendererError
        from tinker_cookbook.renderers import get_renderer

        try:
            return get_renderer(name, self.tokenizer)
        except RendererError as error:
            raise Fault(f"tinker-cookbook does not have it for text ({error})") from None
        except Exception as error:  # noqa: BLE001  whatever it raises over a tokenizer that it is not made for
            raise Fault(f"it cannot be used with this tokenizer ({type(error).__name__}: {error})") from None


def _turns(messages: list[dict[str, str]], plain: bool) -> list[dict[str, Any]]:
    return [_turn(message, plain) for message in messages]


def _turn(message: dict[str, str], plain: bool, *, last: bool = False) -> dict[str, Any]:
    """Return a turn as the cookbook has it: an answer's thinking is a part of its own.

    ``plain``: it is text; an earlier answer (not the ``last``) stands without its thinking.
    """
    before, mark, after = message["content"].rpartition("</think>")
    if message["role"] != "assistant" or not mark:
        return message
    answer = after.lstrip("\n")
    if plain:
        return message if last else {**message, "content": answer}
    thought = before.replace("<think>", "", 1).strip()
    parts = [{"type": "thinking", "thinking": thought}, {"type": "text", "text": answer}]
    return {**message, "content": parts}


def _tokenizer(request: dict[str, Any]) -> Any:
    """Return the tokenizer of a folder, or the cookbook's own for a model; a folder's code is not run."""
    if folder := request.get("folder"):
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    from tinker_cookbook.tokenizer_utils import get_tokenizer

    return get_tokenizer(request["model"])


def main() -> None:
    """Serve until stdin ends."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    worker: Worker | None = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if worker is None:
                worker = Worker(request)
                reply = worker.hello()
            else:
                reply = worker.prompt(request) if "thinking" in request else worker.example(request)
        except ModuleNotFoundError as error:
            reply = {"missing": error.name or str(error)}
        except Exception as error:  # noqa: BLE001  whatever the cookbook raises, charbench tells
            text = " ".join(str(error).split()) or type(error).__name__
            reply = {"fault": (text if isinstance(error, Fault) else f"{type(error).__name__}: {text}")[:500]}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


if __name__ == "__main__":
    main()
