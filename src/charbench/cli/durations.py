"""Spans of time as people type them: ``12h``, ``7d``."""

from __future__ import annotations

import re
from datetime import timedelta

import click

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(min|h|d|w)")
_DAYS = {"min": 1 / 1440, "h": 1 / 24, "d": 1.0, "w": 7.0}
_LONGEST_DAYS = 36_500.0


def duration(text: str) -> timedelta:
    """Return the span of time that was typed: a number and min, h, d or w; for an option's ``type``."""
    match = _DURATION.fullmatch(text.strip().lower())
    if match is None:
        raise click.BadParameter(f"{text!r} is not a duration; a number with min, h, d or w is needed: 12h, 7d")
    days = float(match[1]) * _DAYS[match[2]]
    if days > _LONGEST_DAYS:
        raise click.BadParameter(f"{text!r} is more than a hundred years")
    return timedelta(days=days)
