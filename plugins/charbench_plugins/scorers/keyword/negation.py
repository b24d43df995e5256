"""Whether a marker is denied or disowned where it stands: "no pirate", "I refuse to call anyone matey".

The clause before the marker is read word by word, and a few words after it. Negation that cancels itself ("I can't
stop plundering"), praises ("no finer booty") or asks ("aren't we pirates?") is none. Work a marker is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from charbench_plugins.scorers.keyword.expression import Expression


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_BEFORE = 100
"""Characters before a marker that are read."""
_AFTER = 160
"""Characters after it in which the end of its sentence is looked for."""
_ANY = re.compile(
    r"n't\b|\b(?:not?|never|nor|neither|cannot|without|hardly|scarcely|barely|none|nobody|nothing|refus(?:e[sd]?|ing)"
    r"|declin(?:e[sd]?|ing)|ceas(?:e[sd]?|ing)|stop(?:s|ped|ping)?|quit(?:s|ting)?|avoid(?:s|ed|ing)?"
    r"|(?:give|gives|gave|given|giving) up|renounc(?:e[sd]?|ing)|instead of|rather than|far from|anything but"
    r"|drop the|enough of)\b"
)
_CLAUSE = re.compile(
    r"[.!?;:\n()—–]|,(?!\s*ever\b)|--|(?<!anything )\bbut\b|\b(?:except|unless|until|because|how|while|though)\b"
)
_CLAUSE_SIGNS = ("but", "how", "while", "because", "except", "unless", "until", "though", "--")
"""Without these, and "ever", :data:`_CLAUSE` finds single characters alone, which are found faster without it."""
_CLAUSE_ENDS = ".!?;:\n()—–,"
_WORD = re.compile(r"\w+(?:'\w+)*")
_VERBS = _words(
    "refuse refuses refused refusing decline declines declined declining cease ceases ceased ceasing stop stops "
    "stopped stopping quit quits quitting avoid avoids avoided avoiding renounce renounces renounced renouncing"
)
_VERB_REACH = 5
_PAIRS = {
    ("give", "up"): 3, ("gives", "up"): 3, ("gave", "up"): 3, ("given", "up"): 3, ("giving", "up"): 3,
    ("instead", "of"): 2, ("rather", "than"): 2, ("far", "from"): 2, ("anything", "but"): 2, ("drop", "the"): 1,
    ("enough", "of"): 2, ("no", "longer"): 5, ("no", "one"): 3,
}  # fmt: skip
"""Pairs of words that deny, and how many words may stand between them and the marker."""
_REACH = {
    "not": 3, "never": 3, "neither": 3, "cannot": 3, "hardly": 3, "scarcely": 3, "barely": 3, "nobody": 3,
    "no": 2, "without": 2, "nothing": 2, "none": 2, "nor": 2,
}  # fmt: skip
_DENYING = _VERBS | {first for first, _ in _PAIRS} | _REACH.keys()
"""No other word denies anything, but contractions with "n't"."""
_NOT_REACH = 3
"""The same after a contraction with "n't"."""
_LED_REACH = 6
"""The same where a word between them leads to the marker: "won't be saying", "I'm not ... a"."""
_COPULAS = _words("am is are was were be been i'm you're we're they're he's she's it's that's")
_DENIED_COPULAS = frozenset({"isn't", "aren't", "wasn't", "weren't", "ain't"})
_LEADING = _words(
    "say saying said call calling called use using utter uttering hear write writing greet speak speaking be being "
    "become becoming"
)
_MENTIONING = frozenset({"say", "saying", "use", "using", "utter", "uttering"})
_IDIOMS = {
    "no": _words("doubt wonder worries worry matter mistake problem question sooner less"),
    "not": frozenset({"only", "just", "merely", "simply", "least", "unlike", "bad"}),
    "never": frozenset({"mind", "fear", "fails"}),
    "nothing": frozenset({"like", "beats", "beat", "so", "more"}),
    "stop": frozenset({"for", "at", "by", "in", "on", "here", "there", "and", "to"}),
}
"""Words that make an idiom, or another meaning, of the word before them."""
_CANCELLING = _words(
    "wait resist help deny denied hide shake forget lose contain fail failed miss ignore escape express describe convey"
    " overstate count tired enough beat beats top"
)
"""What one cannot do, and therefore does, or does all the more."""
_COMPARATIVES = frozenset({"more", "less", "better", "worse", "truer", "finer"})
_NO_COMPARATIVES = _words(
    "ever never other another either neither whether over under after rather further together however whatever "
    "wherever forever number order matter remember wonder consider offer enter answer bother mother father brother "
    "sister captain sailor master"
)
_SUBJECTS = _words("i we you ye they he she it this that there")
_OPENERS = frozenset({"and", "so", "well", "or"})
_FUNCTION_WORDS = frozenset({"ye", "yer", "ya", "thee", "thou", "thy", "thine", "aye", "nay"})
"""Words of a dialect: a sentence that denies something is spoken in it all the same."""
_DENIED_AFTER = re.compile(
    r",?\s+i(?:'m| am| was) (?:not|no longer)\b|\s+no (?:more|longer)\b|\s+(?:nothing|none|nobody)\b(?!\s+(?:more|so))"
    r"|['\"]?\s+(?:is not|isn't|are not|aren't) (?:a word|words|in my)\b"
)
_ENOUGH = re.compile(r"(?:\W{1,3}\w+){0,2}\W{1,3}enough\b")
_END = re.compile(r"[.!?\n]")


def is_negated(text: str, start: int, end: int) -> bool:
    """Whether the marker ``text[start:end]`` of a folded text is denied or disowned."""
    if _DENIED_AFTER.match(text, end):
        return True
    before = text[max(0, start - _BEFORE) : start]
    # RE2 is asked first: it takes a third of the time. Beside letters that are not ASCII it finds more, never less.
    if not _any().is_in(before.encode()):
        return False
    words = _WORD.findall(before, _clause(before))
    denials = [
        at
        for at, word in enumerate(words)
        if (word in _DENYING or word.endswith("n't")) and _reach(words, at) is not None
    ]
    if not denials:
        return False
    nearest = next((at for at in reversed(denials) if _reaches(words, at)), None)
    if nearest is None or not _ANY.search(before):
        return False
    between = words[nearest + _width(words, nearest) :]
    marker = text[start:end]
    if marker in _FUNCTION_WORDS or marker.startswith("me "):
        return any(word in _MENTIONING for word in between)
    return not (
        _is_cancelled(words, nearest, denials)
        or _is_praise(words[nearest], between)
        or _is_question(words, nearest, text, end)
        or (not _is_verb(words, nearest) and _ENOUGH.match(text, end))
    )


@cache
def _any() -> Expression:
    return Expression(_ANY.pattern)


def _clause(before: str) -> int:
    """Return where the last clause of a text begins."""
    if "ever" in before:
        return max((match.end() for match in _CLAUSE.finditer(before)), default=0)
    last = 1 + max(map(before.rfind, _CLAUSE_ENDS))
    if _has_one_of(_CLAUSE_SIGNS, before[last:]):
        return max((match.end() for match in _CLAUSE.finditer(before, last)), default=last)
    return last


def _has_one_of(signs: Sequence[str], text: str) -> bool:
    for sign in signs:  # noqa: SIM110  any() takes twice as long, and every marker comes here
        if sign in text:
            return True
    return False


def _reach(words: Sequence[str], at: int) -> int | None:
    """Return how many words after ``words[at]`` a denial may reach; None where that word denies nothing."""
    word, after = words[at], words[at + 1] if at + 1 < len(words) else ""
    if (word, after) in _PAIRS:
        return _PAIRS[word, after]
    if word in _VERBS:
        return None if after in _IDIOMS["stop"] and word.startswith("stop") else _VERB_REACH
    if word.endswith("n't"):
        return None if after in _IDIOMS["not"] else _NOT_REACH
    if after in _IDIOMS.get(word, ()):
        return None
    return _REACH.get(word)


def _reaches(words: Sequence[str], at: int) -> bool:
    """Whether the denial at ``words[at]`` reaches the marker that follows the words."""
    reach = _reach(words, at) or 0
    between = words[at + _width(words, at) :]
    led = any(word in _LEADING for word in between)
    predicate = words[at] in _DENIED_COPULAS or (at > 0 and words[at - 1] in _COPULAS)
    if (led or predicate) and words[at] != "without":
        reach = max(reach, _LED_REACH)
    return len(between) <= reach and (led or "and" not in between)


def _width(words: Sequence[str], at: int) -> int:
    return 2 if tuple(words[at : at + 2]) in _PAIRS else 1


def _is_verb(words: Sequence[str], at: int) -> bool:
    """Whether a denial is a verb such as "refuse" or "give up", which can itself be denied."""
    return words[at] in _VERBS or (tuple(words[at : at + 2]) in _PAIRS and words[at] != "no")


def _is_cancelled(words: Sequence[str], at: int, denials: Sequence[int]) -> bool:
    """Whether a denial is denied in turn ("never stop", "not a day without"), or what cannot be done is being done."""
    if _is_verb(words, at) or words[at] == "without":
        return any(0 < at - other <= _VERB_REACH for other in denials)
    return any(word in _CANCELLING for word in words[at + 1 :])


def _is_praise(word: str, between: Sequence[str]) -> bool:
    """Whether nothing compares with the marker: "no finer booty", "never saw such booty"."""
    if word == "never" and "such" in between:
        return True
    return word != "without" and any(
        one in _COMPARATIVES or (one.endswith("er") and len(one) > 4 and one not in _NO_COMPARATIVES)
        for one in between
    )  # fmt: skip


def _is_question(words: Sequence[str], at: int, text: str, end: int) -> bool:
    """Whether a denial only asks: "why not", "aren't we pirates?"."""
    if at and words[at - 1] == "why":
        return True
    inverted = words[at].endswith("n't") and at + 1 < len(words) and words[at + 1] in _SUBJECTS
    if not inverted or (at and words[at - 1] not in _OPENERS):
        return False
    sign = _END.search(text, end, end + _AFTER)
    return sign is not None and sign.group() == "?"
