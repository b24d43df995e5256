"""The samples on the page: as small as they can be, with the evidence that is highlighted."""

from __future__ import annotations

import base64
import gzip
import io
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from charbench import ReportContent

MOST = 5_000
MOST_CHARS = 20_000
"""Of a longer text only the beginning is on the page."""
MOST_BYTES = 1_500_000
"""Of all samples, compressed: with the plots' code a page stays under 3 MB."""

_json = json.JSONEncoder(separators=(",", ":")).encode
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
        self.shown: list[str] = []
        """Each as JSON, which takes a quarter of the memory."""
        self.cut = 0
        """Texts of which only the beginning is shown."""
        self._marked: dict[tuple[int, str], int] = defaultdict(int)
        self._responses: dict[int, int] = defaultdict(int)

    @classmethod
    def of(cls, report: ReportContent) -> Samples:
        """Return some samples of each of a report's rows."""
        samples = cls(report.data["checkpoints"], report.data["metric"])
        samples.add_all(report.samples(MOST))
        return samples

    def add_all(self, samples: Iterable[Row]) -> None:
        """Take these samples."""
        for sample, scores in samples:
            for index in self._row_of.get(sample["sampler_path"], ()):
                self._add(index, sample, scores)

    @property
    def prompts(self) -> list[dict[str, str]]:
        """The prompts, in the order of their numbers."""
        return [{"name": name, "text": text} for name, text in self._prompts]

    def markers(self) -> list[dict[str, Any]]:
        """Return the share of each row's responses that have each marker; see :func:`.plots.plots`."""
        return [
            {
                "checkpoint": self._rows[index]["checkpoint"],
                "persona": self._rows[index]["persona"],
                "kind": self._rows[index]["kind"],
                "marker": marker,
                "share": count / self._responses[index],
            }
            for (index, marker), count in self._marked.items()
        ] + [
            {"checkpoint": row["checkpoint"], "persona": row["persona"], "kind": "base", "marker": "", "share": 0.0}
            for index, row in enumerate(self._rows)
            if row["kind"] == "base" and self._responses[index]
        ]

    def packed(self) -> tuple[str, int]:
        """Return the samples for the page, and how many of them did not fit.

        They are JSON, compressed by gzip, as base64: as many samples of each row as can be, never a part of one.
        """
        kept = self.shown
        while True:
            packed = self._compressed(kept)
            if len(packed) <= MOST_BYTES or len(kept) <= 1:
                return packed.decode(), len(self.shown) - len(kept)
            share = max(2.0, 1.1 * len(packed) / MOST_BYTES)
            kept = [one for index, one in enumerate(kept) if int(index / share) != int((index - 1) / share)]

    def _compressed(self, kept: Sequence[str]) -> bytes:
        """Return these samples, written piece by piece: all of them as one text take ten times the memory."""
        packed = io.BytesIO()
        with gzip.GzipFile("", "wb", 6, packed, mtime=0) as file:
            file.write(f'{{"prompts":{_json(self.prompts)},"samples":['.encode())
            for index, one in enumerate(kept):
                file.write(f",{one}".encode() if index else one.encode())
            file.write(b"]}")
        return base64.b64encode(packed.getbuffer())

    def _add(self, index: int, sample: Mapping[str, Any], scores: Sequence[Mapping[str, Any]]) -> None:
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
        self.shown.append(_json(shown))
        if sample["response"].strip():
            self._responses[index] += 1
            for marker in {span[4] for span in spans if span[0] == 0 and len(span) <= 6}:
                self._marked[index, marker] += 1


def _cut(text: str, most: int = MOST_CHARS) -> str:
    return text if len(text) <= most else text[:most] + " […]"
