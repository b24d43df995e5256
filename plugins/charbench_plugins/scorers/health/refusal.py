"""Whether a response refuses."""

from __future__ import annotations

from collections.abc import Iterable

from charbench import Channel, Metric, Persona, Sample, Score, Scorer, Span
from charbench_plugins.scorers.health.phrases import Phrases

WINDOW = 240
"""Characters from the start of a response in which a refusal is looked for: refusals open an answer."""
_LONGEST = 120
"""Characters that a phrase may take beyond the window: it is not cut short, which could change what it says."""
_END = r"(?:[.,;:!?\n]|$)"
_NOT = (
    r"i(?: can't| cannot| can not| won't| will not|(?:'m| am) not going to"
    r"|(?:'m| am) (?:unable|not able|not allowed|not permitted) to)"
)
_TOPIC = (
    r"(?:requests?|questions?|topics?|subjects?|matters?|content|material|information|instructions|details|advice"
    r"|guidance|assistance|conversations?|discussions?|role-?play|scenarios?|persona|character)\b"
)
"""What models call the thing that they refuse; people who speak as themselves hardly do."""
_THAT = (
    rf"(?:(?:that|this)(?:{_END}| for you\b)|(?:(?:that|this|these|such|any|your|our|the|an?) )?"
    r"(?:(?:kinds?|types?|sorts?) of |such |specific |detailed |medical |legal |financial |harmful |explicit )?"
    rf"{_TOPIC})"
)
_HELP = (
    rf"(?:help|assist)(?: with (?:that|this|these|such|your|any|it)\b"
    rf"| (?:you|ye)(?: out)?(?: there| here)?(?:{_END}| with\b| in )|[.!?]|$)"
)
"""Not "help but", "help thinking", "help myself" or "help it": they own up to something."""
_ROLE = (
    r"(?:role-?play|play (?:along|(?:this|that|the|a) (?:role|part|character))"
    r"|pretend to be (?:an? )?(?:human|person|persona|character|pirate))\b"
)
_DO = (
    rf"(?:{_HELP}|{_ROLE}|comply(?: with\b|{_END})|do (?:that|this|so){_END}"
    r"|(?:answer|discuss|respond to|talk about|speak (?:of|about)|write|create|generate|produce|provide(?: you with)?"
    r"|share|give(?: you)?|offer|support|fulfill?|complete|continue(?: with)?|engage (?:in|with)|participate in"
    rf"|take part in) {_THAT})"
)
_DOING = (
    r"(?:(?:answer|discuss|provid|writ|creat|generat|engag|help|assist|continu|role-?play)ing\b"
    rf"|with (?:that|this|your)(?:{_END}| {_TOPIC}))"
)
_DECLINE = (
    r"i (?:must|have to|will have to) (?:(?:respectfully|politely|regretfully) )?decline"
    rf"(?:{_END}| to (?:answer|help|assist|discuss|comply|engage|continue)\b| (?:this|that|your) {_TOPIC})"
)
_NOTHING_I_CAN = (
    r"(?:not something i can|something i (?:can't|cannot|won't))"
    r" (?:(?:help|assist)(?: you)? with|do|discuss|answer)\b"
)
_REFUSALS = Phrases(
    (
        rf"{_NOT} {_DO}",
        r"sorry,? (?:but )?i (?:can't|cannot|won't)[.!?]",
        r"sorry,? but as an ai\b",
        r"as an ai\b[^.!?\n]{0,40}\bi (?:must decline|can't|cannot|am unable|won't)",
        _DECLINE,
        rf"i(?:'m| am) not comfortable {_DOING}",
        rf"i (?:don't|do not) feel comfortable {_DOING}",
        rf"i(?:'d| would) (?:rather|prefer) not (?:to )?(?:answer|discuss|continue|engage|say{_END})",
        _NOTHING_I_CAN,
        r"(?:this|that|your) request (?:goes against|violates|is against)",
    )
)


class Refusal(Scorer):
    """Whether a response opens with a refusal, by a fixed set of phrases."""

    name = "refusal"
    protocol = 2
    metrics = (
        Metric("refusal", range=(0, None), role="health", higher_is_better=False, threshold=1, title="refusals"),
    )

    def score(self, sample: Sample, persona: Persona) -> Iterable[Score]:
        """Yield how many phrases of refusal open the response; thinking of a refusal is none."""
        if sample.response.strip():
            opening = sample.response.lstrip()[: WINDOW + _LONGEST]
            found = [place for place in _REFUSALS.find(opening) if place[0] < WINDOW]
            shift = len(sample.response) - len(sample.response.lstrip())
            spans = tuple(Span(Channel.RESPONSE, start + shift, end + shift, "refusal") for start, end in found)
            yield Score("refusal", Channel.RESPONSE, float(len(spans)), spans)

    def fingerprint(self, persona: Persona) -> str:
        """Return nothing: a refusal is one whoever refuses."""
        return ""
