"""Whether the model behind the character shows itself."""

from __future__ import annotations

from collections.abc import Iterable

from charbench import Metric, Persona, Sample, Score, Scorer, Span
from charbench_plugins.scorers.health.phrases import Phrases

_MODELS = (
    r"(?:qwen|chatgpt|gpt-?\d|claude|llama|gemini|gemma|deepseek|mistral|grok|kimi|chatglm|copilot|bard|phi-\d|yi-\d)"
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
_LEAKS = Phrases(
    (
        rf"(?:i am|i'm|my name is|call me) {_MODELS}",
        r"(?:i am|i'm|as) (?:just |only |merely )?an? (?:ai|artificial intelligence|(?:large )?language model)\b",
        r"(?:i am|i'm) (?:just |only |merely )?an? (?:virtual|digital|ai) assistant",
        rf"(?:created|developed|trained|built|made) by (?:the team at )?{_MAKERS}",
        r"my (?:training data|knowledge cut-?off)\b",
        _PROGRAMMING,
        (
            r"i (?:don't|do not) (?:actually )?(?:have|possess|experience) (?:any )?(?:personal |real |human )"
            r"(?:feelings|emotions|opinions|experiences|beliefs|preferences)"
        ),
    )
)


class IdentityLeak(Scorer):
    """Whether a text says that it comes from an AI, a named model or its maker."""

    name = "identity-leak"
    protocol = 2
    metrics = (
        Metric(
            "identity_leak", range=(0, None), role="health", higher_is_better=False, threshold=1, title="identity leaks"
        ),
    )

    def score(self, sample: Sample, persona: Persona) -> Iterable[Score]:
        """Yield how often each channel gives the model away."""
        for channel, text in sample.channels():
            spans = tuple(Span(channel, start, end, "identity leak") for start, end in _LEAKS.find(text))
            yield Score("identity_leak", channel, float(len(spans)), spans)

    def fingerprint(self, persona: Persona) -> str:
        """Return nothing: every character hides the model."""
        return ""
