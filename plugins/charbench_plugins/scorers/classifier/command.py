"""``charbench classifier``: what a learned persona goes by, and where it errs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from charbench import ConfigError, Measurement
from charbench_plugins.scorers.classifier.model import load_head


@click.group("classifier")
def classifier() -> None:
    """What the scorer classifier has learned."""


@classifier.command("show")
@click.argument("persona")
@click.option("--lab", type=click.Path(path_type=Path), default=Path(), help="Folder to look in. [default: .]")
@click.option("--json", "json_output", is_flag=True, help="Print JSON on stdout.")
def show(persona: str, lab: Path, *, json_output: bool) -> None:
    """Show the figures of a persona's classifier, the n-grams that carry it, its errors and border cases."""
    head = load_head(lab / ".charbench", persona)
    if head is None:
        raise ConfigError(
            f"no classifier of {persona!r} in {lab / '.charbench' / 'classifiers'}; "
            "learn one with: charbench score --scorer classifier"
        )
    if json_output:
        click.echo(json.dumps({name: head[name] for name in ("persona", "key", "threshold", "measured", "said")}))
        return
    measured, said = Measurement.from_json(head["measured"]), head["said"]
    for line in _figures(persona, measured, said):
        click.echo(line)
    half = len(said["terms"]) // 2
    for title, terms in (("For the character", said["terms"][:half]), ("Against it", said["terms"][half:])):
        click.echo(f"\n{title}: {', '.join(f'{_shown(term)} {weight:+.2f}' for term, weight in terms)}")
    titles = {"missed": "In character and missed", "flagged": "Out of character and flagged", "border": "Border cases"}
    for name, title in titles.items():
        click.echo(f"\n{title} (distance from the threshold):")
        for text, gap in said[name] or [["none", 0.0]]:
            click.echo(f"  {gap:+.2f}  {_shown(text)[:200]}")


def _figures(persona: str, measured: Measurement, said: dict[str, Any]) -> list[str]:
    recall, false = measured.recall, measured.false_rate
    between = " [{:.3f}, {:.3f}]".format(*measured.auc_interval) if measured.auc_interval else ""
    first = (
        f"{persona}: finds {recall.share:.0%} [{recall.low:.0%}, {recall.high:.0%}] of {recall.total:,} held-out texts "
        f"in character, hits {false.share:.1%} [{false.low:.1%}, {false.high:.1%}] of {false.total:,} others"
    )
    lines = [first, f"AUC {measured.auc:.3f}{between}"]
    if measured.has_few_negatives:
        lines.append(f"Only {false.total:,} independent texts out of character: up to {false.high:.1%} may be hit.")
    lines += [f"Hits of {kind}: {hits:,} of {count:,}" for kind, (hits, count) in said["flagged_by_kind"].items()]
    lines += [f"AUC of {what}: {value:.3f}" for what, value in said["auc_without"].items()]
    if said["confounded"]:
        lines.append("No rejected answers: it may tell the author of the data instead of the character.")
    return lines


def _shown(text: str) -> str:
    """Return text as one printable line: data is hostile."""
    return "".join(char if char.isprintable() else " " for char in text)
