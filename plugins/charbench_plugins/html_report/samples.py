"""The samples on the page: as small as they can be, with the evidence that is highlighted."""

from __future__ import annotations

import base64
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from pydantic_core import to_json

from charbench import ReportContent
from charbench_plugins.html_report.highlight import JUDGES
from charbench_plugins.html_report.packed_texts import Texts

MOST = 5_000
MOST_CHARS = 20_000
"""Of a longer text only the beginning is on the page."""
MOST_BYTES = 1_500_000
"""Of all samples, compressed."""

_MOST_FOUND = 3
_LONGEST_FOUND = 40
"""Characters of a text that a marker found."""

Row = tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]


class Samples:
    """Samples in the page's own form, and what is counted of them on the way."""

    def __init__(self, rows: Sequence[Mapping[str, Any]], metric: str | None) -> None:
        """Take the report's rows, of which the samples are, and the metric that it ranks by."""
        self._row_of: dict[str, list[int]] = defaultdict(list)
        for index, row in enumerate(rows):
            for uri in row.get("checkpoint_uris", ()):
                self._row_of[uri].append(index)
        self._rows = rows
        self._metric = metric
        self._prompts: dict[tuple[str, str], int] = {}
        self.shown = Texts()
        """Each as JSON: an object for each row that it belongs to."""
        self._first: dict[str, int] = {}
        """Where the first sample of each checkpoint stands among ``shown``."""
        self._asked: Counter[tuple[str, tuple[str, str], str]] = Counter()
        self._turns: list[tuple[int, int]] = []
        """Of each sample: how many of its checkpoint answered its prompt before it, and the prompt's number."""
        self.cut = 0
        """Texts of which only the beginning is shown."""
        self._marked: dict[tuple[int, str], int] = defaultdict(int)
        self._found: dict[str, Counter[str]] = defaultdict(Counter)
        self._responses: dict[int, int] = defaultdict(int)

    @classmethod
    def of(cls, report: ReportContent) -> Samples:
        """Return some samples of each of a report's rows."""
        samples = cls(report.data["checkpoints"], report.data["metric"])
        samples.add_all(report.samples(MOST, zeros=False))
        return samples

    def add_all(self, samples: Iterable[Row]) -> None:
        """Take these samples."""
        for sample, scores in samples:
            if mine := [self._made(index, sample, scores) for index in self._row_of.get(sample["sampler_path"], ())]:
                self._first.setdefault(sample["sampler_path"], len(self.shown))
                prompt = sample["prompt_id"] or "", sample["prompt"]
                asked = sample["sampler_path"], prompt, sample["condition"]
                self._turns.append((self._asked[asked], self._prompts[prompt]))
                self._asked[asked] += 1
                self.shown.append(b",".join(mine))

    @property
    def prompts(self) -> list[dict[str, str]]:
        """The prompts, in the order of their numbers."""
        return [{"name": name, "text": text} for name, text in self._prompts]

    def markers(self) -> list[dict[str, Any]]:
        """Return the share of each row's responses that have each marker; see :func:`.plots.plots`."""
        called = self._called()
        return [
            {
                "checkpoint": self._rows[index]["checkpoint"],
                "persona": self._rows[index]["persona"],
                "kind": self._rows[index]["kind"],
                "marker": marker,
                "found": called[marker],
                "share": count / self._responses[index],
            }
            for (index, marker), count in self._marked.items()
        ] + [
            {
                "checkpoint": row["checkpoint"],
                "persona": row["persona"],
                "kind": "base",
                "marker": "",
                "found": "",
                "share": 0.0,
            }
            for index, row in enumerate(self._rows)
            if row["kind"] == "base" and self._responses[index]
        ]

    def _called(self) -> dict[str, str]:
        """Return what each marker found most often, which says more than its pattern; never one text for two."""
        called: dict[str, str] = {}
        for marker, found in self._found.items():
            name = ", ".join(text for text, _ in found.most_common(_MOST_FOUND)) or marker
            called[marker] = f"{name} ({marker})" if name in called.values() else name
        return called

    def packed(self, most: int = MOST_BYTES) -> tuple[str, int]:
        """Return the samples for the page, and how many of them did not fit into ``most`` bytes.

        They are JSON, compressed by gzip, as base64. What is left out are the later answers to each prompt, and then
        whole prompts, of all checkpoints alike, so that those that are read side by side have the same; the first
        sample of each checkpoint stays.
        """
        kept, many = self.shown, len(self.shown)
        rest = b',"prompts":%b}' % _json(self.prompts)
        while True:
            packed = base64.b64encode(kept.packed(rest))
            if len(packed) <= most or many <= 1:
                return packed.decode(), len(self.shown) - len(kept)
            many = max(1, int(many / max(1.1, 1.05 * len(packed) / most)))
            chosen = {*self._first.values(), *sorted(range(len(self.shown)), key=self._turns.__getitem__)[:many]}
            kept = Texts(one for place, one in enumerate(self.shown) if place in chosen)

    def _made(self, index: int, sample: Mapping[str, Any], scores: Sequence[Mapping[str, Any]]) -> bytes:
        """Return a sample as JSON for one row, and count its markers."""
        persona = self._rows[index]["persona"]
        mine = [score for score in scores if score["persona"] == persona]
        prompt = (sample["prompt_id"] or "", sample["prompt"])
        spans = [
            [0 if score["channel"] == "response" else 1, score["scorer"], *span]
            for score in mine
            for span in score.get("spans", ())
        ]
        values = [
            [score["scorer"], score["metric"], score["channel"], score["value"], _cut(score.get("why") or "", 600)]
            for score in mine
            if score["value"] is None or score["value"] or f"{score['scorer']}.{score['metric']}" == self._metric
        ]
        texts = [_cut(sample["response"]), _cut(sample["thinking"])]
        self._count(index, sample["response"], spans)
        self.cut += sum(len(text) > MOST_CHARS for text in (sample["response"], sample["thinking"]))
        shown = {
            "c": index,
            "p": self._prompts.setdefault(prompt, len(self._prompts)),
            "e": sample["epoch"],
            "s": sample["state"],
            "r": texts[0],
            "t": texts[1],
            "k": sample["key"],
            **({"x": _cut(sample["error"], 600)} if sample["error"] else {}),
            **({"d": sample["condition"]} if sample["condition"] != "default" else {}),
            "v": values,
            "m": spans,
        }
        return _json(shown)

    def _count(self, index: int, response: str, spans: Sequence[Sequence[Any]]) -> None:
        """Count a response, and the markers that count in it."""
        if not response.strip():
            return
        self._responses[index] += 1
        counting = [span for span in spans if span[0] == 0 and len(span) <= 6 and not JUDGES.search(span[1])]
        for marker, found in {span[4]: response[span[2] : span[3]] for span in counting}.items():
            self._marked[index, marker] += 1
            self._found[marker][_as_counted(found[:_LONGEST_FOUND])] += 1


@lru_cache(maxsize=2_000)
def _as_counted(found: str) -> str:
    """Return a text that a marker found without what a count of such texts does not tell apart."""
    return " ".join(found.casefold().split())


def _json(value: Any) -> bytes:
    """Return JSON without line breaks, in a quarter of the time that Python's own encoder takes.

    What it does not write, half a surrogate pair, is left to Python's.
    """
    try:
        return to_json(value)
    except ValueError:
        return json.dumps(value, separators=(",", ":")).encode()


def _cut(text: str, most: int = MOST_CHARS) -> str:
    return text if len(text) <= most else text[:most] + " […]"
