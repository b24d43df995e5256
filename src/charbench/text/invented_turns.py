"""Turns of a conversation that a text invents: "User:" where a turn begins, or a chat template's own tokens."""

from __future__ import annotations

from collections.abc import Iterator

from charbench.text.phrases import Phrases, plain

_ROLES = r"(?:user|human|assistant|system)"
_NAMED = r"(?-i:User|Human|Assistant|System|USER|HUMAN|ASSISTANT|SYSTEM)"
_COLON = r"[ \t]?[*_]{0,2}[ \t]?:"
_EMOJI = r"[\x{2190}-\x{21ff}\x{2600}-\x{27bf}\x{2b00}-\x{2bff}\x{1f000}-\x{1faff}\x{fe0f}\x{200d}]"
_TURNS = Phrases(
    (
        # At the start of a line, after a sentence, after *an action* or an emoji. "A note to the user: ..." and
        # "my *dear* user: ..." are none.
        rf"(?m:^)[ \t]*(?:>[ \t]*)?[*_]{{0,2}}{_ROLES}{_COLON}",
        rf"[.!?…\"')\]][*_]{{0,2}}[ \t]+[*_]{{0,2}}{_ROLES}{_COLON}",
        rf"\w[.!?…]?[*_]{{1,2}}[ \t]+[*_]{{0,2}}{_NAMED}{_COLON}",
        rf"{_EMOJI}[ \t]*[*_]{{0,2}}{_NAMED}{_COLON}",
        # A heading that is a role, as instruction templates write it: "### User:", or alone on its line.
        rf"#{{2,6}}[ \t]*[*_]{{0,2}}{_ROLES}{_COLON}",
        r"#{3,6}[ \t]*(?-i:User|Human|Assistant|Instruction|Response)[ \t]*:?[ \t]*(?m:$)",
        r"<\|(?:im_start|im_end|user|assistant|system|start_header_id|end_header_id|eot_id)\|>",
        r"\[/?INST\]|<start_of_turn>|<end_of_turn>",
    ),
    before="",
)


def find_invented_turns(text: str) -> Iterator[tuple[int, int]]:
    """Yield where a text opens a turn that is not its own, ``text[start:end]``."""
    yield from _TURNS.find(plain(text))


def has_invented_turn(text: str) -> bool:
    """Whether a text opens a turn that is not its own."""
    return next(find_invented_turns(text), None) is not None
