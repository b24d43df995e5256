"""What each thinking state is called on the pages."""

from __future__ import annotations

STATES = {
    "state_closed": "closed thinking and a response",
    "state_none": "no thinking",
    "state_closed_empty": "closed thinking, empty response",
    "state_unclosed_stop": "stopped inside the thinking",
    "state_unclosed_length": "token limit inside the thinking",
    "state_unclosed_unknown": "thinking only, reason not recorded",
    "state_misfiled": "answer misfiled as thinking",
    "state_filtered": "ended by a content filter",
    "state_tool_call": "tool call",
    "errors": "failed",
}
"""By the names of the figures of a report's rows."""


def said_of_state(state: str) -> str:
    """Return what a sample's own state is called."""
    return STATES["errors"] if state == "error" else STATES.get(f"state_{state}", state)
