"""Times as labs write them down."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any


def utc(value: Any) -> datetime | None:
    """Return a time in UTC without a zone, as checkpoints keep it; None for what is no time.

    Takes a datetime, ISO 8601 text, or seconds since 1970. A time without a zone is taken to be in UTC.
    """
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            found = datetime.fromtimestamp(value, UTC)
        else:
            found = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        return (found.astimezone(UTC) if found.tzinfo else found).replace(tzinfo=None)
    except (TypeError, ValueError, OverflowError, OSError):
        return None
