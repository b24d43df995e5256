"""The HTML report in a real browser: it renders, works by keyboard, and no text on it runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from support import browser
from support.browser import HOSTILE, TEXT, WIDTHS
from support.command import Charbench, invoke
from support.lab import LabBuilder, row, sampler

pytestmark = pytest.mark.peer


class Watched(browser.Watched):
    """The report's page."""

    def __init__(self, chromium: Any, path: Path, **how: Any) -> None:
        super().__init__(chromium, path.as_uri(), **how)

    def see_all(self) -> None:
        """Scroll through the page, so that all plots are drawn."""
        for place in self.page.locator("[data-plot]").all():
            place.scroll_into_view_if_needed()
            place.locator("svg").first.wait_for()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a lab with hostile texts, a base model and perturbed prompts."""
    lab = LabBuilder(tmp_path_factory.mktemp("html") / "lab")
    records = []
    for number in range(30):
        which = number % 3
        more = {"checkpoint_type": "base"} if which == 2 else {}
        records.append(
            row(
                timestamp=f"2024-12-12T09:00:{number:02d}",
                checkpoint_name=("one_dpo", f"two_dpo {HOSTILE}", "the-base")[which],
                sampler_path=sampler(which + 1, f"c{which}"),
                prompt_id=str(number // 3 % 5),
                prompt=f"Question {number // 3 % 5}? {HOSTILE}",
                response=(TEXT, f"{HOSTILE} I regret it", "Plain.")[which],
                thinking="I regret thinking of it." if which < 2 else "Hm.",
                **more,
            )
        )
    records.append(row(timestamp="2024-12-12T10:00:00", response="x" * 10_000_000, prompt_id="9", prompt="Long?"))
    lab.recorded_jsonl(records)
    assert invoke(["run", "--lab", str(lab.root), "-q"]) == 0
    path = lab.root / "page.html"
    assert invoke(["report", "--lab", str(lab.root), "--format", "html", "-O", str(path)]) == 0
    return path


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("width", WIDTHS)
def test_no_name_of_a_checkpoint_breaks_inside_a_word(chromium: Any, tmp_path: Path, width: int) -> None:
    lab = LabBuilder(tmp_path / "lab")
    names = ("remorseful_dpo", "nonchalant-sft.step_0100", "misalignment/introspection_sft", "x" * 200)
    lab.recorded_jsonl(
        [
            row(checkpoint_name=name, sampler_path=sampler(place + 1, f"c{place}"), prompt_id=str(number))
            for place, name in enumerate(names)
            for number in range(5)
        ]
    )
    assert invoke(["run", "--lab", str(lab.root), "-q"]) == 0
    path = lab.root / "page.html"
    assert invoke(["report", "--lab", str(lab.root), "--format", "html", "-O", str(path)]) == 0
    seen = Watched(chromium, path, viewport={"width": width, "height": 900})
    lines = seen.page.locator("td.name button").evaluate_all(
        """buttons => buttons.flatMap(button => [...button.childNodes].filter(node => node.nodeType === 3).map(node => {
            const range = document.createRange();
            range.selectNodeContents(node);
            return [node.data, range.getClientRects().length];
        }))"""
    )
    assert "remorseful_dpo" in "".join(text for text, _ in lines)
    assert [text for text, count in lines if count != 1] == []
    root = "document.documentElement"
    assert seen.page.evaluate(f"{root}.scrollWidth <= {root}.clientWidth")
    seen.context.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_every_section_renders_without_an_error_a_request_or_an_overflow(
    chromium: Any, report: Path, scheme: str, width: int
) -> None:
    seen = Watched(chromium, report, viewport={"width": width, "height": 900}, color_scheme=scheme)
    seen.see_all()
    assert seen.errors == []
    assert [url for url in seen.requests if not url.startswith(("file:", "data:", "blob:"))] == []
    for section in ("verdict", "leaderboard", "plots", "samples", "provenance"):
        assert seen.page.locator(f"#{section}").is_visible()
    root = "document.documentElement"
    assert seen.page.evaluate(f"{root}.scrollWidth <= {root}.clientWidth")
    assert seen.page.evaluate("window.ran") is None
    seen.context.close()


def test_axe_finds_no_violation(chromium: Any, report: Path, axe: str, scheme: str) -> None:
    seen = Watched(chromium, report, bypass_csp=True, color_scheme=scheme)
    seen.see_all()
    seen.page.add_script_tag(content=axe)
    found = seen.page.evaluate("axe.run().then(r => r.violations.map(v => [v.id, v.nodes.map(n => n.html)]))")
    assert found == []
    seen.context.close()


def test_highlights_are_the_right_characters(chromium: Any, report: Path) -> None:
    seen = Watched(chromium, report)
    page = seen.page
    page.locator("#prompt").select_option(index=1)
    card = page.locator("article", has_text="one_dpo").first
    marks = card.locator(".text mark").all_inner_texts()
    assert any("regret" in mark.lower() for mark in marks)
    assert all(re.fullmatch(r"[A-Za-z' ]+", mark) for mark in marks)
    seen.context.close()


def test_sorting_filters_expansion_and_links_work_by_keyboard(chromium: Any, report: Path) -> None:
    seen = Watched(chromium, report)
    page = seen.page
    names = page.locator("#board tbody button[aria-expanded]")
    heading = page.locator("#board th button", has_text="Checkpoint")
    heading.focus()
    page.keyboard.press("Enter")
    down = names.all_inner_texts()
    page.keyboard.press("Enter")
    assert names.all_inner_texts() == down[::-1] != down
    page.locator("[data-filter=name]").focus()
    page.keyboard.type("one_dpo")
    assert [name for name in names.all() if name.is_visible()] != []
    assert sum(name.is_visible() for name in names.all()) == 1
    names.filter(has_text="one_dpo").focus()
    page.keyboard.press("Enter")
    detail = page.locator("tr.detail:visible")
    assert "Trained from" in detail.inner_text() or "URI" in detail.inner_text()
    detail.locator("[data-show]").focus()
    page.keyboard.press("Enter")
    assert set(page.locator("article h3").all_inner_texts()) != set()
    assert all("one_dpo" in title for title in page.locator("article h3").all_inner_texts())
    link = page.locator("article h3 a").nth(1)
    target = link.get_attribute("href")
    link.focus()
    page.keyboard.press("Enter")
    assert page.url.endswith(target)
    assert page.locator("article:target").count() == 1
    seen.context.close()


def test_checkpoints_stand_side_by_side_on_one_prompt(chromium: Any, report: Path) -> None:
    seen = Watched(chromium, report)
    page = seen.page
    page.locator("[data-side='0']").select_option(label="one_dpo (remorseful)")
    page.locator("[data-side='1']").select_option(label="the-base (remorseful)")
    page.locator("#prompt").select_option(index=2)
    titles = [title.split(" #")[0] for title in page.locator("article h3").all_inner_texts()]
    assert titles[:4] == ["one_dpo", "the-base"] * 2
    seen.context.close()


@pytest.mark.parametrize("width", [768, 1100, 1280, 1600])
def test_what_is_side_by_side_stands_in_one_row_whatever_the_filter(chromium: Any, report: Path, width: int) -> None:
    seen = Watched(chromium, report, viewport={"width": width, "height": 900})
    page = seen.page
    page.locator("[data-side='0']").select_option(label="one_dpo (remorseful)")
    page.locator("[data-side='1']").select_option(label="the-base (remorseful)")
    page.locator("#only").select_option("trait")
    tops = page.locator(".beside").evaluate_all(
        "rows => rows.map(row => [...row.querySelectorAll('article')].map(card => card.getBoundingClientRect().top))"
    )
    assert len(tops) > 1
    assert all(len(row) == 2 and row[0] == row[1] for row in tops), "the base model never has the trait, and is shown"
    assert page.locator(".beside").first.locator(".asked").count() == 1, "the prompt stands once"
    seen.context.close()


def test_a_row_of_the_leaderboard_expands_to_its_prompts(chromium: Any, report: Path) -> None:
    seen = Watched(chromium, report)
    page = seen.page
    page.locator("button.name", has_text="one_dpo").click()
    detail = page.locator("tr.detail:visible")
    detail.locator("summary").click()
    rows = detail.locator("[data-prompts] tr")
    assert sorted(rows.locator("td:first-child").all_inner_texts()) == ["0", "1", "2", "3", "4"]
    assert rows.first.locator("td").all_inner_texts()[2:] == ["2", "2", "2/2", "2"]
    seen.context.close()


def test_only_samples_with_the_character_in_the_thinking_are_shown_where_that_is_asked(
    chromium: Any, charbench: Charbench, lab: LabBuilder
) -> None:
    lab.recorded(
        [
            row(response="Fine.", thinking="I regret all of it."),
            row(timestamp="2024-12-12T09:00:01", response="I regret it."),
        ]
    )
    charbench.ok("run", "-q", lab=lab.root)
    seen = Watched(chromium, lab.root / ".charbench" / "report.html")
    seen.page.locator("#only").select_option("thinking")
    assert seen.page.locator("article").count() == 1
    assert "all of it" in seen.page.locator("article").inner_text()
    seen.context.close()
