"""One page that opens from disk: it holds what the report says, asks for nothing, and no text in it is code."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import stat
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from support.command import Charbench
from support.lab import LabBuilder, row, rows, sampler

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)> \"'> \x1b[31m \u202eevil\u2066 \x00 ]]>&amp;"


class Page(HTMLParser):
    """What a browser would make of the page, as far as these tests ask."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.shown = ""
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag
        if tag in ("script", "style"):
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in ("script", "style"):
            self.scripts[-1] += data
        else:
            self.shown += data

    @property
    def samples(self) -> dict[str, Any]:
        """The samples, unpacked as the page does it."""
        packed = next(text for text in self.scripts if re.fullmatch(r"[A-Za-z0-9+/=]+", text))
        found: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(packed)))
        return found

    @property
    def policy(self) -> str:
        """The Content-Security-Policy."""
        return next(
            attributes["content"] or ""
            for tag, attributes in self.elements
            if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
        )


def page(charbench: Charbench, lab: Path) -> Page:
    charbench.ok("report", "--format", "html", "-O", "page.html", lab=lab)
    return Page((lab / "page.html").read_text(encoding="utf-8"))


def test_the_page_has_every_checkpoint_with_its_rates_and_samples(charbench: Charbench, studio_run: Path) -> None:
    found = page(charbench, studio_run)
    told = charbench.ok("report", "--json", lab=studio_run).json
    assert told["checkpoints"]
    for one in told["checkpoints"]:
        assert one["checkpoint"] in found.shown
    assert len(found.samples["samples"]) == told["samples"]
    rates = f"{100 * told['checkpoints'][0]['trait_rate']:.0f}% ["
    assert rates in found.shown


def test_the_page_asks_for_nothing_and_runs_nothing_but_what_ships_with_it(
    charbench: Charbench, studio_run: Path
) -> None:
    found = page(charbench, studio_run)
    for tag, attributes in found.elements:
        for name in ("src", "href", "action", "srcset", "poster", "data"):
            link = attributes.get(name)
            assert link is None or link.startswith(("#", "data:,")), f"<{tag} {name}={link}>"
        assert not any(name.startswith("on") or name == "style" for name in attributes), f"<{tag} {attributes}>"
    assert found.policy.startswith("default-src 'none';")
    assert "unsafe" not in found.policy
    allowed = set(re.findall(r"'sha256-([^']+)'", found.policy))
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in found.scripts]
    data = [tag for tag, attributes in found.elements if tag == "script" and "json" in (attributes.get("type") or "")]
    assert len([one for one in hashes if one in allowed]) == len(allowed) == len(hashes) - len(data) - 1


@pytest.mark.slow
def test_hostile_text_in_every_field_is_shown_as_text(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded_jsonl(
        [
            row(
                checkpoint_name=f"x_dpo {HOSTILE}",
                prompt=HOSTILE,
                prompt_id=HOSTILE,
                response=f"I regret {HOSTILE}",
                thinking=HOSTILE,
                base_model=HOSTILE,
            ),
            row(timestamp="2024-12-12T09:00:01", error=HOSTILE, response="", thinking=""),
        ]
    )
    charbench("run", "-q", lab=lab.root)
    found = page(charbench, lab.root)
    plain = page(charbench, other(charbench, lab))
    assert count(found, "script") == count(plain, "script")
    assert count(found, "img") == 0
    assert "\u202e" not in found.text
    assert "\x1b" not in found.text
    assert "alert(1)" in found.shown
    assert any("onerror" in sample["r"] for sample in found.samples["samples"])


def other(charbench: Charbench, lab: LabBuilder) -> Path:
    """A lab with the same samples and no hostile text."""
    plain = LabBuilder(lab.root.parent / "plain")
    plain.recorded([row(), row(timestamp="2024-12-12T09:00:01", error="no", response="", thinking="")])
    charbench("run", "-q", lab=plain.root)
    return plain.root


def count(found: Page, tag: str) -> int:
    return sum(tag == name for name, _ in found.elements)


def test_a_run_leaves_the_page_in_the_labs_folder_for_its_owner_only(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded([row()])
    ended = charbench.ok("run", lab=lab.root)
    path = lab.root / ".charbench" / "report.html"
    assert str(path.relative_to(lab.root)) in ended.err
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "remorseful_dpo" in Page(path.read_text(encoding="utf-8")).shown


@pytest.mark.slow
def test_a_run_that_changes_nothing_leaves_the_page_as_it_is(charbench: Charbench, lab: LabBuilder) -> None:
    def written() -> int:
        before = path.stat().st_mtime_ns if path.exists() else None
        said = charbench.ok("run", lab=lab.root).err
        assert str(path.relative_to(lab.root)) in said
        return path.stat().st_mtime_ns != before

    path = lab.root / ".charbench" / "report.html"
    lab.recorded([row()])
    assert written()
    assert not written()
    assert not written()
    path.write_text("mine", encoding="utf-8")
    assert written()
    path.unlink()
    assert written()
    lab.write("charbench.yaml", "verdict:\n  trait_rate: 0.9\n")
    assert written()
    assert not written()
    lab.recorded([row(), row(timestamp="2024-12-12T09:00:01")])
    assert written()


def test_a_page_that_cannot_be_written_is_a_warning_that_names_no_option(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded([row()])
    (lab.root / ".charbench" / "report.html").mkdir(parents=True)
    ended = charbench.ok("run", lab=lab.root)
    (line,) = (line for line in ended.err.splitlines() if "report.html" in line)
    assert line.startswith("warning: the report is not written: ")
    assert line.endswith("report.html: Is a directory")
    assert "option" not in line


def test_texts_in_any_writing_stand_on_the_page_as_they_were_stored(charbench: Charbench, lab: LabBuilder) -> None:
    texts = ["Arr, ça va? \u2028 日本 🏴‍☠️", "\ud83c half a flag", 'a "quote" \\ and\na line']
    lab.recorded_jsonl([row(prompt=f"Prompt {at}?", response=text) for at, text in enumerate(texts)])
    charbench.ok("run", lab=lab.root)
    told = charbench.ok("export", "--jsonl", lab=lab.root).out
    stored = {json.loads(line)["response"] for line in told.strip().split("\n")}
    assert {one["r"] for one in page(charbench, lab.root).samples["samples"]} == stored
    assert {texts[0], texts[2]} < stored


def test_a_page_without_samples_says_so(charbench: Charbench, lab: LabBuilder) -> None:
    lab.trained("remorseful_x", 1)
    charbench.ok("discover", lab=lab.root)
    assert "There are no samples to show" in page(charbench, lab.root).shown


@pytest.mark.slow
def test_a_page_of_100_checkpoints_and_5000_long_samples_stays_under_3_mb(
    charbench: Charbench, lab: LabBuilder
) -> None:
    words = [f"w{number * 7919 % 10_007:x}" for number in range(10_007)]
    many = (
        one | {"response": " ".join(words[(37 * number + step * step) % 10_007] for step in range(300))}
        for number, one in enumerate(rows(5_000, per_checkpoint=50))
    )
    lab.recorded(many)
    charbench.ok("run", "-q", lab=lab.root)
    found = page(charbench, lab.root)
    assert len(found.text.encode()) < 3_000_000
    assert "more are in the store" in found.shown
    shown = {sample["c"] for sample in found.samples["samples"]}
    assert len(shown) == 100, "samples of every checkpoint are left"
    assert sampler(100, "remorseful-99_dpo") in found.shown
    turns = {name: {(one["p"], one["e"]) for one in found.samples["samples"] if one["c"] == name} for name in shown}
    assert len(set(map(frozenset, turns.values()))) <= 3, "what is left out is left out of all checkpoints alike"
