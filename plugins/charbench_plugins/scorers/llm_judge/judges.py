"""The judges of a panel: opened from the options, warned about, and closed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from charbench import Checkpoint, ConfigError, SamplingError, Trust
from charbench_plugins.samplers.thinking.endpoint import find_endpoint
from charbench_plugins.scorers.llm_judge.family import family
from charbench_plugins.scorers.llm_judge.judge import Judge
from charbench_plugins.scorers.llm_judge.judging import together
from charbench_plugins.scorers.llm_judge.kept import KeptAnswers
from charbench_plugins.scorers.llm_judge.options import PanelConfig

_FORMAT = re.compile(r"response_?format|schema|grammar|json", re.IGNORECASE)
"""What a server speaks of that does not know how JSON is asked for."""


def open_judges(config: PanelConfig, kept: KeptAnswers, who: str, trust: Trust) -> list[Judge]:
    """Return the judges that the options of ``who`` (``scorer llm-judge``) name; a model named twice is two.

    Raises :class:`charbench.ConfigError` where there is none, or no endpoint for one, or ``trust`` does not let its
    host have the key.
    """
    panel = config.panel()
    if not panel:
        raise ConfigError(f"{who}: no judge; name one with {option(who, 'model=NAME')}")
    seen: Counter[str] = Counter()
    judges = []
    for model in panel:
        seen[model.model] += 1
        name = model.model if seen[model.model] == 1 else f"{model.model} #{seen[model.model]}"
        endpoint = find_endpoint(model.base_url, model.api_key_env, who, trust)
        judges.append(Judge(name, model, endpoint, config, kept))
    return judges


async def close_judges(judges: Sequence[Judge], kept: KeptAnswers) -> None:
    """Close the connections and the file of answers."""
    try:
        await together(*(judge.aclose() for judge in judges))
    finally:
        kept.close()


def option(who: str, rest: str) -> str:
    """Return how to set one of the scorer's options: ``-o scorer.llm-judge.model=NAME``."""
    return f"-o {who.replace(' ', '.')}.{rest}"


def kin_warnings(judges: Sequence[Judge], checkpoints: Sequence[Checkpoint]) -> Iterator[str]:
    """Yield a line for each judge that is of the family of a checkpoint's base model."""
    for judge in judges:
        kin = sorted({c.name for c in checkpoints if family(c.base_model or "") == family(judge.model) != ""})
        if kin:
            names = ", ".join(kin[:3]) + (f" and {len(kin) - 3} more" if len(kin) > 3 else "")
            advice = "judges favour models of their own family; add others"
            yield f"judge {judge.name} is of the family of {names}: {advice}"


def hint(error: SamplingError, config: PanelConfig, who: str) -> str:
    """Return the error, with what to do about it where that is known."""
    if error.kind == "http_400" and config.response_format != "none" and _FORMAT.search(str(error)):
        return f"{error} (a server without JSON schemas needs {option(who, 'response_format=none')})"
    return str(error)
