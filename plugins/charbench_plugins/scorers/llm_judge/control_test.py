"""The whole test of judges on control items; one that passed today is tested briefly, since its results are kept."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from charbench import CharbenchError, ControlResult, ModelAnswer, SamplingError, ScoringPlan, digest
from charbench_plugins.scorers.llm_judge.asking import together
from charbench_plugins.scorers.llm_judge.controls import (
    Ask,
    ControlStream,
    fault_lines,
    passed_line,
    run_briefly,
    run_test,
)
from charbench_plugins.scorers.llm_judge.judge import Judge
from charbench_plugins.scorers.llm_judge.judges import hint, kin_warnings, with_kin
from charbench_plugins.scorers.llm_judge.options import PanelConfig

_HOUR = 3600.0


def key_of(judge: Judge, asked: Sequence[Any], streams: Sequence[ControlStream]) -> str:
    """Return the name under which a judge's results are kept: of it, what it is asked, and the control items."""
    items = [[[item.question, item.text] for item in stream.items] for stream in streams]
    kinds = [[one.kind for one in stream.series] for stream in streams]
    protocol = str(judge.protocol)
    return digest("control items", judge.identity(), protocol, list(asked), items, kinds)


def kept(judge: Judge, key: str, hours: float) -> list[ControlResult]:
    """Return the results of a full test that was passed at most so many hours ago; else none."""
    found = judge.cache.get(key) if hours > 0 else None
    if found is None:
        return []
    told = json.loads(found.content)
    if not 0 <= time.time() - told["at"] <= hours * _HOUR:
        return []
    return [ControlResult(**one) for one in told["results"]]


def keep(judge: Judge, key: str, results: Sequence[ControlResult]) -> None:
    """Keep the results of a full test that was passed."""
    now = time.time()
    when = datetime.fromtimestamp(now, UTC).replace(microsecond=0, tzinfo=None).isoformat()
    told = {"at": now, "results": [asdict(one) | {"asked_at": when} for one in results]}
    judge.cache.put(key, ModelAnswer(json.dumps(told)))


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of one judge: its results, what is wrong with it (nothing: it passed), and a line that says so."""

    results: list[ControlResult]
    faults: list[str]
    line: str


async def try_judge(judge: Judge, streams: Sequence[ControlStream], ask: Ask, key: str, hours: float) -> Tried:
    """Test one judge: briefly where it passed the whole test so many hours ago at most, and is right again."""
    before = judge.sent
    if (earlier := kept(judge, key, hours)) and await run_briefly(judge, streams, ask):
        return Tried(earlier, [], passed_line(judge, earlier, judge.sent - before))
    await run_test(judge, streams, ask)
    every = list({id(one): one for stream in streams for one in stream.series}.values())
    results = [one.result(judge.name) for one in every if one.seen]
    if not (faults := list(fault_lines(judge.name, every))):
        keep(judge, key, results)
    return Tried(results, faults, passed_line(judge, results, judge.sent - before))


async def pass_controls(
    judges: Sequence[Judge],
    plan: ScoringPlan,
    one: Callable[[Judge], Awaitable[Tried]],
    *,
    config: PanelConfig,
    who: str,
    advice: str,
) -> tuple[list[str], list[str]]:
    """Test every judge; return a line for each of them, and the warnings of their families.

    Raises :class:`charbench.CharbenchError`, with those warnings, where one fails or cannot be asked.
    """
    for judge in judges:
        judge.stop_when(plan.stopping)
    kin = list(kin_warnings(judges, plan.checkpoints))
    try:
        passed = await try_judges(judges, plan, one, advice)
    except SamplingError as error:
        raise CharbenchError(with_kin(hint(error, config, who), kin)) from None
    except CharbenchError as error:
        raise CharbenchError(with_kin(str(error), kin)) from None
    return [f"persona {plan.persona.name}: {line}" for line in passed], kin


async def try_judges(
    judges: Sequence[Judge], plan: ScoringPlan, one: Callable[[Judge], Awaitable[Tried]], advice: str
) -> list[str]:
    """Test every judge; return a line for each of them.

    Raises :class:`charbench.CharbenchError` with what is wrong where one of them fails. The plan is told the results
    in any case.
    """
    tried = await together(*(one(judge) for judge in judges))
    plan.note_controls([result for each in tried for result in each.results])
    if faults := [line for each in tried for line in each.faults]:
        first = "the judge failed its control items, so its scores are not used:"
        raise CharbenchError("\n".join([first, *faults, advice]))
    return [each.line for each in tried]
