"""What a row of the checkpoint table stands for."""

from __future__ import annotations

from enum import StrEnum


class By(StrEnum):
    """What one row of the checkpoint table is."""

    CHECKPOINT = "checkpoint"
    NAME = "name"
    PERSONA = "persona"
