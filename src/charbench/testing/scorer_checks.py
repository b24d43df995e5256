"""What holds for scorers of samples and of pairs."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from charbench.components.calling import is_async
from charbench.components.scorer import ScoringPlan
from charbench.domain.comparison import Comparison
from charbench.domain.persona import Persona
from charbench.domain.sample import Channel, Failure, Sample, ThinkingState
from charbench.domain.score import Metric, Score
from charbench.testing.factories import make_sample
from charbench.testing.texts import EMPTY, HOSTILE, LARGE, ORDINARY
from charbench.testing.trial import Session, Trial, cancel


def scores_of(session: Session, sample: Sample, persona: Persona) -> list[Score]:
    """Return a sample's scores as a run takes them; raises for what a run would not take."""
    from charbench.scoring.given_scores import all_of, check_type, check_values

    scorer = session.component
    given = all_of(scorer, session.call(scorer.score, sample, persona))
    check_type(scorer.name, given)
    check_values(scorer.name, {metric.name: metric for metric in scorer.metrics}, given)
    return list(given)


def begin(session: Session, persona: Persona) -> None:
    """Let a scorer begin with a persona, as a run does."""
    plan = ScoringPlan(persona=persona)
    for line in (*session.call(session.component.learn, plan), *session.call(session.component.begin, plan)):
        assert isinstance(line, str), f"learn() and begin() return lines of text, not {line!r:.100}"


def score_all(trial: Trial, samples: Iterable[Sample], persona: Persona | None = None) -> list[list[Score]]:
    """Return the scores of each of these samples, by a scorer that was made for them."""
    persona = persona or trial.persona
    with trial.session() as session:
        begin(session, persona)
        return [scores_of(session, sample, persona) for sample in samples]


def metrics(trial: Trial) -> None:
    """Metrics are declared, each once."""
    declared: Any = getattr(trial.component, "metrics", ())
    assert declared, "metrics is empty: declare what score() gives"
    assert all(isinstance(one, Metric) for one in declared), f"metrics holds what is no Metric: {declared!r:.200}"
    names = [metric.name for metric in declared]
    assert len(set(names)) == len(names), f"a metric is declared twice: {', '.join(names)}"


def valid_scores(trial: Trial) -> None:
    """Scores are of declared metrics, finite, in range, and one for a metric and channel."""
    score_all(trial, [make_sample(text, thinking) for text in ORDINARY for thinking in ("", "They ask. Arr.")])


def absent_channels(trial: Trial) -> None:
    """A channel without text has no score, which is not a score of 0."""
    samples = [make_sample("Ahoy!"), make_sample("", "Arr."), make_sample("", ""), make_sample(" \n", "Arr.")]
    for sample, scores in zip(samples, score_all(trial, samples), strict=True):
        there = {channel for channel, _ in sample.channels()}
        absent = sorted({score.channel.value for score in scores if score.channel not in there})
        assert not absent, f"scored the {' and the '.join(absent)}, which the sample does not have"


def empty_text(trial: Trial) -> None:
    """Text without a word is scored or passed over."""
    score_all(trial, [make_sample(text, thinking) for text in EMPTY for thinking in ("", text, "Arr.")])


def hostile_text(trial: Trial) -> None:
    """No text breaks it: control characters, half characters, markup, other scripts, instructions to a judge."""
    _each_text(trial, HOSTILE)


def very_large_text(trial: Trial) -> None:
    """Texts of a million characters are scored in time."""
    _each_text(trial, LARGE)


def _each_text(trial: Trial, texts: dict[str, str]) -> None:
    with trial.session() as session:
        begin(session, trial.persona)
        for what, text in texts.items():
            try:
                scores_of(session, make_sample(text, text), trial.persona)
            except Exception as error:
                error.add_note(f"text: {what}")
                raise


def missing_values(trial: Trial) -> None:
    """Recordings have no raw text, finish reason or usage; personas may have no markers, rubric or description."""
    sample = make_sample("Ahoy!", "Arr.", raw=None, finish_reason=None, latency=None)
    score_all(trial, [sample])
    scorer = trial.make()
    bare = Persona(name="bare")
    if not scorer.needs_file and not scorer.can_score(bare):
        return
    score_all(trial, [sample], Persona(name="bare"))


def failed_sample(trial: Trial) -> None:
    """A failed sample has no score."""
    failed = make_sample("", "", state=ThinkingState.ERROR, failure=Failure("timeout", "no answer within 60 s"))
    (scores,) = score_all(trial, [failed])
    assert not scores, f"a failed sample was given {scores[0].metric} = {scores[0].value}"


def deterministic(trial: Trial) -> None:
    """The same sample has the same scores; pass ``deterministic=False`` where a model is asked."""
    if not trial.deterministic:
        return
    sample = make_sample("Ahoy, I sail!", "They ask. Arr.")
    first, second = (score_all(trial, [sample])[0] for _ in range(2))
    assert first == second, f"two scorers alike gave {first!r:.200} and {second!r:.200}"


def independent_samples(trial: Trial) -> None:
    """A sample's scores do not depend on those that were scored before: runs score in any order, and go on later."""
    if not trial.deterministic:
        return
    samples = [make_sample("Ahoy, I sail!"), make_sample("No.", "Arr, the sea."), make_sample("Ahoy, I sail!", "Hm.")]
    forward, backward = score_all(trial, samples), score_all(trial, samples[::-1])[::-1]
    assert forward == backward, "scores change with the order of samples"


def no_mutation(trial: Trial) -> None:
    """Sample and persona are left as they were."""
    sample, persona = make_sample("Ahoy!", "Arr.", extra={"column": "kept"}), copy.deepcopy(trial.persona)
    before = copy.deepcopy(sample)
    score_all(trial, [sample], persona)
    assert sample == before, "score() has changed the sample"
    assert persona == trial.persona, "score() has changed the persona"


def spans(trial: Trial) -> None:
    """Evidence lies within the text of its channel."""
    texts = (*ORDINARY, HOSTILE["case"], HOSTILE["line ends"], HOSTILE["emoji"], "ahoy\n" * 20)
    samples = [make_sample(text, text[::-1]) for text in texts]
    for sample, scores in zip(samples, score_all(trial, samples), strict=True):
        lengths = {Channel.RESPONSE: len(sample.response), Channel.THINKING: len(sample.thinking)}
        for span in (span for score in scores for span in score.spans):
            assert span.end <= lengths[span.channel], (
                f"the span {span.start} to {span.end} ({span.marker!r}) ends beyond the {span.channel} "
                f"of {lengths[span.channel]} characters"
            )


def spans_in_changed_text(trial: Trial) -> None:
    """Evidence is counted in the text as it is, not in one whose letters were folded or normalised."""
    if not trial.deterministic:
        return
    text = "Well, ahoy: I sail at dawn."
    before = "Straße, ﬁne, İzmir, Ａ\u0301. "
    (plain,), (shifted,) = score_all(trial, [make_sample(text)]), score_all(trial, [make_sample(before + text)])
    for span in (span for score in plain for span in score.spans if span.start and span.channel is Channel.RESPONSE):
        said = text[span.start : span.end]
        others = [
            (before + text)[other.start : other.end]
            for score in shifted
            for other in score.spans
            if other.marker == span.marker and other.end - other.start == span.end - span.start
        ]
        assert not others or said in others, (
            f"the span of {span.marker!r} holds {others[0]!r} where {said!r} is meant: letters such as ß and ﬁ stand "
            "before it, which become more when they are folded; count in the text as it is"
        )


def cancellation(trial: Trial) -> None:
    """A cancelled call ends: Ctrl-C ends a run."""
    scorer: Any = trial.component
    if not is_async(scorer.score):
        return
    with trial.session() as session:
        begin(session, trial.persona)
        cancel(trial, session, "score", lambda: session.component.score(make_sample(), trial.persona))


SCORER_CHECKS = (
    metrics,
    valid_scores,
    absent_channels,
    empty_text,
    hostile_text,
    very_large_text,
    missing_values,
    failed_sample,
    deterministic,
    independent_samples,
    no_mutation,
    spans,
    spans_in_changed_text,
    cancellation,
)


def _compared(trial: Trial, pairs: Iterable[tuple[Sample, Sample]]) -> list[Comparison]:
    with trial.session() as session:
        begin(session, trial.persona)
        given = [session.call(session.component.compare, *pair, trial.persona) for pair in pairs]
    wrong = [one for one in given if not isinstance(one, Comparison)]
    assert not wrong, f"compare() gave {wrong[0]!r:.100}; a Comparison is needed"
    return given


def comparisons(trial: Trial) -> None:
    """Any two texts can be compared: empty, hostile and large ones too."""
    texts = (*ORDINARY, *EMPTY, *HOSTILE.values(), *LARGE.values())
    _compared(trial, [(make_sample("Ahoy!", "Arr."), make_sample(text)) for text in texts])


def symmetric(trial: Trial) -> None:
    """Which sample comes first does not decide; pass ``deterministic=False`` where a model is asked."""
    if not trial.deterministic:
        return
    one, other = make_sample("Ahoy, I sail at dawn!"), make_sample("No.")
    first, second = _compared(trial, [(one, other), (other, one)])
    if first.result is not None and second.result is not None:
        assert first.result + second.result == 1, (
            f"the result is {first.result:g}, and {second.result:g} when the samples change places; the sum has to be 1"
        )


PAIR_CHECKS = (comparisons, symmetric)
