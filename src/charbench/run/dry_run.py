"""The dry run: discovers, and tells what a run would train, sample and judge; sends no prompt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from charbench.components.containment import printing_to_stderr
from charbench.components.sampler import Sampler, SampleRequest
from charbench.components.scorer import BaseScorer
from charbench.components.source import CheckpointSource
from charbench.discovery.expiry import expiry_warnings
from charbench.discovery.stage import Discovery, discover
from charbench.domain.checkpoint import Checkpoint
from charbench.run.asked_elsewhere import check_endpoints
from charbench.run.bases import with_bases
from charbench.run.by_key import ByKey, add_by_key
from charbench.run.data_findings import data_findings
from charbench.run.dry_judging import JudgingEstimate, asks_models, estimate_judging
from charbench.run.dry_sampling import Estimate, estimate, missing_requests
from charbench.run.not_sampled import Noted, NotSampled, not_sampled
from charbench.run.plan import Requests, sampling_plan
from charbench.run.session import Session
from charbench.run.wanted import checkpoints_of_run, wanted_of
from charbench.sampling.cost import Spending
from charbench.text.redaction import redact


@dataclass(slots=True)
class DryRun:
    """What a run would do: the jobs that it would train, what samplers and judges would ask, and what is left out."""

    found: Discovery
    checkpoints: list[Checkpoint]
    jobs: list[str] = field(default_factory=list)
    sampling: list[Estimate] = field(default_factory=list)
    judging: list[JudgingEstimate] = field(default_factory=list)
    not_sampled: list[NotSampled] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def dry_run(session: Session, *, trains: bool, say: Callable[[str], None]) -> DryRun:
    """Discover, and estimate what a run of this session would ask; ``say`` is told what concerns the plan itself.

    Models are listed where an endpoint or an account is asked for them; no prompt is sent.
    """
    sources, samplers = session.sources(), session.samplers()
    session.lifecycle.meter = Spending(session.config.prices, sends=False)
    judges = [scorer for scorer in session.scorers() if asks_models(scorer)]
    found = discover(
        session.database, sources, session.lab, session.policy,
        lifecycle=session.lifecycle, by_name=session.sources_by_name,
    )  # fmt: skip
    personas = [persona.name for persona in session.selected_personas()]
    outlook = DryRun(found, checkpoints_of_run(session, found, personas))
    if trains and session.config.trainers:
        outlook.jobs = [job.job_id for job in found.plan.jobs_waiting]
    with printing_to_stderr():
        session.lifecycle.prepare_all(samplers)
        offered, asked, missing = _estimate_sampling(session, sources, samplers, judges, outlook, say)
        session.lifecycle.prepare_all(judges)
        outlook.judging = [estimate_judging(session, one, outlook.checkpoints, personas, missing) for one in judges]
    outlook.not_sampled = not_sampled(session, outlook.checkpoints, asked, offered)
    of_data = data_findings(session, found.plan).warnings if outlook.jobs else []
    outlook.warnings = [*found.problems, *of_data, *expiry_warnings(session.database, outlook.checkpoints)]
    return outlook


def _estimate_sampling(
    session: Session,
    sources: Sequence[CheckpointSource],
    samplers: Sequence[Sampler],
    judges: Sequence[BaseScorer],
    outlook: DryRun,
    say: Callable[[str], None],
) -> tuple[ByKey | None, set[str], list[tuple[SampleRequest, int]]]:
    """Add what each sampler would ask, and the bases that would be sampled beside the checkpoints.

    Returns what a key would make possible, the URIs of whoever is asked, and the requests whose answers are to judge.
    """
    config = session.config
    asked: set[str] = set()
    missing: list[tuple[SampleRequest, int]] = []
    wanted_here = wanted_of(session, samplers, outlook.checkpoints, outlook.found)
    offered = add_by_key(session, sources, wanted_here, outlook.checkpoints, say)
    for one in wanted_here:
        sampler = one.sampler
        beside = with_bases(session, sampler, sources, one.checkpoints, one.served)
        for line in beside.lines:
            say(line)
        outlook.checkpoints += [base for base in beside.added if base not in outlook.checkpoints]
        check_endpoints(one.session, [sampler], beside.checkpoints)
        wanted = beside.planned or Requests(sampler, sampling_plan(session, sources, beside.checkpoints))
        part = estimate(session.database, sampler, Noted(wanted, asked), config.retry_errors, config.prices)
        part.endpoint = redact(one.endpoint)
        outlook.sampling.append(part)
        if judges:
            missing += missing_requests(session.database, sampler, wanted, config.retry_errors)
    return offered, asked, missing
