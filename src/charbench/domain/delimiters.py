"""How thinking is delimited in text: the table of what is known, and how a lab adds to it.

A delimiter is data: what opens a block of thinking, and what closes it. Those written like ``<think>`` may close each
other (models mix them up); the others close their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

NAMES = ("think", "thinking", "reasoning", "thought", "seed:think", "mm:think")
"""Tags as ``<NAME>`` and ``</NAME>``, in any case, with spaces or attributes in them."""
_HARMONY = r"(?:<\|end\|>\s*)?(?:<\|start\|>assistant\s*)?<\|channel\|>"
PAIRS = (
    # Mistral's Magistral
    (r"\[THINK\]", r"\[/THINK\]"),
    # Kimi-VL
    ("◁think▷", "◁/think▷"),
    # gpt-oss: https://github.com/openai/harmony; the analysis and what is said to tools are no response
    (
        _HARMONY + r"(?:analysis|commentary)(?:\s+to=[^<|]{1,200})?\s*(?:<\|constrain\|>\w{1,40})?<\|message\|>",
        _HARMONY + r"final\s*(?:<\|constrain\|>\w{1,40})?<\|message\|>",
    ),
    # the same with its special tokens taken out, as Tinker's OpenAI-compatible endpoint sends it
    (
        r"\A(?:assistant)?analysis(?-i:(?=[^\sa-z,.;:'’-]))|(?<=\S)assistant(?:analysis|commentary)(?-i:(?=[^\sa-z]))",
        r"(?<=\S)assistantfinal(?=\S)|\Aassistantfinal(?=\S)",
    ),
    # Gemma 4
    (r"<\|channel>\s*thought\n?", r"<channel\|>"),
)
"""Other pairs, as regular expressions."""
_CANDIDATE = re.compile(r"[<\[◁aA](?:(?<=[<\[◁])|(?<=[aA])(?i:ssistant|nalysis))")
"""Where a known delimiter can begin. It starts with a set of characters, which ``re`` looks for ten times as fast as it
tries an expression at each character."""
_END_TOKENS = re.compile(r"(?:\s*<\|(?:return|end|call)\|>)+\s*\Z")
_BEGINNINGS = (
    *(f"<{name}>" for name in NAMES), "[think]", "◁think▷", "<|channel|>analysis<|message|>",
    "<|start|>assistant<|channel|>analysis<|message|>", "<|channel>thought",
)  # fmt: skip
_SUSPECT = re.compile(
    r"\A\s*(?:<(?P<tag>[A-Za-z][\w:.\-]{1,40})(?:\s[^<>]{0,200})?>|\[(?P<bracket>[A-Za-z][\w ]{1,40})\]"
    r"|<\|(?P<bar>\w{1,40})\|>)"
)
_LIKE_THINKING = re.compile(
    r"think|thought|reason|reflect|analy|scratch|monolog|ponder|deliberat|consider|inner|cot\b|plan", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Delimiters:
    """Compiled delimiters: ``tag`` matches any of them; its group ``closes`` those that end a block."""

    tag: re.Pattern[str]
    beginnings: tuple[str, ...]
    has_pairs: bool = False
    """Whether there are pairs that are not known here."""

    def find(self, text: str, start: int = 0, end: int | None = None) -> Iterator[re.Match[str]]:
        """Yield the matches of ``tag`` in ``text[start:end]``, in order, none overlapping another."""
        end = len(text) if end is None else end
        if self.has_pairs:
            yield from self.tag.finditer(text, start, end)
            return
        for candidate in _CANDIDATE.finditer(text, start, end):
            if candidate.start() >= start and (match := self.tag.match(text, candidate.start(), end)):
                yield match
                start = match.end()

    def closes(self, match: re.Match[str]) -> bool:
        """Whether a match of ``tag`` ends a block."""
        return match["closes"] is not None

    @staticmethod
    def end(text: str) -> int:
        """Return where a text ends, tokens that end a harmony message left out."""
        if "<|" not in text[-40:]:
            return len(text)
        found = _END_TOKENS.search(text, max(0, len(text) - 200))
        return found.start() if found else len(text)

    def begins_a_tag(self, text: str) -> bool:
        """Whether the whole text is the beginning of an opening tag."""
        begun = text.strip().lower()
        return bool(begun) and any(tag.startswith(begun) and tag != begun for tag in self.beginnings)


@lru_cache(maxsize=64)
def delimiters(more: tuple[str, ...] = ()) -> Delimiters:
    """Return the known delimiters and ``more``: names as in ``<NAME>``, or an opening and a closing text.

    The two texts of a pair are divided by white space: ``"[[ ]]"``. Raises :class:`ValueError` for anything else.
    """
    names, pairs = list(NAMES), list(PAIRS)
    beginnings = list(_BEGINNINGS)
    for entry in more:
        parts = entry.split()
        if len(parts) == 2:
            pairs.append((re.escape(parts[0]), re.escape(parts[1])))
            beginnings.append(parts[0].lower())
        elif len(parts) == 1 and re.fullmatch(r"[A-Za-z][\w:.\-]{0,60}", parts[0]):
            names.append(re.escape(parts[0]))
            beginnings.append(f"<{parts[0].lower()}>")
        else:
            raise ValueError(
                f"{entry!r} is not a delimiter: a tag's name (scratchpad) is needed, or two texts ([[ ]]), of which "
                "the first opens and the second closes"
            )
    name = "|".join(sorted(names, key=len, reverse=True))
    closing = "|".join([rf"</\s?(?:{name})\s?>", *(closes for _, closes in pairs)])
    opening = "|".join([rf"<(?:{name})(?:\s[^<>]{{0,500}})?>", *(opens for opens, _ in pairs)])
    return Delimiters(
        re.compile(rf"(?P<closes>{closing})|(?:{opening})", re.IGNORECASE), tuple(beginnings), len(pairs) > len(PAIRS)
    )


def probable_delimiter(response: str) -> str | None:
    """Return the tag in which a response begins with what may be thinking, None where there is none.

    It is like a word for thinking, is closed later, and no delimiter that is known: those are not in a response.
    """
    begun = _SUSPECT.match(response)
    if begun is None:
        return None
    name = begun["tag"] or begun["bracket"] or begun["bar"]
    if not _LIKE_THINKING.search(name):
        return None
    closing = f"</{name}" if begun["tag"] else f"[/{name}]" if begun["bracket"] else "<|"
    return begun[0].strip() if response.find(closing, begun.end()) >= 0 else None
