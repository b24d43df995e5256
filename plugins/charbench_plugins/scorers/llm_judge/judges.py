"""The judges of a panel: opened from the options, warned about, and closed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from charbench import AnswerCache, Checkpoint, Component, ConfigError, Limits, ModelClient, SamplingError, short_list
from charbench_plugins.scorers.llm_judge.asking import together
from charbench_plugins.scorers.llm_judge.family import families
from charbench_plugins.scorers.llm_judge.judge import Judge
from charbench_plugins.scorers.llm_judge.options import PanelConfig

_FORMAT = re.compile(r"response_?format|schema|grammar|json", re.IGNORECASE)
"""What a server speaks of that does not know how JSON is asked for."""


_A_WEEK = 7 * 24 * 3600.0
"""Seconds: longer than any judgement takes."""


def limits_of(config: PanelConfig) -> Limits:
    """Return how many judgements are under way at once; every request is retried by itself, so a judgement is not."""
    return Limits(concurrency=config.concurrency, timeout=_A_WEEK, deadline=_A_WEEK)


def open_judges(scorer: Component, config: PanelConfig, folder: Path) -> list[Judge]:
    """Return the judges that the options of ``scorer`` name; a model named twice is two.

    Their answers are kept in ``folder``. Raises :class:`charbench.ConfigError` where there is none, or no endpoint for
    one, or its host may not have the key.
    """
    panel, cache = config.panel(), AnswerCache(folder)
    if not panel:
        who = f"scorer {scorer.name}"
        raise ConfigError(f"{who}: no judge; name one with {option(who, 'model=NAME')}")
    seen: Counter[str] = Counter()
    judges = []
    for model in panel:
        seen[model.model] += 1
        name = model.model if seen[model.model] == 1 else f"{model.model} #{seen[model.model]}"
        client = ModelClient.of(
            scorer, model=model.model, base_url=model.base_url, endpoint=model.endpoint,
            api_key_env=model.api_key_env, extra_body=model.extra_body, parameters=model.parameters,
            called=f"judge {name}", cache=cache,
        )  # fmt: skip
        judges.append(Judge(name, client, config, cache))
    return judges


def without_limits(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a judge's options without those that change no score: an answer that a token limit cuts gives none."""
    return {name: value for name, value in config.items() if name != "max_tokens"}


async def close_judges(judges: Sequence[Judge]) -> None:
    """Close the connections and the file of answers."""
    await together(*(judge.aclose() for judge in judges))


def option(who: str, rest: str) -> str:
    """Return how to set one of the scorer's options: ``-o scorer.llm-judge.model=NAME``."""
    return f"-o {who.replace(' ', '.')}.{rest}"


def kin_warnings(judges: Sequence[Judge], checkpoints: Sequence[Checkpoint]) -> Iterator[str]:
    """Yield a line for each judge that is of the family of a checkpoint's base model."""
    for judge in judges:
        kin = sorted({c.name for c in checkpoints if families(c.base_model or "") & families(judge.model)})
        if kin:
            advice = "judges favour models of their own family; add others"
            yield f"judge {judge.name} is of the family of {short_list(kin)}: {advice}"


def with_kin(message: str, kin: Sequence[str]) -> str:
    """Return why a judge is not used, with the warnings of its family."""
    return "\n".join([message, *(f"  {line}" for line in kin)])


def hint(error: SamplingError, config: PanelConfig, who: str) -> str:
    """Return the error, with what to do about it where that is known."""
    if error.kind == "http_400" and config.response_format != "none" and _FORMAT.search(str(error)):
        return f"{error} (a server without JSON schemas needs {option(who, 'response_format=none')})"
    return str(error)
