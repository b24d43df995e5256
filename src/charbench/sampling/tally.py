"""What the sample stage did: counts, what failed in as few lines as say it, and remarks on how servers answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from charbench.domain.delimiters import probable_delimiter
from charbench.domain.sample import Sample, ThinkingState
from charbench.text.enumeration import short_list

_MAY_BE_THINKING = (
    "replies begin with {}, which may be thinking, and count as responses; if it is thinking, name it in the "
    "option thinking_tags"
)


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
                f"{who}: no more requests to {short_list(uris)}: {reason} ({failed:,} failed, {skipped:,} not sent)"
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


@dataclass(slots=True)
class SampleTally:
    """What the stage did: samples wanted, taken, failed and not asked; tokens; and faults for the user to read."""

    wanted: int = 0
    taken: int = 0
    failed: int = 0
    skipped: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    faults: Faults = field(default_factory=Faults)
    trace: str = ""
    remarks: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often each line about how a server answers came up, by checkpoint and line."""

    def remark(self, sample: Sample, remarks: Sequence[str]) -> None:
        """Note what a sampler remarks, and a response that begins with what may be thinking."""
        for line in remarks:
            self.remarks[sample.checkpoint, line] += 1
        if sample.state is ThinkingState.NONE and (tag := probable_delimiter(sample.response)):
            self.remarks[sample.checkpoint, _MAY_BE_THINKING.format(tag)] += 1

    def remark_lines(self) -> list[str]:
        """Return each remark once, with the checkpoints that it is about."""
        about: dict[str, list[str]] = {}
        for uri, line in self.remarks:
            about.setdefault(line, []).append(uri)
        return [f"{short_list(uris)}: {line}" for line, uris in about.items()]
