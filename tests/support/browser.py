"""Pages in a real browser: what the tests of the report and of the view watch, and hostile texts for both."""

from __future__ import annotations

from typing import Any

WIDTHS = (380, 768, 1280)
HOSTILE = "</script><script>window.ran=1</script><img src=x onerror='window.ran=1'>\u202e\x1b[31m\x00"
TEXT = "👩‍👩‍👧 e\u0301 مرحبا I regret שלום it 🏴‍☠️"


class Watched:
    """A page with all that it said on the console and asked for."""

    def __init__(self, browser: Any, address: str, **how: Any) -> None:
        self.context = browser.new_context(**how)
        self.page = self.context.new_page()
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.errors.append(message.text))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(address)
        self.page.locator("article").first.wait_for()
