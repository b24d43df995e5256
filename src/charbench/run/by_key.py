"""What ``run`` samples at an API because its key is set: checkpoints that live there and have no samples yet.

That costs money, so it happens only within a limit (``max_cost``) and with known prices; otherwise the run says what
would be sent, what it costs, and the option that allows it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from charbench.components.base import ComponentKind
from charbench.components.calling import takes
from charbench.components.endpoint import DefaultEndpoint
from charbench.components.sampler import Sampler
from charbench.components.source import CheckpointSource
from charbench.domain.checkpoint import Checkpoint, Kind
from charbench.run.dry_sampling import Estimate, estimate
from charbench.run.plan import Recordings, Requests, sampling_plan
from charbench.run.served import to_sample
from charbench.run.session import Session
from charbench.run.wanted import Wanted
from charbench.store.summaries import group_totals
from charbench.text.enumeration import counted


@dataclass(frozen=True, slots=True)
class ByKey:
    """What a sampler would ask an API whose key is set: ``checkpoints``, by requests that ``expected`` counts."""

    api: DefaultEndpoint
    key_is_in: str
    """What is set that holds the key."""
    sampler: Sampler
    checkpoints: Sequence[Checkpoint]
    expected: Estimate
    limit: float | None

    @property
    def is_agreed(self) -> bool:
        """Whether the user has set a limit, and all prices are known."""
        return self.limit is not None and self.expected.cost is not None

    @property
    def line(self) -> str:
        """What is to be read before anything is sent."""
        return (
            f"{self.api.owner} ({self.key_is_in} is set): {counted(len(self.checkpoints), 'checkpoint')} without "
            f"recordings, sampled by {self.sampler.name}: {self._what}; --max-cost {self.limit:g} is the limit."
        )

    @property
    def reason(self) -> str:
        """Why nothing is sent, and what would allow it."""
        allow = "with --max-cost LIMIT it is sent"
        if self.expected.cost is None:
            allow = "set prices in charbench.yaml and a limit with --max-cost LIMIT, and it is sent"
        return (
            f"they have no recordings; {self.key_is_in} is set, and {self.api.owner} would be asked by "
            f"{self.sampler.name}: {self._what}; {allow} (--sampler {self.sampler.name} sends it without a limit)"
        )

    @property
    def left_out(self) -> Sequence[str]:
        """What to say of it where it is not agreed to: no line where it is."""
        which = counted(len(self.checkpoints), "checkpoint")
        return [] if self.is_agreed else [f"Not sampled: {which}: {self.reason}."]

    @property
    def _what(self) -> str:
        one = self.expected
        cost = f"at most {one.cost:,.4f}" if one.cost is not None else "not known, since there are no prices"
        return f"{counted(one.requests, 'request')}, at most {one.completion_tokens:,} completion tokens, cost {cost}"


def by_key(session: Session, sources: Sequence[CheckpointSource], checkpoints: Sequence[Checkpoint]) -> ByKey | None:
    """Return what a key that is set makes possible for these checkpoints; None where there is nothing to send.

    That is only where neither a sampler nor an endpoint is chosen. Of the checkpoints, it is about those that are
    themselves wherever they are served, and have neither recordings nor samples by another sampler.
    """
    found = _sampler_with_key(session)
    if found is None:
        return None
    api, key_is_in, sampler = found
    if session.lifecycle.try_prepare(sampler) is not None:  # its key is of the wrong form: `doctor` says so
        return None
    mine = [
        one
        for one in to_sample(session, sampler, checkpoints, frozenset())
        if one.kind is not Kind.BASE
        and one.sampleable
        and not one.missing_since
        and takes(sampler, one)
        and sampler.endpoint_of(one) is None
    ]
    if mine:
        with session.database.read() as connection:
            sampled = {group.uri for group in group_totals(connection) if group.sampler != sampler.name}
        mine = [one for one in mine if one.uri not in sampled]
    if mine:
        recorded = {one.checkpoint for one in Recordings(sources, session.lab)}
        mine = [one for one in mine if one.uri not in recorded]
    if not mine:
        return None
    config = session.config
    requests = Requests(sampler, sampling_plan(session, sources, mine))
    expected = estimate(session.database, sampler, requests, config.retry_errors, config.prices)
    return ByKey(api, key_is_in, sampler, mine, expected, config.max_cost) if expected.requests else None


def add_by_key(
    session: Session,
    sources: Sequence[CheckpointSource],
    wanted: list[Wanted],
    checkpoints: Sequence[Checkpoint],
    say: Callable[[str], None],
) -> ByKey | None:
    """Return what a key makes possible; where that is agreed to, add it to what is ``wanted``, and ``say`` so."""
    found = by_key(session, sources, checkpoints)
    if found is not None and found.is_agreed:
        say(found.line)
        wanted.append(Wanted(session, found.sampler, found.checkpoints))
    return found


def _sampler_with_key(session: Session) -> tuple[DefaultEndpoint, str, Sampler] | None:
    """Return the first API that a sampler declares and whose key is set, what holds it, and the sampler.

    None where the user chose otherwise.
    """
    config = session.config
    if config.samplers or session.endpoints.chosen or os.environ.get("OPENAI_BASE_URL"):
        return None
    for name, one in session.plugins.components(ComponentKind.SAMPLER).items():
        assert issubclass(one, Sampler)
        options = config.options_for(ComponentKind.SAMPLER.value, name)
        if {"base_url", "endpoint"} & set(options):
            continue
        for api in one.default_endpoints:
            if key_is_in := api.key_is_in():
                made = session.component(ComponentKind.SAMPLER, name)
                assert isinstance(made, Sampler)
                return api, key_is_in, made
    return None
