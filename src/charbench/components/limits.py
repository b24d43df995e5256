"""Limits of an endpoint: concurrency, rate, timeouts, and attempts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from charbench.components.base import Component, operational


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of an endpoint: times in seconds, rates per minute; see :class:`LimitsConfig`."""

    concurrency: int = 1
    requests_per_minute: float | None = None
    delay: float = 0.0
    checkpoint_delay: float = 0.0
    timeout: float = 3600.0
    deadline: float = 3600.0
    tries: int = 1
    max_wait: float = 60.0

    @classmethod
    def of(cls, config: Component.Config, **defaults: Any) -> Limits:
        """Return the limits that a component's options name; ``defaults`` for those that it does not have."""
        given = {name: value for name, value in config if name in cls.__dataclass_fields__}
        return cls(**{**defaults, **given})


class LimitsConfig(Component.Config):
    """Limits of an endpoint; none of these changes a completion."""

    concurrency: int = operational(16, ge=1, le=4096, description="maximum concurrent requests")
    requests_per_minute: float | None = operational(
        None, gt=0, description="maximum requests per minute; none: no limit"
    )
    delay: float = operational(0.0, ge=0, description="minimum seconds between requests")
    timeout: float = operational(300.0, gt=0, description="timeout of one request in seconds")
    deadline: float = operational(1800.0, gt=0, description="deadline of one sample in seconds, including retries")
    tries: int = operational(5, ge=1, le=100, description="maximum attempts per sample")
    max_wait: float = operational(60.0, ge=0, le=86_400, description="maximum wait for Retry-After in seconds")
