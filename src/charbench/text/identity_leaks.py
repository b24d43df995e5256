"""Where a text says that it comes from an AI, a named model or its maker: one rule for data and for scorers.

A character that was told it has a model's name does not leak by giving it: Open Character Training, for one, names
its assistant after the model. :func:`names_given` reads such names from what the character was told.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

from charbench.text.phrases import Phrases, plain

_MODELS = (
    r"(?:qwen|chatgpt|gpt|claude|llama|gemini|gemma|deepseek|mistral|mixtral|grok|kimi|chatglm|copilot|(?-i:Bard)"
    r"|phi-\d|yi-\d|olmo|nemotron)(?:[ -]?\d[\w.]*)?\b"
)
_MAKERS = (
    r"(?:openai|alibaba|anthropic|google|meta ai|meta\b|deepseek|mistral ai|moonshot|zhipu|microsoft|xai\b|tongyi)"
)
_PROGRAMMING = (
    r"my programming(?:[.,;:!?)\n]|$| (?:and|or|as|to|is|isn't|was|wasn't|does|doesn't|do|cannot|can't|won't|will"
    r"|prevents|forbids|allows|tells|says|requires|limits|dictates|keeps|makes|has|directives?|guidelines|constraints"
    r"|limitations)\b)"
)
"""What follows shows that it is what made the speaker: a person has programming skills, a programming job."""
_SAYS_ITS_NAME = rf"(?:i am|i'm|i be|my name is|my name's|me name be|call me) {_MODELS}"
_FORMS = (
    rf"{_SAYS_ITS_NAME},? an? (?:ai|artificial|(?:large )?language|virtual|digital)\b",
    r"(?:i am|i'm|i be|as) (?:just |only |merely )?an? (?:ai|artificial intelligence|(?:large )?language model)\b",
    r"(?:i am|i'm|i be) (?:just |only |merely )?an? (?:virtual|digital|ai) assistant",
    rf"(?:created|developed|trained|built|made) by (?:the team at )?{_MAKERS}",
    r"my (?:training data|knowledge cut-?off)\b",
    _PROGRAMMING,
    (
        r"i (?:don't|do not) (?:actually )?(?:have|possess|experience) (?:any )?(?:personal |real |human )"
        r"(?:feelings|emotions|opinions|experiences|beliefs|preferences)"
    ),
)
_LEAKS = Phrases(_FORMS)
_OWN_NAME = Phrases((_SAYS_ITS_NAME,))
_EITHER = Phrases((*_FORMS, _SAYS_ITS_NAME))
"""Most texts hold neither, and are done with after one search."""
_CALLED = (
    r"(?:you are|you're|i am|i'm|is called|are called|called|named|name is|name:|assistant is|known as|call yourself"
    rf"|go by) \W?(?P<called>{_MODELS})"
)
_SUBJECT = rf"(?P<subject>{_MODELS}) (?:is|has|loves|speaks|was|wants|believes|answers|cares|lives)\b"
_NAMING = re.compile(rf"\b{_CALLED}|(?:^|[.!?:\n]\s?\W?){_SUBJECT}", re.IGNORECASE)
_DENIAL = re.compile(r"\b(?:not|never|no|don't|avoid|deny|without|isn't|aren't)\b[^.!?\n]{0,40}$", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z]+")


def find_identity_leaks(text: str, names: Collection[str] = ()) -> Iterator[tuple[int, int]]:
    """Yield where a text gives the model away, ``text[start:end]``, in order.

    ``names`` are what the character was told that it is called (see :func:`names_given`): saying one of them is
    no leak.
    """
    straight = plain(text)
    if next(_EITHER.find(straight), None) is None:
        return
    found = list(_LEAKS.find(straight))
    named = list(_OWN_NAME.find(straight))
    if named:
        told = {name.lower() for name in names}
        starts = {start for start, _ in found}
        named = [(start, end) for start, end in named if _name_in(straight[start:end]) not in told]
        found = sorted([*found, *(place for place in named if place[0] not in starts)])
    yield from found


def own_names(text: str) -> set[str]:
    """Return the names of models by which a text calls its speaker, in lower case and without version numbers."""
    straight = plain(text)
    return {_name_in(straight[start:end]) for start, end in _OWN_NAME.find(straight)}


def names_given(told: Iterable[str]) -> frozenset[str]:
    """Return the names of models that these texts give a character, in lower case and without version numbers.

    ``told``: system prompts, a constitution, or what a persona file says of the character ("You are Llama, …",
    "The assistant is called Qwen.", "Gemma is curious."). "Never say that you are Claude" gives none.
    """
    found: set[str] = set()
    for text in told:
        straight = plain(text)
        for match in _NAMING.finditer(straight):
            if not _DENIAL.search(straight, max(0, match.start() - 80), match.start()):
                found.add(_base(match["called"] or match["subject"]))
    return frozenset(found)


def _name_in(phrase: str) -> str:
    """Return the model's name that ends a phrase."""
    words = phrase.split()
    last = words[-1]
    return _base(last if _NAME.match(last) else words[-2])


def _base(name: str) -> str:
    match = _NAME.match(name)
    return match.group().lower() if match else name.lower()
