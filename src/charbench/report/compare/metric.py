"""The metric that is compared: a scorer's headline, another one by name, or whether there is a response."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from charbench.domain.headline import ScoredMetric, choose_headline
from charbench.errors import UnknownNameError, UsageError
from charbench.store.by_prompt import SeriesOf

RESPONSES = "responses"


@dataclass(frozen=True, slots=True)
class Measure:
    """What is compared, and where each persona's scores stand; ``name`` is ``scorer.metric`` or ``responses``."""

    name: str
    title: str
    is_rate: bool
    higher_is_better: bool
    series: Mapping[str, SeriesOf]

    @property
    def is_responses(self) -> bool:
        """Whether it is the rate of samples with a response, which needs no scorer."""
        return self.name == RESPONSES

    @property
    def ends(self) -> tuple[float | None, float | None]:
        """The least and the greatest possible value; None: there is none."""
        return next(((one.low, one.high) for one in self.series.values()), (None, None))

    @property
    def has_thinking(self) -> bool:
        """Whether thinking has a rate of its own."""
        return self.is_rate and not self.is_responses

    def comparable(self, personas: Iterable[str]) -> bool:
        """Whether values judged for these personas are of one kind: by the same markers or rubric."""
        return self.is_responses or len({self.series[name].fingerprint for name in personas if name in self.series}) < 2

    @property
    def column(self) -> str:
        """The heading of the column that holds it."""
        return "Response rate [95%]" if self.is_responses else "Trait rate [95%]" if self.is_rate else "Mean [95%]"


def choose_measure(series: Sequence[SeriesOf], wanted: str | None, scored: Sequence[ScoredMetric]) -> Measure:
    """Return the metric called ``wanted`` (``scorer.metric``, a metric's name, or ``responses``).

    None takes the headline that was scored first, as ``report`` does; ``scored`` are the store's metrics. A metric
    with a threshold is compared as the rate of all samples that reach it, another one as its mean over responses.
    Raises :class:`UnknownNameError` for a metric that nothing in the store has, :class:`UsageError` where nothing
    is scored.
    """
    if wanted == RESPONSES:
        return Measure(RESPONSES, "with a response", True, True, {})
    names = sorted({(item.scorer, item.metric) for item in series})
    if wanted is None:
        headline = choose_headline(scored)
        chosen = (headline.scorer, headline.metric) if headline and headline.is_headline else None
        if chosen is None and names:
            known = ", ".join(f"--metric {'.'.join(name)}" for name in names[:5])
            raise UsageError(f"no scored metric has a threshold, so there is no trait to compare; name one: {known}")
        if chosen is None:
            raise UsageError("no samples are scored yet, so there is nothing to compare; score them: charbench score")
    else:
        chosen = next((name for name in names if wanted in (name[1], ".".join(name))), None)
        if chosen is None:
            raise UnknownNameError("metric", wanted, {RESPONSES, *(".".join(name) for name in names)})
    mine = [item for item in series if (item.scorer, item.metric) == chosen]
    one = mine[0]
    is_rate = one.threshold is not None
    return Measure(".".join(chosen), one.title, is_rate, one.higher_is_better, {item.persona: item for item in mine})
