"""The kinds of plugin that ``charbench plugins new`` writes; apart from what writes them, as help names them."""

from __future__ import annotations

KINDS = {
    "scorer": "charbench eval -c tiny:base -p pirate --scorer {name} --lab {lab}",
    "pair-scorer": "charbench eval -c tiny:base -p pirate --scorer {name} --lab {lab}",
    "source": "charbench discover --source {name} --lab {lab}",
    "sampler": "charbench eval -c {name}:anything -p pirate --lab {lab}",
    "sampler-in-process": "charbench eval -c {name}:anything -p pirate --lab {lab}",
    "trainer": "charbench train --all --trainer {name} --lab {lab}",
    "perturbation": "charbench eval -c tiny:base -p pirate --perturb {name} --lab {lab}",
    "reporter": "charbench eval -c tiny:base -p pirate --lab {lab} && charbench report --format {name} --lab {lab}",
    "personas": "charbench personas show {name} --lab {lab}",
    "observer": "charbench eval -c tiny:base -p pirate --lab {lab}",
    "command": "charbench eval -c tiny:base -p pirate --lab {lab} && charbench export --jsonl -O {lab}/samples.jsonl "
    "--lab {lab} && charbench {name} {lab}/samples.jsonl",
    "doctor-check": "charbench doctor --lab {lab}",
}
"""Each kind of plugin, and the command that uses one in a lab: an empty folder will do."""
