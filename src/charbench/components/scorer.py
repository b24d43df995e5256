"""Scorers: how strongly a sample shows its persona."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from charbench.components.base import Component, ComponentKind
from charbench.components.calling import is_async, resolve
from charbench.components.control_items import ControlResult
from charbench.components.limits import Limits
from charbench.components.source_digest import source_digest
from charbench.domain.checkpoint import Checkpoint
from charbench.domain.dataset import Dataset
from charbench.domain.keys import digest
from charbench.domain.measurement import Measurement
from charbench.domain.persona import Persona
from charbench.domain.sample import Sample
from charbench.domain.score import Metric, Score


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringPlan:
    """What a scorer is about to score: samples of these checkpoints, for this persona.

    ``stopping()`` says whether the user wants to stop: long waits should then end. ``base_answers()`` gives answers of
    base models that the store has, to prompts that checkpoints of this persona were asked: what is there without the
    character. They are of the default condition and have a response; those of these checkpoints' own base model come
    first, and the order is the same in every run. At most 20; empty where no base model was sampled on such a prompt.
    ``datasets()`` is the training data that the lab has, of all personas.
    A judge tells ``note_controls`` what it made of control items, whether it passed or not: reports show it.
    """

    persona: Persona
    checkpoints: Sequence[Checkpoint] = ()
    stopping: Callable[[], bool] = lambda: False
    base_answers: Callable[[], Sequence[Sample]] = tuple
    datasets: Callable[[], Sequence[Dataset]] = tuple
    note_controls: Callable[[Sequence[ControlResult]], None] = lambda _: None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedCall:
    """Requests that a scorer would send to a model: ``requests`` of them, each with a prompt of so many characters.

    ``model`` is its name at the endpoint, by which the price table is looked up; ``max_tokens`` the most tokens of one
    answer.
    """

    model: str
    prompt_characters: int
    max_tokens: int
    requests: int = 1


class BaseScorer(Component):
    """What scorers of samples (:class:`Scorer`) and of pairs (:class:`charbench.PairScorer`) have in common."""

    kind: ClassVar[ComponentKind] = ComponentKind.SCORER
    version: ClassVar[int] = 1
    """Increase this when the same samples would now be scored differently: all are then scored again.

    A plugin whose files have changed is noticed without it: its scores are made anew where they cost nothing, else
    shown as old until ``charbench score --rescore``.
    """

    needs_file: ClassVar[bool] = True
    """Whether it scores only personas that have a file; others are a bare name."""

    def is_wanted(self, persona: Persona) -> bool:
        """Return whether it scores this persona where no scorer is configured and it is a default."""
        return True

    def learn(self, plan: ScoringPlan) -> Iterable[str] | Awaitable[Iterable[str]]:
        """Learn from the lab's data what a persona sounds like; return lines to warn the user with.

        Called for each persona of a run, after :meth:`prepare` and before :meth:`fingerprint`, which has to tell one
        state of knowledge from another. ``plan.datasets()`` is the lab's training data, of all personas, with paths
        relative to the lab. Keep what was learned in the folder that :meth:`prepare` was given, and learn again only
        from other data: a second run has to find the same fingerprint. What it raises is shown, and the persona is
        scored with what it knew before.
        """
        return ()

    def can_score(self, persona: Persona) -> bool:
        """Return whether it can score this persona, after :meth:`learn`; the persona is passed over where not."""
        return True

    def begin(self, plan: ScoringPlan) -> Iterable[str] | Awaitable[Iterable[str]]:
        """Get ready for a persona. Return lines to warn the user with.

        Called once a run and persona, before its first sample or pair, and only where there is something to score.
        Raise a :class:`charbench.CharbenchError` where scores could not be trusted: nothing is scored for this
        persona, its message is shown, and the run counts as failed.
        """
        return ()

    def limits(self) -> Limits:
        """Return how many samples or pairs an ``async`` scorer may be given at once, and how often each is tried.

        The default goes by the options of :class:`charbench.LimitsConfig`, where the scorer has them.
        """
        return Limits.of(self.config, concurrency=16)

    def expected_calls(
        self, samples: Sequence[Sample], persona: Persona
    ) -> Iterable[ExpectedCall] | Awaitable[Iterable[ExpectedCall]]:
        """Return the requests to models that scoring one sample takes, or comparing two: for the dry run.

        ``samples`` are one for a scorer of samples, two for a pair scorer, and none for what :meth:`begin` asks. Texts
        of samples that are yet to be taken are stood in for by the longest possible. Called after :meth:`prepare`; no
        request is sent meanwhile.
        """
        return ()

    def fingerprint(self, persona: Persona) -> str:
        """Return a hash of all in the persona that decides this scorer's values.

        The default takes the whole persona but its file and examples; narrow it so that editing, say, the
        rubric does not match the markers again.
        """
        return digest(
            persona.name,
            persona.description,
            persona.traits,
            [[m.text, m.tier, m.form] for m in (*persona.markers, *persona.anti_markers)],
            persona.rubric,
        )

    measured_by_runs: ClassVar[bool] = False
    """Whether a run measures it on the lab's own texts where nobody has; for scorers that are quick, ask nobody, and
    score without :meth:`prepare`."""

    def judges_data(self, persona: Persona, path: str) -> bool:
        """Return whether it can tell, from what it knows already, which rows of a file are in character of a persona.

        Called after :meth:`prepare`, before the file is trained on, to warn of data of which almost no row is; rows are
        then given to :meth:`score` as responses. ``path`` is relative to the lab. False where it has learned from that
        file, or where an answer costs money or more than seconds. The default is :attr:`measured_by_runs`.
        """
        return type(self).measured_by_runs

    def measured(self, persona: Persona, folder: Path) -> Measurement | None:
        """Return how well this scorer, with these options, tells this persona; None: it was not measured.

        Reports and verdicts show it beside the rates, and choose another headline where its recall is low. ``folder``
        is where the lab's own files are kept (``.charbench``). The default reads what ``charbench personas measure``
        has written in the lab, else what ships beside the persona's file, and forgets it when :meth:`identity`
        or the plugin's code changes. Called without :meth:`prepare`.
        """
        from charbench.components.measured_file import read_measurement

        found = read_measurement(persona, self.name, self.identity(persona), folder, source_digest(type(self)))
        if self.name not in persona.low_recall:
            return found
        known = found or Measurement(found=0, positives=0, flagged=0, negatives=0, texts="as its file says")
        return replace(known, declared_low=True)

    def measured_under(self, persona: Persona, folder: Path, fingerprint: str) -> Measurement | None:
        """Return what :meth:`measured` returned when :meth:`fingerprint` was this one; None: it is not known any more.

        Asked of stored scores, which are corrected by how well the scorer told the persona when it gave them. The
        default is :meth:`measured`. Override it where the fingerprint is known after :meth:`prepare` alone, as for what
        was learned. Called without :meth:`prepare`.
        """
        return resolve(self, self.measured(persona, folder))

    def identity(self, persona: Persona) -> str:
        """Return a hash of all that decides values for a persona: version, options and fingerprint."""
        parts = resolve(self, self.content_config()), resolve(self, self.fingerprint(persona))
        return digest(self.name, self.version, *parts)

    def same_scores(self, stored: Mapping[str, Any], today: Mapping[str, Any]) -> bool:
        """Whether scores that were given under these earlier options would be given under today's too.

        Both are what :meth:`content_config` returned. By default they are where both name the same endpoints, at
        whatever address those were.
        """
        urls = self.endpoints.earlier()
        return bool(with_names(stored, urls) == with_names(today, urls))


def with_names(value: Any, names: Mapping[str, str]) -> Any:
    """Return a JSON-like value with each text that is a key of ``names`` replaced by its name."""
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, Mapping):
        return {str(key): with_names(item, names) for key, item in value.items()}
    return [with_names(item, names) for item in value] if isinstance(value, list | tuple) else value


class Scorer(BaseScorer):
    """Gives each sample zero or more scores of the metrics it declares."""

    metrics: ClassVar[tuple[Metric, ...]] = ()

    def score(
        self, sample: Sample, persona: Persona
    ) -> Iterable[Score] | AsyncIterable[Score] | Awaitable[Iterable[Score]]:
        """Score one sample.

        Yield nothing for a channel that has nothing to score, and a value of None where there is
        no verdict. A score for a channel that the sample does not have is left out, and reported. Failed samples
        never get here. An exception fails this one score and is shown; where scores are awaited, a retryable
        :class:`charbench.SamplingError` is tried again within :meth:`limits`.
        """
        raise NotImplementedError


def waits(scorer: Scorer | type[Scorer]) -> bool:
    """Whether a scorer sends requests: its ``score`` is declared async."""
    return is_async(scorer.score)
