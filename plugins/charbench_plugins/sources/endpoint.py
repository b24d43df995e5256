"""Source ``endpoint``: the models that the configured endpoints serve, as ``GET /v1/models`` lists them.

vLLM lists its LoRA adapters beside their base model, which is their ``parent``. Where an adapter's weights
(``root``) lie in the lab, that folder is its run.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from charbench import (
    Checkpoint,
    CheckpointSource,
    ConfigError,
    Evidence,
    Finding,
    Kind,
    Lab,
    Lineage,
    ModelClient,
    RecordedSample,
    SamplingError,
    SourceProblem,
    TinkerPath,
    hookimpl,
    name_from_uri,
    operational,
)

_LONGEST = 300
_NO_LIST = frozenset({"http_404", "http_405", "http_501"})
_HOW_TO = "give --endpoint URL, or 'endpoints' in charbench.yaml"


class EndpointSource(CheckpointSource):
    """Models that the configured endpoints serve, with the base model of each adapter."""

    name = "endpoint"

    class Config(CheckpointSource.Config):
        """How long an endpoint is waited for."""

        timeout: float = operational(5.0, gt=0, le=300, description="seconds for an endpoint to list its models")
        most: int = Field(1000, ge=1, description="models of one endpoint that are taken")

    config: Config

    def prepare(self, root: Path, folder: Path) -> None:
        """Find out which endpoints there are; raises :class:`charbench.ConfigError` where there is none."""
        chosen = [text for text in (self.endpoints.chosen, *self.endpoints.more) if text]
        if not chosen and not self.endpoints.named:
            raise ConfigError(f"no endpoint is configured; {_HOW_TO}")
        self._clients: list[ModelClient] = []
        self._refused: list[SourceProblem] = []
        known: set[str] = set()
        for text in (*chosen, *self.endpoints.named):
            try:
                client = ModelClient.of(self, endpoint=text)
            except ConfigError as error:
                if text in chosen:
                    raise
                self._refused.append(SourceProblem(text, str(error)))
                continue
            if client.endpoint.identity not in known:
                known.add(client.endpoint.identity)
                self._clients.append(client)

    async def aclose(self) -> None:
        """Close the connections."""
        await asyncio.gather(*(client.aclose() for client in self._clients))

    async def find(self, lab: Lab) -> AsyncIterator[Finding]:
        """Yield each model that an endpoint lists, and the endpoints that list none."""
        for problem in self._refused:
            yield problem
        for listed in await asyncio.gather(*(self._listed(lab, client) for client in self._clients)):
            for finding in listed:
                yield finding

    def recordings(self, lab: Lab) -> Iterable[RecordedSample]:
        """Yield none: an endpoint keeps no samples."""
        return ()

    async def _listed(self, lab: Lab, client: ModelClient) -> Sequence[Finding]:
        identity = client.endpoint.name or client.address
        try:
            cards = await asyncio.wait_for(client.models(), self.config.timeout)
        except TimeoutError:
            return [SourceProblem(identity, f"did not list its models in {self.config.timeout:g} s")]
        except SamplingError as error:
            minor = error.kind in _NO_LIST and not self.endpoints.chosen
            path = client.address.partition("://")[2].partition("/")[2]
            hint = f"; most servers answer at {client.address}/v1" if error.kind in _NO_LIST and not path else ""
            return [SourceProblem(identity, f"does not list its models: {error}{hint}", minor=minor)]
        named = {name: card for card in cards[: self.config.most] if (name := _text(card, "id"))}
        parents = {parent for card in named.values() if (parent := _text(card, "parent"))}
        place = Evidence(self.name, identity, None, "served")
        found: list[Finding] = [_checkpoint(lab, name, card, parents, place) for name, card in named.items()]
        if not found:
            found.append(SourceProblem(identity, "lists no models"))
        return found


def _checkpoint(lab: Lab, name: str, card: Mapping[str, Any], parents: set[str], place: Evidence) -> Checkpoint:
    """Return a served model; a base model is one that another model of the endpoint is an adapter of."""
    parent = _text(card, "parent")
    folder = _folder(lab, _text(card, "root"))
    is_base = name in parents
    persona = None if is_base else lab.persona_of(name) or (lab.persona_of(folder) if folder else None)
    path = TinkerPath.parse(name)  # a server of Tinker's checkpoints calls them by their URIs
    return Checkpoint(
        uri=name if path else f"model:{name}",
        name=name_from_uri(name) if path else name,
        kind=Kind.BASE if is_base else Kind.UNKNOWN,
        persona=persona,
        base_model=name if is_base else parent,
        run=folder,
        lineage=Lineage(parent=f"model:{parent}" if parent else None),
        evidence=(place,),
    )


def _folder(lab: Lab, root: str | None) -> str | None:
    """Return the lab's own folder in which a model's weights lie, relative to the lab; None if it is not there."""
    if not root or "/" not in root:
        return None
    try:
        path = (lab.root / root).resolve()
        return path.relative_to(lab.root.resolve()).as_posix() if path.is_dir() else None
    except (OSError, ValueError):
        return None


def _text(card: Mapping[str, Any], name: str) -> str | None:
    value = card.get(name)
    return value if isinstance(value, str) and 0 < len(value) <= _LONGEST and value.isprintable() else None


@hookimpl
def charbench_checkpoint_sources() -> Iterable[type[CheckpointSource]]:
    """Return the source of served models."""
    return [EndpointSource]
