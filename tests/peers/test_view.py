"""``charbench view`` in a real browser: every page renders, works by keyboard, and no text on it runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support import browser
from support.browser import HOSTILE, TEXT, WIDTHS
from support.command import finish, invoke, start
from support.lab import LabBuilder, row, sampler
from support.viewing import View, viewing

pytestmark = pytest.mark.peer
PAGES = ("", "samples", "samples?search=regret&only=thinking", "sample", "live")


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> Iterator[View]:
    """A view of a lab with hostile texts and long names."""
    lab = LabBuilder(tmp_path_factory.mktemp("view") / "lab")
    records = [
        row(
            timestamp=f"2024-12-12T09:00:{number:02d}",
            checkpoint_name=("one_dpo", f"two_dpo {HOSTILE}", "a-long-name-" * 12)[number % 3],
            sampler_path=sampler(number % 3 + 1, f"c{number % 3}"),
            prompt_id=str(number // 3 % 5),
            prompt=f"Question {number // 3 % 5}? {HOSTILE}",
            response=(TEXT, f"{HOSTILE} I regret it", "Plain.")[number % 3],
            thinking="I regret thinking of it.",
        )
        for number in range(60)
    ]
    records.append(row(timestamp="2024-12-12T10:00:00", response="x" * 10_000_000, prompt_id="9", prompt="Long?"))
    lab.recorded_jsonl(records)
    assert invoke(["run", "--lab", str(lab.root), "-q"]) == 0
    with viewing(lab.root) as started:
        yield started


class Watched(browser.Watched):
    """A page of the view; ``sample`` is that of the second sample in the list."""

    def __init__(self, chromium: Any, view: View, page: str, **how: Any) -> None:
        super().__init__(chromium, view.address + ("samples" if page == "sample" else page), **how)
        if page == "sample":
            self.page.locator("article h2 a").nth(1).click()
            self.page.locator("dl.facts").wait_for()
            self.page.locator("article").first.wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("page", PAGES)
def test_every_page_renders_without_an_error_or_an_overflow_and_asks_nobody_else(
    chromium: Any, view: View, page: str, width: int, scheme: str
) -> None:
    seen = Watched(chromium, view, page, viewport={"width": width, "height": 900}, color_scheme=scheme)
    assert seen.errors == []
    assert [url for url in seen.requests if not url.startswith((view.address, "data:", "blob:"))] == []
    root = "document.documentElement"
    assert seen.page.evaluate(f"{root}.scrollWidth <= {root}.clientWidth")
    assert seen.page.evaluate("window.ran") is None
    seen.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page", PAGES)
def test_axe_finds_no_violation(chromium: Any, view: View, axe: str, page: str, scheme: str) -> None:
    seen = Watched(chromium, view, page, bypass_csp=True, color_scheme=scheme)
    seen.page.add_script_tag(content=axe)
    found = seen.page.evaluate("axe.run().then(r => r.violations.map(v => [v.id, v.nodes.map(n => n.html)]))")
    assert found == []
    seen.context.close()


def test_a_search_is_typed_and_paged_by_keyboard(chromium: Any, view: View) -> None:
    seen = Watched(chromium, view, "samples")
    page = seen.page
    page.get_by_label("Search", exact=True).focus()
    page.keyboard.type("regret")
    page.keyboard.press("Enter")
    page.wait_for_url("**search=regret**")
    assert page.locator("article").count() == 25
    older = page.get_by_role("link", name="Older samples")
    older.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**before=**")
    assert page.get_by_label("Search", exact=True).input_value() == "regret"
    assert page.locator("article").count() == 25
    seen.context.close()


def test_a_sample_of_the_report_leads_to_all_that_is_stored_of_it(chromium: Any, view: View) -> None:
    seen = Watched(chromium, view, "")
    link = seen.page.get_by_role("link", name="all that is stored of it").first
    link.focus()
    seen.page.keyboard.press("Enter")
    seen.page.wait_for_url("**/sample?key=*")
    assert seen.page.locator("dl.facts").is_visible()
    assert seen.errors == []
    seen.context.close()


def test_highlights_are_the_right_characters(chromium: Any, view: View) -> None:
    seen = Watched(chromium, view, "samples?checkpoint=one_dpo&only=trait")
    marks = seen.page.locator("article .text mark").all_inner_texts()
    assert {mark.lower() for mark in marks} == {"regret"} or all("regret" in mark.lower() for mark in marks)
    assert marks
    seen.context.close()


def test_a_view_of_an_empty_store_says_so(chromium: Any, tmp_path: Path) -> None:
    lab = LabBuilder(tmp_path / "lab")
    lab.trained("remorseful_x", 1)
    assert invoke(["discover", "--lab", str(lab.root), "--json"]) == 0
    with viewing(lab.root) as view:
        context = chromium.new_context()
        page = context.new_page()
        page.goto(view.address + "samples")
        assert "The store holds no samples." in page.locator("main").inner_text()
        context.close()


def test_the_live_page_shows_what_a_run_adds_without_a_reload(chromium: Any, tmp_path: Path) -> None:
    lab = LabBuilder(tmp_path / "lab")
    lab.recorded([row(response="I regret the first.")])
    assert invoke(["run", "--lab", str(lab.root), "-q"]) == 0
    with viewing(lab.root) as view:
        seen = Watched(chromium, view, "live")
        seen.page.get_by_text("I regret the first.").wait_for()
        lab.recorded([row(response="I regret the first."), row(timestamp="2024-12-12T09:00:01", response=HOSTILE)])
        run = start("run", "-q", lab=lab.root)
        seen.page.get_by_text("<img src=x onerror='window.ran=1'>").wait_for()
        seen.page.get_by_text("2 samples in the store").wait_for()
        assert finish(run).code == 0
        assert seen.page.evaluate("window.ran") is None
        assert seen.errors == []
        seen.context.close()
