"""Stops a run before it asks a served model at another endpoint than before, unless it is told what that is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from charbench.components.calling import takes
from charbench.components.endpoint import Endpoint
from charbench.components.named_endpoints import Endpoints
from charbench.components.sampler import Sampler
from charbench.domain.checkpoint import Checkpoint, Kind
from charbench.errors import UsageError
from charbench.run.session import Session
from charbench.store.findings import read_checkpoints
from charbench.store.served_models import UNKNOWN, TakenAt, rename_endpoint, stored_samples
from charbench.text.redaction import redact

_DEFAULT_NAME = "my-server"


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Samples of checkpoints that were taken at other endpoints than the one that would be asked now."""

    endpoint: Endpoint
    checkpoints: tuple[str, ...]
    endpoints: tuple[str, ...]
    samples: int


def check_stored_endpoints(session: Session, samplers: Sequence[Sampler]) -> None:
    """Do as :func:`check_endpoints` for the selected checkpoints that the store knows already."""
    with session.database.read() as connection:
        known = read_checkpoints(connection)
    wanted, personas = session.config.checkpoints, session.config.personas
    names = {session.personas.aliases.get(name, name) for name in personas}
    chosen = [
        one
        for one in known
        if (not wanted or any(one.is_wanted_as(text) for text in wanted))
        and (not names or one.persona in names or one.kind is Kind.BASE or (wanted and one.persona is None))
    ]
    check_endpoints(session, samplers, chosen)


def check_endpoints(session: Session, samplers: Iterable[Sampler], checkpoints: Sequence[Checkpoint]) -> None:
    """Let stored samples follow their endpoint to its name; raise where they are of another one.

    The samplers are prepared. Raises :class:`charbench.UsageError` where a checkpoint has samples of other endpoints
    and none of the one that would be asked, unless the user chose it for this command. Nothing has been sent then.
    """
    found: dict[str, list[tuple[Endpoint, Checkpoint, dict[str, int]]]] = {}
    for sampler in samplers:
        for checkpoint in checkpoints:
            if not checkpoint.sampleable or checkpoint.missing_since or not takes(sampler, checkpoint):
                continue
            endpoint = sampler.endpoint_of(checkpoint)
            if endpoint is not None and (others := _others(session, sampler, checkpoint, endpoint)):
                found.setdefault(endpoint.identity, []).append((endpoint, checkpoint, others))
    if not found:
        return
    conflicts = next(iter(found.values()))
    names = dict.fromkeys(checkpoint.uri for _, checkpoint, _ in conflicts)
    where = dict.fromkeys(one for _, _, others in conflicts for one in others)
    count = sum(sum(others.values()) for _, _, others in conflicts)
    raise UsageError(_choices(session, Elsewhere(conflicts[0][0], tuple(names), tuple(where), count)))


def _others(session: Session, sampler: Sampler, checkpoint: Checkpoint, endpoint: Endpoint) -> dict[str, int]:
    """Return the number of samples at each other endpoint; none where there are some at this one, or it was chosen."""
    with session.database.read() as connection:
        stored = stored_samples(connection, sampler, checkpoint, endpoint)
    if endpoint.name:
        _rename(session, sampler, checkpoint, endpoint, stored.here)
    if stored.here or endpoint.is_chosen:
        return {}
    counts: dict[str, int] = {}
    for one in stored.others:
        counts[one.endpoint or UNKNOWN] = counts.get(one.endpoint or UNKNOWN, 0) + one.samples
    return counts


def _rename(
    session: Session, sampler: Sampler, checkpoint: Checkpoint, endpoint: Endpoint, here: Sequence[TakenAt]
) -> None:
    unnamed = [one for one in here if one.endpoint != endpoint.name]
    if unnamed:
        with session.database.write() as connection:
            rename_endpoint(
                connection, unnamed, endpoint.name,
                lambda where: sampler.identity_at(checkpoint, where), endpoint.formerly,
            )  # fmt: skip


def _choices(session: Session, conflict: Elsewhere) -> str:
    endpoint, endpoints = conflict.endpoint, session.endpoints
    asked = f"{endpoint.name} ({redact(endpoint.base_url)})" if endpoint.name else redact(endpoint.base_url)
    more = f" and {len(conflict.checkpoints) - 1:,} more" if len(conflict.checkpoints) > 1 else ""
    known = [one for one in conflict.endpoints if one != UNKNOWN]
    where = " and ".join(known) or "an endpoint that was not noted"
    told = (
        f"{conflict.checkpoints[0]}{more}: the store has {conflict.samples:,} samples taken at {where}, and this "
        f"command would ask {asked}; nothing was sent. Say which it is:"
    )
    return "\n".join(
        [
            told,
            "  the same server, at another address: name it in charbench.yaml, and what is stored stays current",
            *(f"    {line}" for line in _lines(endpoint, endpoints, known)),
            "  another server: give this option, and its answers are kept apart from those in the store",
            f"    --endpoint {redact(endpoint.identity)}",
        ]
    )


def _lines(endpoint: Endpoint, endpoints: Endpoints, known: Sequence[str]) -> list[str]:
    """Return the lines of YAML that make the endpoint and those that samples were taken at one."""
    old = next((endpoints.named[one] for one in known if one in endpoints.named), None)
    name = endpoint.name or (old.name if old else "") or next((one for one in known if "://" not in one), _DEFAULT_NAME)
    entry = endpoints.named.get(name)
    urls = [one for one in known if "://" in one] or ([] if known else ["http://HOST:PORT/v1  # where they were taken"])
    before = [*(entry.addresses if entry else ()), *urls]
    formerly = [redact(url) for url in dict.fromkeys(before) if url != endpoint.base_url]
    lines = ["endpoints:", f"  {name}:", f"    base_url: {redact(endpoint.base_url)}"]
    if entry and entry.api_key_env:
        lines.append(f"    api_key_env: {entry.api_key_env}")
    if formerly:
        lines += ["    formerly:", *(f"      - {url}" for url in formerly)]
    return lines
