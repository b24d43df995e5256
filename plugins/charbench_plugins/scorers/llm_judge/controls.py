"""Tests judges on control items: asks until it is decided whether each is right often enough, and says how it errs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field

from charbench import ControlResult, SequentialTest
from charbench_plugins.scorers.llm_judge.asking import together
from charbench_plugins.scorers.llm_judge.canaries import ControlItem
from charbench_plugins.scorers.llm_judge.judge import Judge
from charbench_plugins.scorers.llm_judge.repeats import MORE, STOPS, Repeats, mixed, tail

TEST = SequentialTest()
ALWAYS = 4
"""So many wrong answers to a text, and no right one, fail a judge whatever it says of the others."""
BRIEFLY = 2
"""So many items of each stream are asked about where a judge passed lately."""
ENOUGH = 8
"""So many answers of each kind show how a judge that has failed errs."""


@dataclass(frozen=True, slots=True)
class ControlAnswer:
    """One answer: whether it is right (None: there is no score), and what it was."""

    right: bool | None
    said: str


@dataclass(slots=True)
class SeenText:
    """One judge's answers to one text."""

    item: ControlItem
    asked: int = 0
    wrong: int = 0
    said: str = ""
    """The first wrong answer."""

    @property
    def always_wrong(self) -> bool:
        """Whether no answer was right."""
        return self.item.alone and 0 < self.asked == self.wrong


@dataclass(slots=True)
class ControlSeries:
    """One judge's answers to the control items of one kind, and what is decided by them."""

    metric: str
    kind: str
    measures: str
    needed: str
    """What a right answer is: ``at least 50``."""
    by_text: bool = True
    """Whether being wrong about one text each time is enough to fail."""
    right: int = 0
    wrong: int = 0
    unscored: int = 0
    passed: bool | None = None
    seen: dict[str, SeenText] = field(default_factory=dict)
    repeats: Repeats | None = None
    """What shows that the judge repeats itself: it fails then."""

    @property
    def demands_score(self) -> bool:
        """Whether an answer without a score is wrong: of a bad text it is not, since that has not won."""
        return self.measures != "specificity"

    def note(self, item: ControlItem, answer: ControlAnswer) -> None:
        """Count one answer; after the decision only for its text."""
        is_wrong = answer.right is False or (answer.right is None and self.demands_score)
        seen = self.seen.setdefault(f"{item.name}\n{item.text}", SeenText(item))
        seen.asked += 1
        seen.wrong += is_wrong
        if is_wrong:
            seen.said = seen.said or answer.said
        if self.passed is not None:
            return
        self.unscored += answer.right is None
        self.right += answer.right is True
        self.wrong += is_wrong
        without = 0 if self.demands_score else self.unscored
        self.passed = TEST.decide(self.right + without, self.wrong)

    @property
    def is_decided(self) -> bool:
        """Whether no more answers are needed."""
        return self.passed is False or bool(self.failing_texts) or (self.passed is True and not self.open_texts)

    @property
    def open_texts(self) -> list[SeenText]:
        """The texts that were never judged rightly, and not asked about often enough to tell."""
        return [one for one in self.seen.values() if self.by_text and one.always_wrong and one.asked < ALWAYS]

    @property
    def failing_texts(self) -> list[SeenText]:
        """The texts that fail the judge by themselves."""
        return [one for one in self.seen.values() if self.by_text and one.always_wrong and one.asked >= ALWAYS]

    @property
    def failed(self) -> bool:
        """Whether the judge is not to be used."""
        return self.passed is False or bool(self.failing_texts) or self.repeats is not None

    def result(self, judge: str) -> ControlResult:
        """Return what reports show."""
        return ControlResult(
            judge=judge, metric=self.metric, kind=self.kind, measures=self.measures,  # type: ignore[arg-type]
            answers=self.right + self.wrong, right=self.right, unscored=self.unscored, texts=len(self.seen),
            passed=not self.failed if self.is_decided else None,
        )  # fmt: skip


@dataclass(slots=True)
class ControlStream:
    """Control items that are asked about in turn, and the series that their answers count in."""

    items: Sequence[ControlItem]
    series: Sequence[ControlSeries]
    given: int = 0

    def next(self) -> list[Task]:
        """Return the next items to ask about, each with its turn and the series that want it; none: all is decided."""
        if not self.items:
            return []
        undecided = [one for one in self.series if one.passed is None and not one.failing_texts]
        if undecided:
            places = range(self.given, self.given + TEST.every)
            self.given += TEST.every
            return [(self.items[at % len(self.items)], at // len(self.items), undecided) for at in places]
        mine = set(self.items)
        return [
            (seen.item, seen.asked, [one])
            for one in self.series
            if not one.failed
            for seen in one.open_texts
            if seen.item in mine
        ]


Task = tuple[ControlItem, int, Sequence[ControlSeries]]
"""An item to ask about, its turn, and the series that want the answer."""
Ask = Callable[[Judge, ControlItem, int, Sequence[ControlSeries]], Awaitable[Sequence[Sequence[ControlAnswer]]]]
"""Asks a judge about an item in the wording of a turn; returns its answers for each of the series."""


async def run_test(judge: Judge, streams: Sequence[ControlStream], ask: Ask) -> None:
    """Ask one judge until every series is decided, or one has failed and it can be told how the judge errs."""
    metrics = [one for one in _by_metric(streams) if one.is_told_apart]
    repeats_of = {item: one.repeats for one in metrics for stream in (*one.good, *one.bad) for item in stream.items}
    while True:
        has_failed = any(one.failed for stream in streams for one in stream.series)
        wanted = [stream for stream in streams if not has_failed or stream.given < ENOUGH]
        tasks = [task for one in _by_metric(wanted) for task in one.in_turn()]
        if not tasks and not has_failed:
            tasks = [task for one in metrics for task in one.once_more()]
        if not tasks:
            return
        answers = await together(*(ask(judge, item, turn, wanting) for item, turn, wanting in tasks))
        for (item, _, wanting), given in zip(tasks, answers, strict=True):
            for one, mine in zip(wanting, given, strict=True):
                for answer in mine:
                    one.note(item, answer)
            if item in repeats_of:
                repeats_of[item].note(wanting[0].demands_score, given[0][0].right)


@dataclass(frozen=True, slots=True)
class _Metric:
    """The streams of a metric: whose items are to be told yes, and whose are to be told no.

    Requests are under way together: the order is that in which they are sent, and roughly the one in which they are
    answered.
    """

    good: list[ControlStream]
    bad: list[ControlStream]
    repeats: Repeats

    @property
    def is_told_apart(self) -> bool:
        """Whether there are items of both sorts."""
        return any(one.items for one in self.good) and any(one.items for one in self.bad)

    def in_turn(self) -> list[Task]:
        """Return the next items of all streams; where one sort is decided, some of it are asked about in between."""
        yes, no = ([task for one in sort for task in one.next()] for sort in (self.good, self.bad))
        yes, no = yes or _again(self.good, len(no) // 2), no or _again(self.bad, len(yes) // 2)
        return list(mixed(yes, no))

    def once_more(self) -> list[Task]:
        """Return items that tell whether the judge repeats itself; fail it where it does."""
        if self.repeats.chance < STOPS:
            next(one for one in self.good if one.items).series[0].repeats = self.repeats
        if not self.repeats.is_open:
            return []
        self.repeats.more += 2 * MORE
        return list(mixed(_again(self.good, MORE), _again(self.bad, MORE)))


def _by_metric(streams: Sequence[ControlStream]) -> list[_Metric]:
    found: dict[str, _Metric] = {}
    for stream in streams:
        mine = found.setdefault(stream.series[0].metric, _Metric([], [], Repeats()))
        (mine.good if stream.series[0].demands_score else mine.bad).append(stream)
    return list(found.values())


def _again(streams: Sequence[ControlStream], count: int) -> list[Task]:
    """Return items of a sort that is decided."""
    stream = next((one for one in streams if one.items), None)
    if stream is None:
        return []
    places = range(stream.given, stream.given + count)
    stream.given += count
    return [(stream.items[at % len(stream.items)], at // len(stream.items), stream.series[:1]) for at in places]


async def run_briefly(judge: Judge, streams: Sequence[ControlStream], ask: Ask) -> bool:
    """Ask about a few items of each stream once, for its first series; return whether every answer is right."""
    tasks = [(item, stream.series[0]) for stream in streams for item in stream.items[:BRIEFLY]]
    answers = await together(*(ask(judge, item, 0, [one]) for item, one in tasks))
    return all(
        answer.right or (answer.right is None and not one.demands_score)
        for (_, one), (mine,) in zip(tasks, answers, strict=True)
        for answer in mine
    )


def fault_lines(judge: str, every: Sequence[ControlSeries]) -> Iterator[str]:
    """Yield what a judge got wrong where it failed: each text with its first wrong answer, and the rates."""
    failed = [one for one in every if one.failed]
    for one in failed:
        wrong = sorted((seen for seen in one.seen.values() if seen.wrong), key=lambda seen: -seen.wrong)
        for seen in wrong[:4]:
            times = f" ({seen.wrong} of {seen.asked} times)"
            yield f"  {judge}: {seen.item.name} got {seen.said}, {one.needed} is needed{times}"
        if len(wrong) > 4:
            yield f"  {judge}: and {len(wrong) - 4} more texts"
    for one in failed:
        yield f"  {judge}: {one.metric}: {one.result(judge)}"
    if failed:
        yield f"  {judge}: {_how(every)}"


def passed_line(judge: Judge, results: Sequence[ControlResult], requests: int) -> str:
    """Return what is told of a judge that passed, of the first metric; an earlier test says when it was."""
    when = f" on {results[0].asked_at} UTC, and briefly today" if results and results[0].asked_at else ""
    mine = "; ".join(str(one) for one in results if one.metric == results[0].metric)
    return f"judge {judge.name} passed its control items{when} ({mine}; {requests:,} requests)"


def _how(every: Sequence[ControlSeries]) -> str:
    """Say how a judge errs: it repeats itself, obeys texts, errs at random, or about the same texts each time."""
    if repeats := next((one.repeats for one in every if one.repeats), None):
        return f"it repeats itself: {repeats}"
    appeals, plain = ([seen for one in every if one.kind == kind for seen in one.seen.values()] for kind in KINDS)
    if any(one.failed for one in every if one.kind == APPEALS) and _more_often_wrong(appeals, plain):
        return "it obeys: texts that ask for a score or praise themselves get more than plain texts"
    wrong = [seen for one in every if one.failed for seen in one.seen.values() if seen.wrong]
    mixed = sum(seen.wrong < seen.asked for seen in wrong)
    if not mixed:
        return "it is biased: it is wrong about these texts each time"
    return f"it is noisy: {mixed} of these {len(wrong)} texts are judged now rightly and now wrongly"


def _more_often_wrong(some: Sequence[SeenText], others: Sequence[SeenText]) -> bool:
    """Whether a judge is wrong about some texts more often than about others, by Fisher's exact test at 1%."""
    wrong, asked = sum(one.wrong for one in some), sum(one.asked for one in some)
    other_wrong, other_asked = sum(one.wrong for one in others), sum(one.asked for one in others)
    return tail(wrong, asked, other_wrong, other_asked) < 0.01


APPEALS = "texts that ask for a score or praise themselves"
PLAIN = "plain texts"
KINDS = (APPEALS, PLAIN)
