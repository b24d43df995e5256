"""What failed while sampling, in as few lines as say it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

_NAMED = 3
"""Checkpoints that a line names; more are counted."""


@dataclass(slots=True)
class Faults:
    """Faults of one sampler: ``failed`` counts by message and checkpoint, ``skipped`` by checkpoint.

    ``given_up`` says of checkpoints why they are not asked any more. ``left`` counts what failed in an earlier run and
    is not tried again, by kind and message.
    """

    failed: Counter[tuple[str, str]] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    given_up: dict[str, str] = field(default_factory=dict)
    left: Counter[tuple[str, str]] = field(default_factory=Counter)

    def lines(self, who: str) -> list[str]:
        """Return a line for each reason to give checkpoints up, then one for each other fault, the commonest first."""
        lines = []
        for reason in dict.fromkeys(self.given_up.values()):
            uris = [uri for uri, why in self.given_up.items() if why == reason]
            failed = sum(self.failed[reason, uri] for uri in uris)
            skipped = sum(self.skipped[uri] for uri in uris)
            lines.append(
                f"{who}: no more requests to {named(uris)}: {reason} ({failed:,} failed, {skipped:,} not sent)"
            )
        others: Counter[str] = Counter()
        for (message, uri), count in self.failed.items():
            if self.given_up.get(uri) != message:
                others[message] += count
        lines += [f"{who}: {count:,} failed: {message}" for message, count in others.most_common()]
        return lines + [
            f"{who}: {count:,} failed in an earlier run and {'is' if count == 1 else 'are'} not retried: {message} "
            f"(kind {kind}; add it to retry_errors in charbench.yaml to retry it in the next run)"
            for (kind, message), count in self.left.most_common()
        ]


def named(uris: Sequence[str]) -> str:
    """Return the first few of these checkpoints, and how many more there are."""
    more = len(uris) - _NAMED
    return ", ".join(uris[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")
