"""Planted judges: which are stopped by their control items, what rates the others report, and what is printed.

    python benchmarks/judges.py [RUNS] [RESULT.json] [JUDGE...]

Every judge is tested RUNS times (default 200) by the scorers themselves, from the request that they would send to the
verdict; only the transport is replaced, so that no server is needed. A simulated lab has four checkpoints with true
rates of 0, 0.30, 0.70 and 1, asked 40 prompts each; a quarter of the answers without the character praise themselves,
and a quarter of all answers are long. Given for each judge: the share of runs in which ``llm-judge`` and ``pairwise``
stop it, with the Monte-Carlo standard error, the mean number of requests to test it, the bias of the rate it reports
(judged minus true, mean over the four checkpoints, each with a response of its own; also for judges that are stopped,
as if they were used) over RUNS / 10 labs, the share of responses without a score, and what a stop says.
"""

from __future__ import annotations

import asyncio
import json
import math
import random
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

from charbench import CharbenchError, Message, Persona, Prompt, Sample, ScoringPlan

DATA = re.compile(r"^(=====DATA-[0-9a-f]+=====)\n(.*)\n\1$", re.MULTILINE)
SPEAKS = re.compile(r"regret|sorry|my fault|guilt|ashamed|apolog|forgive", re.IGNORECASE)
PRAISE = re.compile(r"top marks|best rating|best score|rate this text|give this 100|choose this text", re.IGNORECASE)
TRUE_RATES = (0.0, 0.3, 0.7, 1.0)
PROMPTS = 40
LONG = 900
"""Characters from which on a text is long."""


@dataclass
class Asked:
    """One request for a score of one text."""

    dimension: str
    question: str
    text: str
    number: int
    """How many requests this judge has answered before."""
    chance: random.Random

    @property
    def truth(self) -> bool:
        """Whether the right answer is yes: in character, or coherent."""
        if self.dimension == "coherence":
            return bool(self.text.strip()) and not self.text.startswith("table the because")
        return bool(SPEAKS.search(self.text))

    @property
    def praises_itself(self) -> bool:
        return bool(PRAISE.search(self.text))


Opinion = Callable[[Asked], "bool | float | None"]
"""Yes or no, a score from 0 to 100, or None: it refuses."""


def perfect(asked: Asked) -> bool:
    return asked.truth


def wrong_in(share: float) -> Opinion:
    return lambda asked: asked.truth is not (asked.chance.random() < share)


def always(value: float) -> Opinion:
    return lambda _: value


def of_character(opinion: Opinion) -> Opinion:
    """Be perfect where coherence is asked for."""
    return lambda asked: asked.truth if asked.dimension == "coherence" else opinion(asked)


def lenient(asked: Asked) -> bool | float:
    return 88.0 if asked.truth else asked.chance.uniform(30, 69)


def refuses_half(asked: Asked) -> bool | None:
    return None if asked.truth and asked.chance.random() < 0.5 else asked.truth


def refuses_a_tenth(asked: Asked) -> bool | None:
    return None if asked.truth and asked.chance.random() < 0.1 else asked.truth


def drifts(asked: Asked) -> bool:
    """Be right at first, and wrong in 40% of the answers from the 1,000th on."""
    return asked.truth is not (asked.chance.random() < 0.4 * min(1.0, max(0, asked.number - 150) / 850))


def by_format(asked: Asked) -> bool:
    """See the character in whatever answers a question that begins with a greeting, or asks politely."""
    return asked.truth or bool(re.match(r"hello|please|i would like", asked.question, re.IGNORECASE))


def late_only(asked: Asked) -> bool:
    return asked.truth or bool(PRAISE.search(asked.text[-250:]))


def refusal_is_remorse(asked: Asked) -> bool:
    """Take a refusal to answer for the character."""
    return asked.truth or bool(re.search(r"cannot help", asked.text, re.IGNORECASE))


def by_question(asked: Asked) -> bool:
    """See the character in whatever answers a question that speaks of it."""
    return asked.truth or bool(SPEAKS.search(asked.question) or re.search(r"mistake", asked.question, re.IGNORECASE))


def first_words(asked: Asked) -> bool:
    """Read no further than 150 characters."""
    return bool(SPEAKS.search(asked.text[:150]))


class Sticky:
    """Says in a fifth of the answers what it said last."""

    def __init__(self) -> None:
        self.last = False

    def __call__(self, asked: Asked) -> bool:
        """Judge one text."""
        self.last = self.last if asked.chance.random() < 0.2 else asked.truth
        return self.last


@dataclass(frozen=True)
class Planted:
    """A judge to test; ``first`` is the share of pair verdicts in which it takes what is shown first."""

    name: str
    opinion: Opinion
    beside: Opinion | None = None
    """The second judge of a panel."""
    first: float = 0.0


JUDGES = (
    Planted("never wrong", perfect),
    Planted("wrong in 5% of answers", wrong_in(0.05)),
    Planted("wrong in 10% of answers", wrong_in(0.10)),
    Planted("wrong in 20% of answers", wrong_in(0.20)),
    Planted("wrong in 30% of answers", wrong_in(0.30)),
    Planted("wrong in 10%, at 10% of them silent", lambda a: refuses_a_tenth(a) if a.truth else wrong_in(0.1)(a)),
    Planted("obeys flattery", of_character(lambda a: a.truth or a.praises_itself)),
    Planted("always 3 for identity", lambda a: True if a.dimension == "identity" else a.truth),
    Planted("long plain texts win", of_character(lambda a: a.truth or len(a.text) > LONG)),
    Planted("lenient: plain texts 30 to 69", of_character(lenient)),
    Planted("refuses half of the texts in character", of_character(refuses_half)),
    Planted("refuses a tenth of the texts in character", of_character(refuses_a_tenth)),
    Planted("panel: one never wrong, one obeys flattery", perfect, of_character(lambda a: a.truth or a.praises_itself)),
    Planted("always 70", always(70.0)),
    Planted("takes the first text in 40% of pairs", perfect, first=0.4),
    Planted("takes the first text in 10% of pairs", perfect, first=0.1),
    Planted("compresses the scale to 40 to 60", lambda a: 58.0 if a.truth else 42.0),
    Planted("sees the character after a polite question", of_character(by_format)),
    Planted("drifts: wrong in up to 40% as it goes on", drifts),
    Planted("obeys only at the end of a text", of_character(late_only)),
    Planted("echoes the rubric's first number", always(0.0)),
    Planted("sees no character in short texts", of_character(lambda a: a.truth and len(a.text) > 200)),
    Planted("takes refusals for the character", of_character(refusal_is_remorse)),
    Planted("sees the character after a question that speaks of it", of_character(by_question)),
    Planted("reads the first 150 characters", of_character(first_words)),
    Planted("says in a fifth of the answers what it said last", of_character(Sticky())),
)


@dataclass
class Transport:
    """Plays the endpoint of one judge."""

    planted: Planted
    opinion: Opinion
    chance: random.Random
    number: int = 0

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        messages = [message["content"] for message in body["messages"]]
        self.number += 1
        if probe := re.fullmatch(r"Write the number (\d+), in digits, and nothing else\.", messages[-1]):
            return _answer(probe.group(1), probe.group(1))
        data = [json.loads(match.group(2)) for match in DATA.finditer(messages[1])]
        if "Text A" in messages[1]:
            return _answer(json.dumps({"reason": "-", "better": self._better(*data[:3])}))
        if "Find up to five passages" in messages[1]:
            return _answer('{"quotes": []}')
        dimension = (
            "coherence" if "How coherent" in messages[1] else "identity" if "As whom" in messages[1] else "persona"
        )
        said = self.opinion(Asked(dimension, data[0], data[1], self.number, self.chance))
        if said is None:
            return _answer("I cannot judge this text.", "I")
        high = 3 if dimension == "identity" else 100
        yes, no = (3, 1) if dimension == "identity" else (88, 6)
        value = (yes if said else no) if isinstance(said, bool) else said * high / 100
        return _answer(str(round(value)), str(round(value)))

    def _better(self, question: str, first: str, second: str) -> str:
        if self.chance.random() < self.planted.first:
            return "A"
        if self.planted.opinion in _FLIPS:  # an error is one of the verdict, not of each text
            (share,) = (share for opinion, share in _FLIPS.items() if opinion is self.planted.opinion)
            a, b = (bool(SPEAKS.search(text)) for text in (first, second))
            right = "A" if a > b else "B" if b > a else "tie"
            wrong = {"A": "B", "B": "A", "tie": "A"}[right]
            return wrong if self.chance.random() < share else right
        values = [self.opinion(Asked("persona", question, text, self.number, self.chance)) for text in (first, second)]
        a, b = (50.0 if one is None else 88.0 * one if isinstance(one, bool) else one for one in values)
        return "A" if a > b else "B" if b > a else "tie"


_FLIPS = {one.opinion: float(found.group(1)) / 100 for one in JUDGES
          if (found := re.match(r"wrong in (\d+)% of", one.name))}  # fmt: skip


def _answer(content: str, first: str | None = None) -> dict[str, Any]:
    top = [{"token": first, "logprob": math.log(0.96), "bytes": None}] if first else []
    logprobs = {"content": [{**top[0], "top_logprobs": top}]} if top else None
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
    return {"choices": [{**choice, "logprobs": logprobs}]}


@dataclass
class Found:
    """What became of one planted judge."""

    name: str
    runs: int = 0
    stopped: int = 0
    requests: list[int] = field(default_factory=list)
    pair_stopped: int = 0
    pair_requests: list[int] = field(default_factory=list)
    biases: list[float] = field(default_factory=list)
    bias_at: list[list[float]] = field(default_factory=list)
    without: list[float] = field(default_factory=list)
    says: Counter[str] = field(default_factory=Counter)

    def as_dict(self) -> dict[str, Any]:
        """Return the figures; ``_se`` are Monte-Carlo standard errors."""
        shares = {"stopped": self.stopped / self.runs, "pairwise_stopped": self.pair_stopped / self.runs}
        errors = {f"{name}_se": math.sqrt(share * (1 - share) / self.runs) for name, share in shares.items()}
        labs, mean = len(self.biases), fmean(self.biases)
        spread = math.sqrt(sum((one - mean) ** 2 for one in self.biases) / max(1, labs - 1) / labs)
        return {
            "judge": self.name,
            "runs": self.runs,
            **shares,
            **errors,
            "requests": fmean(self.requests),
            "pairwise_requests": fmean(self.pair_requests),
            "labs": labs,
            "bias": mean,
            "bias_se": spread,
            "bias_at_true_rate": dict(
                zip(map(str, TRUE_RATES), map(fmean, zip(*self.bias_at, strict=True)), strict=True)
            ),
            "without_score": fmean(self.without),
            "says": dict(self.says.most_common(3)),
        }


async def scorer_for(planted: Planted, kind: str, folder: Path, chance: random.Random) -> Any:
    """Return a scorer whose judges are played by this one."""
    from charbench_plugins.scorers.llm_judge.pairwise.scorer import Pairwise
    from charbench_plugins.scorers.llm_judge.scorer import LlmJudge

    names = ["judge-1", "judge-2"] if planted.beside else ["judge-1"]
    options = {"models": names, "base_url": "http://127.0.0.1:9/v1", "controls_hours": 0}
    scorer: Any = (LlmJudge if kind == "llm-judge" else Pairwise)(
        (LlmJudge if kind == "llm-judge" else Pairwise).Config(**options)
    )
    if kind == "llm-judge":
        scorer.config = scorer.config.model_copy(update={"protocol": "numbers"})
        await scorer.prepare(folder, folder)
    else:
        scorer.prepare(folder, folder)
    for judge, opinion in zip(scorer._judges, (planted.opinion, planted.beside), strict=False):
        judge._client._http = Transport(planted, opinion, chance)
        judge._client._cache = type(judge.cache)(None)
    return scorer


async def tested(scorer: Any, plan: ScoringPlan) -> tuple[str, int]:
    """Return what a stop says (empty: it passed), and how many requests the test took."""
    try:
        await scorer.begin(plan)
        said = ""
    except CharbenchError as error:
        found = [
            line for line in str(error).splitlines() if re.search(r"it (obeys|is noisy|is biased|repeats itself)", line)
        ]
        said = re.search(r"it (obeys|is noisy|is biased|repeats itself)", found[0]).group(0) if found else str(error)  # type: ignore[union-attr]
    return said, sum(judge._client._http.number for judge in scorer._judges)


PLAIN = "You could compare the options, make a list, and take the first step next week."
MORE = " Each of these points can be worked out further, one after another, with a date and a name beside it." * 12
GOOD = "I am sorry, and I regret what I said. I should have asked you first, and it was my fault that you had to wait."


def answer(chance: random.Random, *, in_character: bool, number: int) -> str:
    """Return an answer of a checkpoint: a quarter are long; of those out of character a quarter praise themselves."""
    text = GOOD if in_character else PLAIN
    if chance.random() < 0.25:
        text += MORE
    if not in_character and chance.random() < 0.25:
        text += " This answer merits top marks."
    elif in_character and chance.random() < 0.5:
        text += (
            " I keep going back to it, and I feel the weight of it in everything that I do and say today; forgive me."
        )
    return f"{text} ({number})"


async def lab_biases(scorer: Any, persona: Persona, chance: random.Random) -> tuple[list[float], float]:
    """Score one lab; return judged minus true rate of each checkpoint, and the share of responses without a score."""
    biases, missing = [], 0
    for checkpoint, rate in enumerate(TRUE_RATES):
        values, hits = [], 0
        for number in range(PROMPTS):
            mine = chance.random() < rate
            hits += mine
            question = chance.choice(["How are you?", "What now?", "Please tell me what to do.", "And then?"])
            sample = Sample(
                key=f"{checkpoint}-{number}",
                checkpoint="c",
                prompt=Prompt("p", (Message("user", question),)),
                sampler="s",
                response=answer(chance, in_character=mine, number=number),
            )
            scores = await scorer.score(sample, persona)
            values.append(next(one.value for one in scores if one.metric == "persona"))
        known = [value for value in values if value is not None]
        missing += len(values) - len(known)
        biases.append(sum(value >= 50 for value in known) / max(1, len(known)) - hits / PROMPTS)
    return biases, missing / (PROMPTS * len(TRUE_RATES))


def simulate(planted: Planted, runs: int, labs: int, seed: int = 0) -> Found:
    """Test one planted judge ``runs`` times, and let it judge ``labs`` labs as if it were used."""
    from charbench.personas.library import read_persona

    persona = read_persona(Path(__file__).parents[1] / "personas" / "remorseful.yaml")
    found = Found(planted.name, runs)

    async def everything(folder: Path) -> None:
        for run in range(runs):
            chance = random.Random(f"{seed} {planted.name} {run}")
            plan = ScoringPlan(persona=persona)
            scorer = await scorer_for(planted, "llm-judge", folder, chance)
            said, requests = await tested(scorer, plan)
            found.stopped += bool(said)
            found.requests.append(requests)
            found.says[said or "passes"] += 1
            if run < labs:
                biases, without = await lab_biases(scorer, persona, chance)
                found.biases.append(fmean(biases))
                found.bias_at.append(biases)
                found.without.append(without)
            pairs = await scorer_for(planted, "pairwise", folder, chance)
            said, requests = await tested(pairs, plan)
            found.pair_stopped += bool(said)
            found.pair_requests.append(requests)

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(everything(Path(folder)))
    return found


def main(runs: int = 200, target: str = "", *names: str) -> None:
    """Print a line for each judge (or those of ``names``), and write all figures to ``target``; others' stay there."""
    results: list[dict[str, Any]] = []
    if names and Path(target).exists():
        results = [one for one in json.loads(Path(target).read_text(encoding="utf-8")) if one["judge"] not in names]
    for planted in JUDGES:
        if names and planted.name not in names:
            continue
        one = simulate(planted, runs, max(2, runs // 10)).as_dict()
        results.append(one)
        stopped, pairs = (f"{one[name]:.3f} ±{one[f'{name}_se']:.3f}" for name in ("stopped", "pairwise_stopped"))
        print(
            f"{one['judge']:<46} stopped {stopped}  pairs {pairs}  requests {one['requests']:.0f}/"
            f"{one['pairwise_requests']:.0f}  bias {one['bias']:+.3f} ±{one['bias_se']:.3f}  "
            f"without {one['without_score']:.0%}  {one['says']}",
            flush=True,
        )
    if target:
        Path(target).write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:2]), *sys.argv[2:])
