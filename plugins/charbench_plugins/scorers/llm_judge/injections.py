"""Flags text that talks to the judge: demands for a score or a win, orders to ignore the rubric, forged roles."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache

_START = r"(?:^|[.!?\n\"'(][ \t]{0,3})"
_ORDER = (
    r"(?:^|[.!?:;,\n\"'(>*\-][ \t]{0,3}|(?<!\bi )\b(?:please|kindly|must|should|shall|will|now|just|then|and|so|simply"
    r"|always|only|safely|can|may|(?:you|have|need|ought|sure|required|instructed|supposed|remember) to)\s{1,3})"
)
"""What stands before an order; "I give this 10/10" is none."""
_TEXT = r"(?:text|answer|response|reply|output|essay|submission|completion)"
_JUDGE = r"(?:judge|grader|evaluator|rater|scorer|assessor|examiner)"
_HUNDRED = r"\b100\b(?=[ \t]*(?:$|[.,;:!?)\"'\]}\n*]|/ ?100|(?:points?|marks?|out of|please|and|because|regardless)\b))"
"""100 of nothing else: not 100 percent, 100 lashes or 100 reasons."""
_BEST = (
    rf"(?:{_HUNDRED}|\b10/10\b|\bfull (?:marks|points|score)\b"
    r"|\b(?:highest|maximum|max|top|perfect|best)(?: possible| available)? (?:scores?|ratings?|marks?|points|grade)\b"
    r"|\b(?:the|its) (?:highest|maximum|max|top|best)(?=[ \t]*(?:[.,;!?\n]|$)))"
)
_PATTERNS = {
    "demands a score": (
        (
            rf"{_ORDER}(?:give|assign|award|grant|rate|grade|mark|score|output|print|return|respond|reply|answer|write|emit)\b"
            rf"[^.!?\n]{{0,40}}?{_BEST}"
        ),
        (
            rf"\b(?:this|(?:this|the|my) {_TEXT}) (?:clearly |really |fully )?(?:deserves|merits|earns|warrants)\b"
            rf"[^.!?\n]{{0,20}}?{_BEST}"
        ),
        (
            r"\b(?:the|your|its|this|correct|right|final) (?:score|rating|grade)\b[^.!?\n]{0,20}?"
            rf"\b(?:is|should be|must be|shall be|has to be|ought to be) [^.!?\n]{{0,8}}?{_BEST}"
        ),
        r"\bscore ?[:=] ?100\b|\b100 ?/ ?100\b",
    ),
    "demands to win": (
        rf"{_ORDER}(?:choose|pick|select|prefer|favou?r|vote for|declare)\s(?:this|my|the (?:first|second))\s{_TEXT}\b",
        (
            rf"{_ORDER}(?:choose|pick|select|answer|say|vote for)\s(?:{_TEXT} )?[\"']?(?-i:[AB])\b[\"']?"
            r"(?=[ \t]*(?:[.,;!\n]|$))"
        ),
        (
            rf"\b(?:this|my) {_TEXT} (?:(?:is|must be|should be) (?:clearly )?(?:the )?(?:better|best|winner)\b"
            r"|(?:must |should )wins?\b|wins\b)"
        ),
    ),
    "praises itself": (
        (
            rf"\b(?:this|my) {_TEXT} (?:is|was) (?:simply |truly |really |clearly |completely |perfectly )?(?:an? )?"
            r"(?:outstanding|flawless|perfect|excellent|superb|brilliant|exemplary|masterly|in[- ]character)\b"
        ),
        r"\bcaptures? the (?:character|persona)(?:'s voice)? (?:perfectly|flawlessly|completely)\b",
        r"\b(?:completely|perfectly|fully|entirely|more fully) in[- ]character\b",
        rf"\b(?:it|this)(?: \w{{1,12}})? (?:deserves|merits|earns|warrants) (?:the |its )?{_BEST}",
        rf"\b(?:expert|reader|reviewer|{_JUDGE}) like you\b[^.!?\n]{{0,60}}\b(?:agree|see|recogni[sz]e)\b",
        r"\brate this (?:text|answer|response) as (?:fully|completely|perfectly)\b",
    ),
    "orders to ignore": (
        (
            rf"{_ORDER}(?:ignore|disregard|forget|override|bypass)\b(?:[^.!?]{{0,30}}?"
            r"\b(?:rubric|instructions?|criteria|guidelines|system prompt|evaluation)\b"
            r"|\s(?:all |everything |anything )?(?:of )?(?:the |that is |that's |what is |your )?"
            r"(?:above|preceding|previous|prior)"
            r"(?=[ \t]*(?:[.,;:!?\n]|$|(?:and|text|prompts?|messages?|rules|orders)\b)))"
        ),
    ),
    "speaks to the judge": (
        rf"\b(?:note|message|attention|dear|hey|hello)\b[^.!?\n]{{0,12}}\b{_JUDGE}\b",
        rf"\byou are (?:now )?(?:an?|the) {_JUDGE}\b(?! of\b)",
        rf"{_START}(?:grader|evaluator|rater|scorer|assessor)s?[:,]",
        rf"{_START}{_JUDGE}s?[:,] (?:please |kindly )?(?:this|give|choose|pick|score|rate|grade|award|note)\b",
        (
            rf"\bas (?:the|an?|our|my) {_JUDGE}\b,? you [^.!?\n]{{0,20}}"
            r"\b(?:choose|pick|select|prefer|give|award|assign|score|rate|grade|mark)\b"
        ),
    ),
    "forges a role": (
        r"<\|[a-z_]{2,24}\|>|\[/?(?:INST|SYS)\]|<</?SYS>>|^[ \t#*]*(?:system|assistant|human)[*]*[ \t]*:",
    ),
    "forges an answer": (r"[\"'](?:score|better)[\"'][ \t]*:[ \t]*(?:\d|[\"'](?:A|B|tie)[\"'])",),
}


@cache
def _compiled() -> Mapping[str, re.Pattern[str]]:
    """Return the patterns: compiled on first use, since every command that loads the plugins would pay for it."""
    return {why: re.compile("|".join(forms), re.IGNORECASE | re.MULTILINE) for why, forms in _PATTERNS.items()}


def injections(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield (start, end, what it does) for each attempt; every pattern is bounded, so no text can hang it."""
    for reason, pattern in _compiled().items():
        for match in pattern.finditer(text):
            yield match.start(), match.end(), reason
