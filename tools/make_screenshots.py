"""Makes the pictures of README and docs: runs the quickstart and photographs its report in Chromium.

pip install playwright==1.65.0 && python tools/make_screenshots.py
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

IMAGES = Path(__file__).parents[1] / "docs/images"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


def main() -> None:
    """Write the pictures."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        lab = Path(folder) / "lab"
        subprocess.run([sys.executable, "-m", "charbench", "quickstart", str(lab), "-q"], check=True)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 1100, "height": 900}, device_scale_factor=1)
        page.goto((lab / ".charbench" / "report.html").as_uri())
        page.locator("article").first.wait_for()
        for place in page.locator("[data-plot]").all():
            place.scroll_into_view_if_needed()
            place.locator("svg").first.wait_for()
        page.evaluate("scrollTo(0, 0)")
        IMAGES.mkdir(exist_ok=True)
        page.screenshot(path=IMAGES / "report.png")
        page.locator("[data-side='0']").select_option(label="pirate-full_sft (pirate)")
        page.locator("[data-side='1']").select_option(label="tiny-base (pirate)")
        page.locator("#samples").screenshot(path=IMAGES / "samples.png")
        browser.close()


if __name__ == "__main__":
    main()
