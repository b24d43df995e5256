"""How fast URLs are found in a large log, and whether every one is found where it stands.

    python benchmarks/log_discovery.py [MEGABYTES]

The log is console output, with URLs broken by the console's width, one after each of a URL's characters.
"""

from __future__ import annotations

import sys
import tempfile
import time
import uuid
from pathlib import Path

from charbench_plugins.sources.logs.reader import read_log
from measure import tell

WIDTHS = (80, 120)
"""Columns of the consoles; a URL longer than one is broken by the other."""
LINE = "[epoch 1 step {step:>7}/1000000] loss=0.4438 (dpo=0.4438 nll=0.0000) acc=57.5% [✓]\n"


def broken_urls() -> list[tuple[str, str]]:
    """Return (URL, as the console shows it): the line ends after each of the URL's characters once."""
    shown = []
    length = len(url_of(0))
    for cut in range(1, length):
        url = url_of(cut)
        width = next(width for width in WIDTHS if width > cut)
        shown.append((url, "." * (width - cut - 1) + " " + url[:cut] + "\n" + url[cut:] + "\n"))
    return shown


def url_of(number: int) -> str:
    run = uuid.UUID(int=number + (4 << 76) + (8 << 60))
    return f"tinker://{run}:train:0/sampler_weights/pirate_{number:03}_dpo-sampler"


def write_log(path: Path, megabytes: int) -> dict[str, int]:
    """Write the log; return the line on which each URL begins."""
    urls = broken_urls()
    block = "".join(LINE.format(step=step) for step in range(12_000)).encode()
    blocks = max(len(urls), megabytes * 1_000_000 // len(block))
    expected: dict[str, int] = {}
    line = 1
    with path.open("wb") as file:
        for number in range(blocks):
            file.write(block)
            line += block.count(b"\n")
            if number < len(urls):
                url, shown = urls[number]
                expected[url] = line
                file.write(shown.encode())
                line += shown.count("\n")
    return expected


def main(megabytes: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "big.log"
        expected = write_log(path, megabytes)
        size = path.stat().st_size / 1e6
        seconds = []
        for _ in range(3):
            started = time.perf_counter()
            found = {str(url.path): url.line for url in read_log(path)}
            seconds.append(time.perf_counter() - started)
    met = tell(f"log discovery, {size:,.0f} MB, best of 3", size / min(seconds), "MB/s", at_least=300)
    right = sum(found.get(url) == line for url, line in expected.items())
    met &= tell(f"URLs found on their line, of {len(expected)}", right, "URLs", at_least=len(expected))
    met &= tell("URLs found that are not there", len(found.keys() - expected.keys()), "URLs", at_most=0)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000))
