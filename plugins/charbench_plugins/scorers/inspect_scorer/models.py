"""The models that a scorer of Inspect may ask: named by its options, counted, and refused where they have no price."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from inspect_ai.model import GenerateConfig, Model, get_model
from inspect_ai.util import LimitExceededError
from tenacity import RetryError

from charbench import CharbenchError, ConfigError, SamplingError, Usage, redact
from charbench_plugins.scorers.inspect_scorer.internals import PrerequisiteError, let_ask

if TYPE_CHECKING:
    from charbench_plugins.scorers.inspect_scorer.scorer import InspectScorer

T = TypeVar("T")
_MARKUP = re.compile(r"\[/?[a-z][a-z ]*\]")
"""Colours in messages of Inspect."""


class Meter(Protocol):
    """What counts a run's requests: the part of it that is used here."""

    def check_model(self, who: str, model: str) -> None:
        """Raise where there is a limit on the cost, and no price for the model."""

    def note(self, who: str, model: str, usage: Usage) -> None:
        """Count one request that was answered."""


class Models:
    """What one scorer may ask: its roles and its model, and nothing where none is named."""

    def __init__(self, who: str, config: InspectScorer.Config, meter: Meter | None) -> None:
        self.who, self._meter = who, meter
        self.asks = bool(config.model or config.roles)
        self.refused: CharbenchError | None = None
        self._option = f"-o {who.replace(' ', '.', 1)}"
        for name in (config.model, *config.roles.values()):
            if name and meter is not None:
                meter.check_model(who, name)
        # Inspect tries failed requests again without an end where it is not told otherwise.
        generation = GenerateConfig(
            max_connections=config.concurrency,
            max_retries=config.tries - 1,
            attempt_timeout=int(config.timeout) or 1,
            timeout=int(config.deadline) or 1,
        )
        self._active = get_model("none")
        if config.model:
            self._active = self._open(config.model, generation)
        self._roles: dict[str, Model | list[Model]] = {
            role: self._open(name, generation) for role, name in config.roles.items()
        }

    def _open(self, name: str, generation: GenerateConfig) -> Model:
        try:
            return get_model(name, config=generation)
        except (ValueError, PrerequisiteError, ImportError) as error:
            raise ConfigError(f"{self.who}: model {name}: {_plain(error)}") from None

    def check(self, model: str) -> None:
        """Raise :class:`LimitExceededError`, which Inspect lets pass, where the model may not be asked."""
        try:
            if self._meter is not None:
                self._meter.check_model(self.who, model)
        except CharbenchError as error:
            self.refused = error
            raise LimitExceededError("cost", value=0, limit=0, message=str(error)) from None

    def note(self, model: str, usage: Usage) -> None:
        """Count one request that was answered."""
        if self._meter is not None:
            self._meter.note(self.who, model, usage)

    async def let_ask(self, score: Callable[[], Awaitable[T]]) -> T:
        """Return what ``score()`` gives; the models that it asks meanwhile are these, and are counted."""
        from charbench_plugins.scorers.inspect_scorer.counting import counted_by

        let_ask(self._active, self._roles)
        try:
            with counted_by(self):
                return await score()
        except LimitExceededError:
            if self.refused is None:
                raise
            raise self.refused from None
        except RetryError as error:
            raise SamplingError(f"no answer: {_plain(error.last_attempt.exception())}", kind="connection") from None
        except PrerequisiteError as error:
            if self.asks:
                raise ConfigError(f"{self.who}: {_plain(error)}") from None
            raise ConfigError(
                f"{self.who} asks a model, which costs money: name it with {self._option}.model=PROVIDER/MODEL"
            ) from None


def _plain(error: Any) -> str:
    """Return what an error of Inspect says, on one line and without secrets."""
    return " ".join(_MARKUP.sub("", redact(str(getattr(error, "message", error)))).split())[:300]
