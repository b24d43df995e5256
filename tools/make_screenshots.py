"""Makes the pictures of README and docs: runs the quickstart and photographs its report, and the view, in Chromium.

pip install playwright==1.65.0 && python tools/make_screenshots.py
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

IMAGES = Path(__file__).parents[1] / "docs/images"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
CHARBENCH = [sys.executable, "-m", "charbench"]


@contextmanager
def viewing(lab: Path) -> Iterator[str]:
    """Serve the lab's store, as soon as it is there; yield the address."""
    address = ""
    while not address:
        view = subprocess.Popen(
            [*CHARBENCH, "view", "--no-open", "--lab", str(lab)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert view.stdout is not None
        address = view.stdout.readline().strip()
    try:
        yield address
    finally:
        view.send_signal(signal.SIGINT)
        view.wait()


def main() -> None:
    """Write the pictures."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        lab = Path(folder) / "lab"
        IMAGES.mkdir(exist_ok=True)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 1100, "height": 900}, device_scale_factor=1)
        run = subprocess.Popen([*CHARBENCH, "quickstart", lab.name, "-q"], cwd=folder, stdout=subprocess.DEVNULL)
        with viewing(lab) as address:
            page.goto(address + "live")
            page.locator("#losses svg").first.wait_for()
            page.wait_for_timeout(2500)
            page.screenshot(path=IMAGES / "live.png", clip={"x": 0, "y": 0, "width": 1100, "height": 880})
            if run.wait():
                sys.exit("quickstart has failed")
            page.goto(address + "samples?search=captain&only=trait")
            page.screenshot(path=IMAGES / "browse.png")
        page.goto((lab / ".charbench" / "report.html").as_uri())
        page.locator("article").first.wait_for()
        for place in page.locator("[data-plot]").all():
            place.scroll_into_view_if_needed()
            place.locator("svg").first.wait_for()
        page.evaluate("scrollTo(0, 0)")
        page.set_viewport_size({"width": 1280, "height": 1200})
        page.screenshot(path=IMAGES / "report.png")
        page.set_viewport_size({"width": 1100, "height": 900})
        page.locator("[data-side='0']").select_option(label="pirate-full_sft (pirate)")
        page.locator("[data-side='1']").select_option(label="tiny-base (pirate)")
        page.locator("#prompt").select_option(index=1)
        page.locator("#samples").screenshot(path=IMAGES / "samples.png")
        browser.close()


if __name__ == "__main__":
    main()
