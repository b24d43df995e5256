"""The conformance table of thinking attribution: every shape in which servers send thinking.

A sampler returns what the server gave, and charbench tells thinking and response apart. To test that yours
leaves every shape as it came, let a server of your test's send ``case.answer()`` and compare what becomes of
it with ``case.response``, ``case.thinking`` and ``case.state``::

    import pytest
    from charbench.testing import THINKING_CASES

    @pytest.mark.parametrize("case", THINKING_CASES, ids=str)
    def test_my_sampler_keeps_thinking_and_response_apart(case, my_server, my_sampler):
        my_server.answer = case.answer()          # JSON of a chat completion
        completion = my_sampler(case.mode).ask("Who are you?")
        told = attribute(completion)              # from charbench.domain.thinking
        assert (told.response, told.thinking, told.state) == (case.response, case.thinking, case.state)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from charbench.domain.sample import Completion
from charbench.domain.sample import ThinkingState as State
from charbench.domain.thinking import CLOSED_PREFILL, OPEN_PREFILL

THOUGHT = "They want a sailor. Arr."
SPOKEN = "Ahoy, I sail at dawn."
IN_PARTS = "content: thinking"
"""The content is a list: a part of type ``thinking`` with the text (Anthropic), and one of type ``text``."""
IN_NESTED_PARTS = "content: thinking: text"
"""The content is a list: a part of type ``thinking`` with parts of its own (Mistral), and one of type ``text``."""


@dataclass(frozen=True, slots=True)
class ThinkingCase:
    """One shape: what the server sends, and what response, thinking and state follow from it.

    ``reasoning_field`` is what the server calls its reasoning field, empty where it has none; :data:`IN_PARTS` and
    :data:`IN_NESTED_PARTS` stand for parts of the content that hold it. ``mode`` is how
    the model was asked: ``on``, ``off``, ``prefill`` (a prefilled ``<think>``) or ``closed`` (an
    empty block put in).
    """

    name: str
    completion: Completion
    response: str
    thinking: str
    state: State
    reasoning_field: str = ""

    def __str__(self) -> str:
        return self.name

    @property
    def mode(self) -> str:
        """How the model was asked: ``on``, ``off``, ``prefill`` or ``closed``."""
        modes = {OPEN_PREFILL: "prefill", CLOSED_PREFILL: "closed"}
        return modes.get(self.completion.prefill, "off" if self.completion.thinking_off else "on")

    def answer(self) -> dict[str, Any]:
        """Return the JSON that an OpenAI-compatible server sends in this shape."""
        message: dict[str, Any] = {"role": "assistant", "content": self.completion.text}
        if self.reasoning_field in (IN_PARTS, IN_NESTED_PARTS):
            message["content"] = self._parts()
        elif self.reasoning_field:
            message[self.reasoning_field] = self.completion.reasoning
        choice = {"index": 0, "message": message, "finish_reason": self.completion.finish_reason}
        return {"id": self.name, "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]}

    def _parts(self) -> list[dict[str, Any]]:
        text, reasoning = self.completion.text, self.completion.reasoning
        nested = self.reasoning_field == IN_NESTED_PARTS
        thought = {"type": "thinking", "thinking": [{"type": "text", "text": reasoning}] if nested else reasoning}
        return [thought] if text is None else [thought, {"type": "text", "text": text}]


def _case(
    name: str,
    text: str | None,
    response: str,
    thinking: str,
    state: State,
    *,
    finish: str | None = "stop",
    reasoning: str | None = None,
    field: str = "",
    prefill: str = "",
    off: bool = False,
) -> ThinkingCase:
    completion = Completion(text=text, reasoning=reasoning, finish_reason=finish, prefill=prefill, thinking_off=off)
    return ThinkingCase(name, completion, response, thinking, state, field)


THINKING_CASES: tuple[ThinkingCase, ...] = (
    # The thinking stands in the text.
    _case("inline", f"<think>\n{THOUGHT}\n</think>\n\n{SPOKEN}", SPOKEN, THOUGHT, State.CLOSED),
    _case("inline on one line", f"<think>{THOUGHT}</think>{SPOKEN}", SPOKEN, THOUGHT, State.CLOSED),
    _case("no thinking", SPOKEN, SPOKEN, "", State.NONE),
    _case("no answer", "", "", "", State.NONE),
    _case("null", None, "", "", State.NONE),
    _case("headless", f"{THOUGHT}\n</think>\n\n{SPOKEN}", SPOKEN, THOUGHT, State.CLOSED),
    _case("thinking spelling", f"<thinking>{THOUGHT}</thinking>\n{SPOKEN}", SPOKEN, THOUGHT, State.CLOSED),
    _case("bracket spelling", f"[THINK]{THOUGHT}[/THINK]{SPOKEN}", SPOKEN, THOUGHT, State.CLOSED),
    _case("capitals", f"<Think>{THOUGHT}</THINK>{SPOKEN}", SPOKEN, THOUGHT, State.CLOSED),
    _case("spellings mixed", f"<think>{THOUGHT}</thinking>{SPOKEN}", SPOKEN, THOUGHT, State.CLOSED),
    _case(
        "several blocks",
        f"<think>\n{THOUGHT}\n</think>\n{SPOKEN}\n<think>\nMore rum.\n</think>\nArr!",
        f"{SPOKEN}\n\nArr!",
        f"{THOUGHT}\n\nMore rum.",
        State.CLOSED,
    ),
    _case(
        "several blocks on one line",
        f"<think>{THOUGHT}</think>{SPOKEN}<think>More rum.</think>Arr!",
        f"{SPOKEN}\n\nArr!",
        f"{THOUGHT}\n\nMore rum.",
        State.CLOSED,
    ),
    _case("nested", f"<think>{THOUGHT}<think>Rum.</think></think>{SPOKEN}", SPOKEN, f"{THOUGHT}\n\nRum.", State.CLOSED),
    _case("block behind a word", f"Aye. <think>{THOUGHT}</think> {SPOKEN}", f"Aye.\n\n{SPOKEN}", THOUGHT, State.CLOSED),
    _case("answer before the block", f"{SPOKEN}\n<think>\n{THOUGHT}", SPOKEN, THOUGHT, State.CLOSED, finish="length"),
    _case("empty block", f"<think>\n\n</think>\n\n{SPOKEN}", SPOKEN, "", State.CLOSED),
    _case("empty headless block", f"</think>{SPOKEN}", SPOKEN, "", State.CLOSED),
    _case("nothing behind the block", f"<think>{THOUGHT}</think>\n", "", THOUGHT, State.CLOSED_EMPTY),
    _case("nothing behind a headless block", f"{THOUGHT}</think>", "", THOUGHT, State.CLOSED_EMPTY),
    _case("nothing but an empty block", "<think>\n\n</think>\n\n", "", "", State.CLOSED_EMPTY),
    # Delimiters of other models.
    _case("tag with attributes", f'<think signature="abc">{THOUGHT}</think>{SPOKEN}', SPOKEN, THOUGHT, State.CLOSED),
    _case("tag with spaces", f"<think >{THOUGHT}</think >{SPOKEN}", SPOKEN, THOUGHT, State.CLOSED),
    _case("reasoning tag", f"<reasoning>{THOUGHT}</reasoning>{SPOKEN}", SPOKEN, THOUGHT, State.CLOSED),
    _case("seed", f"<seed:think>{THOUGHT}</seed:think>{SPOKEN}", SPOKEN, THOUGHT, State.CLOSED),
    _case("mm", f"<mm:think>{THOUGHT}</mm:think>{SPOKEN}", SPOKEN, THOUGHT, State.CLOSED),
    _case("kimi", f"◁think▷{THOUGHT}◁/think▷{SPOKEN}", SPOKEN, THOUGHT, State.CLOSED),
    _case("gemma", f"<|channel>thought\n{THOUGHT}<channel|>{SPOKEN}", SPOKEN, THOUGHT, State.CLOSED),
    _case("harmony", f"<|channel|>analysis<|message|>{THOUGHT}<|end|><|start|>assistant<|channel|>final<|message|>"
          f"{SPOKEN}<|return|>", SPOKEN, THOUGHT, State.CLOSED),
    _case("harmony with two analyses", f"<|channel|>analysis<|message|>{THOUGHT}<|end|><|start|>assistant<|channel|>"
          f"analysis<|message|>More rum.<|end|><|start|>assistant<|channel|>final<|message|>{SPOKEN}", SPOKEN,
          f"{THOUGHT}\n\nMore rum.", State.CLOSED),
    _case("harmony cut", f"<|channel|>analysis<|message|>{THOUGHT}", "", THOUGHT, State.UNCLOSED_LENGTH,
          finish="length"),
    _case("harmony without analysis", f"<|channel|>final<|message|>{SPOKEN}<|return|>", SPOKEN, "", State.CLOSED),
    _case("harmony without special tokens", f"analysis{THOUGHT}assistantfinal{SPOKEN}", SPOKEN, THOUGHT, State.CLOSED),
    _case("harmony without special tokens, cut", f"analysis{THOUGHT}", "", THOUGHT, State.UNCLOSED_LENGTH,
          finish="length"),
    _case("an answer about analysis", "analysis of the tides: two a day", "analysis of the tides: two a day", "",
          State.NONE),
    # Other words for why it ended.
    _case("cut, in capitals", f"<think>{THOUGHT}", "", THOUGHT, State.UNCLOSED_LENGTH, finish="MAX_TOKENS"),
    _case("filtered", "Arr, ye", "Arr, ye", "", State.FILTERED, finish="content_filter"),
    _case("filtered, nothing came", "", "", "", State.FILTERED, finish="SAFETY"),
    _case("a tool is called", None, "", "", State.TOOL_CALL, finish="tool_calls"),
    # The thinking does not end.
    _case("cut in thinking", f"<think>\n{THOUGHT}", "", THOUGHT, State.UNCLOSED_LENGTH, finish="length"),
    _case("stopped in thinking", f"<think>\n{THOUGHT}", "", THOUGHT, State.UNCLOSED_STOP),
    _case("ended in thinking, nobody says why", f"<think>{THOUGHT}", "", THOUGHT, State.UNCLOSED_UNKNOWN, finish=None),
    _case("cut behind the opening tag", "<think>", "", "", State.UNCLOSED_LENGTH, finish="length"),
    _case("stopped behind the opening tag", "<think>\n", "", "", State.UNCLOSED_STOP),
    _case("cut in the opening tag", "<thi", "", "<thi", State.UNCLOSED_LENGTH, finish="length"),
    _case("cut in the closing tag", f"<think>{THOUGHT}</thi", "", f"{THOUGHT}</thi", State.UNCLOSED_LENGTH,
          finish="length"),
    _case("cut in a second block", f"<think>{THOUGHT}</think>\n{SPOKEN}\n<think>Rum", SPOKEN, f"{THOUGHT}\n\nRum",
          State.CLOSED, finish="length"),
    # The server has told them apart.
    _case("reasoning_content", SPOKEN, SPOKEN, THOUGHT, State.CLOSED, reasoning=THOUGHT, field="reasoning_content"),
    _case("reasoning", SPOKEN, SPOKEN, THOUGHT, State.CLOSED, reasoning=THOUGHT, field="reasoning"),
    _case("reasoning, empty", SPOKEN, SPOKEN, "", State.NONE, reasoning="", field="reasoning_content"),
    _case("reasoning with null content, cut", None, "", THOUGHT, State.UNCLOSED_LENGTH, finish="length",
          reasoning=THOUGHT, field="reasoning_content"),
    _case("reasoning with null content, stopped", None, "", THOUGHT, State.UNCLOSED_STOP, reasoning=THOUGHT,
          field="reasoning"),
    _case("reasoning with empty content", "", "", THOUGHT, State.UNCLOSED_UNKNOWN, finish=None, reasoning=THOUGHT,
          field="reasoning_content"),
    _case("reasoning that keeps its tags", SPOKEN, SPOKEN, THOUGHT, State.CLOSED,
          reasoning=f"<think>\n{THOUGHT}\n</think>", field="reasoning_content"),
    _case("reasoning and a block", f"<think>More rum.</think>{SPOKEN}", SPOKEN, f"{THOUGHT}\n\nMore rum.",
          State.CLOSED, reasoning=THOUGHT, field="reasoning"),
    _case("thinking part", SPOKEN, SPOKEN, THOUGHT, State.CLOSED, reasoning=THOUGHT, field=IN_PARTS),
    _case("thinking part of parts", SPOKEN, SPOKEN, THOUGHT, State.CLOSED, reasoning=THOUGHT, field=IN_NESTED_PARTS),
    _case("thinking part alone, cut", None, "", THOUGHT, State.UNCLOSED_LENGTH, finish="length", reasoning=THOUGHT,
          field=IN_NESTED_PARTS),
    _case("reasoning, and the same in a block", f"<think>\n{THOUGHT}\n</think>\n\n{SPOKEN}", SPOKEN, THOUGHT,
          State.CLOSED, reasoning=THOUGHT, field="reasoning_content"),
    _case("reasoning, and the same in a block that is cut", f"<think>\n{THOUGHT}", "", THOUGHT,
          State.UNCLOSED_LENGTH, finish="length", reasoning=f"{THOUGHT}\n", field="reasoning_content"),
    _case("reasoning, and its closing tag in the content", f"</think>\n{SPOKEN}", SPOKEN, THOUGHT, State.CLOSED,
          reasoning=THOUGHT, field="reasoning_content"),
    _case("reasoning, and nothing behind it but its closing tag", "</think>", "", THOUGHT, State.CLOSED_EMPTY,
          reasoning=THOUGHT, field="reasoning_content"),
    _case("answer misfiled behind the thinking", None, SPOKEN, THOUGHT, State.MISFILED,
          reasoning=f"{THOUGHT}\n</think>\n\n{SPOKEN}", field="reasoning_content"),
    _case("answer misfiled, thinking switched off", "", SPOKEN, "", State.MISFILED, reasoning=SPOKEN,
          field="reasoning_content", off=True),
    _case("answer misfiled, closed block prefilled", None, SPOKEN, "", State.MISFILED, reasoning=SPOKEN,
          field="reasoning", prefill=CLOSED_PREFILL),
    # Something was put into the model's mouth.
    _case("open prefill", f"{THOUGHT}\n</think>\n\n{SPOKEN}", SPOKEN, THOUGHT, State.CLOSED, prefill=OPEN_PREFILL),
    _case("open prefill, thinking ended at once", f"</think>\n{SPOKEN}", SPOKEN, "", State.CLOSED,
          prefill=OPEN_PREFILL),
    _case("open prefill, repeated by the server", f"<think>\n{THOUGHT}\n</think>\n{SPOKEN}", SPOKEN, THOUGHT,
          State.CLOSED, prefill=OPEN_PREFILL),
    _case("open prefill, never closed", SPOKEN, "", SPOKEN, State.UNCLOSED_STOP, prefill=OPEN_PREFILL),
    _case("open prefill, cut", THOUGHT, "", THOUGHT, State.UNCLOSED_LENGTH, finish="length", prefill=OPEN_PREFILL),
    _case("open prefill, nothing came", "", "", "", State.UNCLOSED_STOP, prefill=OPEN_PREFILL),
    _case("open prefill, told apart by the server", SPOKEN, SPOKEN, THOUGHT, State.CLOSED, reasoning=THOUGHT,
          field="reasoning_content", prefill=OPEN_PREFILL),
    _case("closed prefill", SPOKEN, SPOKEN, "", State.NONE, prefill=CLOSED_PREFILL),
    _case("closed prefill, thinking all the same", f"<think>{THOUGHT}</think>{SPOKEN}", SPOKEN, THOUGHT,
          State.CLOSED, prefill=CLOSED_PREFILL),
    _case("closed prefill, nothing came", "", "", "", State.CLOSED_EMPTY, prefill=CLOSED_PREFILL),
    _case("thinking switched off", SPOKEN, SPOKEN, "", State.NONE, off=True),
    # Tags that are only talked about.
    _case("tag in backticks", f"<think>{THOUGHT}</think>Write `</think>` last.", "Write `</think>` last.", THOUGHT,
          State.CLOSED),
    _case("tag in quotes", 'Arr, "<think>" opens it and "</think>" ends it.',
          'Arr, "<think>" opens it and "</think>" ends it.', "", State.NONE),
    _case("tag in curly quotes", "Arr, “</think>” it is.", "Arr, “</think>” it is.", "", State.NONE),
    _case("tags in one piece of code", "Like `<think>arr</think>ahoy`, matey.", "Like `<think>arr</think>ahoy`, matey.",
          "", State.NONE),
    _case("tags in a code block", "See:\n```xml\n<think>\narr\n</think>\n```\nDone.",
          "See:\n```xml\n<think>\narr\n</think>\n```\nDone.", "", State.NONE),
    _case("opening tag in a sentence", "Nobody can say what <think> means.", "Nobody can say what <think> means.", "",
          State.NONE),
    _case("tag quoted in the thinking", f'<think>No "</think>" yet. {THOUGHT}</think>{SPOKEN}', SPOKEN,
          f'No "</think>" yet. {THOUGHT}', State.CLOSED),
    _case("quotations on both sides of the tag", '<think>He said "arr"</think>"Ahoy!"', '"Ahoy!"', 'He said "arr"',
          State.CLOSED),
    _case("dots behind a quotation", '<think>He said "arr"</think>"...ahoy"', '"...ahoy"', 'He said "arr"',
          State.CLOSED),
    _case("thinking that ends in open code", f"<think>\n```\nrum\n</think>\n{SPOKEN}\n```\n<think>\n```",
          f"{SPOKEN}\n```\n<think>\n```", "```\nrum", State.CLOSED),
)  # fmt: skip
"""Every shape that servers send, with what follows from it; names are unique."""
