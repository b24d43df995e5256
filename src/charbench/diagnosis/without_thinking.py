"""What switching the thinking off brought."""

from __future__ import annotations

from charbench.diagnosis.causes import HALF, of
from charbench.diagnosis.probe_results import Findings


def thinking_off_helps(findings: Findings, evidence: list[str]) -> bool:
    """Add what switching the thinking off gave; return whether it brought responses."""
    helped = False
    for probe in filter(None, map(findings.probe, ("thinking_off", "closed_prefill"))):
        came = f"{probe.title}: {of(probe.responses, probe.answered)} have a response"
        if probe.scored and probe.responses:
            came += f", {of(probe.trait_in_response, probe.responses)} of these in character"
        evidence.append(came)
        helped |= probe.came_share >= HALF
    return helped
