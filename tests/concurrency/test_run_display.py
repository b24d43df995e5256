"""One live display on a terminal, plain lines with totals elsewhere, nothing if quiet."""

from __future__ import annotations

import os
import pty
import re
import struct
import sys
import termios
import threading
from collections.abc import Callable
from fcntl import ioctl
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from charbench.concurrency import run_display
from charbench.concurrency.progress import Figures, Measured, clock_time
from charbench.concurrency.run_display import LiveDisplay, PlainDisplay, RunDisplay, showing_run
from support.command import clean_environment
from support.plugins import Site

NOISY = """
import sys
from charbench import CheckpointSource, hookimpl

class Noisy(CheckpointSource):
    "Says much."
    name = "noisy"

    def find(self, lab):
        print("printed by a plugin")
        sys.stderr.write("warned by a plugin\\n")
        return ()

@hookimpl
def charbench_checkpoint_sources():
    return [Noisy]
"""


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def busy(clock: Callable[[], float]) -> Measured:
    """A stage with all figures, ten seconds after it began."""
    measured = Measured("sampling (thinking)", 4_800, clock)
    measured.watch(lambda: Figures(3, 16, measured.done, 150 * measured.done, 0.42))
    return measured


def test_the_figures_are_what_happened_in_the_time_that_passed() -> None:
    clock = Clock()
    measured = busy(clock)
    measured.words()
    clock.now += 10
    measured.advance(120)
    assert measured.words() == [
        "120 done", "4,680 left", "3 failed", "16 in flight", "12.0 requests/s", "1,800 tokens/s", "cost 0.4200",
        "about 6:30 to go",
    ]  # fmt: skip
    assert measured.totals() == ["120 done", "3 failed", "120 requests", "18,000 tokens", "cost 0.4200", "in 0:10"]


def test_rates_are_those_of_the_last_half_minute_and_forget_what_was_there_before() -> None:
    clock = Clock()
    measured = Measured("sampling", 10_000, clock)
    measured.skip(9_000)
    for _ in range(100):
        clock.now += 1
        measured.advance(1)
        said = measured.words()
    assert said == ["9,100 done", "900 left", "about 15:00 to go"]
    for _ in range(60):
        clock.now += 1
        measured.advance(2)
        said = measured.words()
    assert said[-1] == "about 6:30 to go"


def test_without_a_total_or_time_nothing_is_made_up() -> None:
    clock = Clock()
    measured = Measured("scoring", None, clock)
    assert measured.words() == []
    clock.now += 60
    assert measured.words() == []
    measured.expect(0)
    assert measured.share is None


@pytest.mark.parametrize(("seconds", "said"), [(0, "0:00"), (59.6, "1:00"), (754, "12:34"), (11_106, "3:05:06")])
def test_times_are_written_so(seconds: float, said: str) -> None:
    assert clock_time(seconds) == said


@pytest.mark.slow
@given(st.integers(20, 200), st.lists(st.text(max_size=90), max_size=3))
def test_no_line_of_the_picture_is_wider_than_the_terminal(width: int, jobs: list[str]) -> None:
    display = LiveDisplay()
    display.console = Console(width=width, height=50)
    clock = Clock()
    for name in ("discovering", "a stage " * 12):
        with display.stage(name):
            pass
    for number, text in enumerate(jobs):
        display.row(f"pirate_run_{number}_sft", text)
    with display.stage("sampling (thinking)", 4_800) as progress:
        assert isinstance(progress, Measured)
        progress.clock, progress.started = clock, clock.now - 10
        progress.watch(lambda: Figures(3, 16, 120, 18_000, 0.42))
        progress.advance(1_200)
        with display.console.capture() as captured:
            display.console.print(display.picture())
    lines = captured.get().splitlines()
    assert all(cell_len(line) <= width for line in lines)
    shown = " ".join(line.strip() for line in lines)
    for figure in ("1,200 done", "3,600 left", "3 failed", "16 in flight", "cost 0.4200"):
        assert figure in shown


def test_in_a_pipe_there_are_lines_with_totals_of_what_takes_long(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    printed = threading.Event()

    class Heard(PlainDisplay):
        def line(self, text: str) -> None:
            super().line(text)
            printed.set()

    with Heard().stage("sampling", 10) as progress:
        progress.advance(10)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(run_display, "PLAIN_SECONDS", 0.01)
    with Heard().stage("sampling\x1b[31m", 10) as progress:
        progress.advance(4)
        assert printed.wait(30)
    first, *_, last = capsys.readouterr().err.splitlines()
    assert first == "sampling\\x1b[31m: 4 done, 6 left"
    assert last == "sampling\\x1b[31m: 4 done, in 0:00"
    printed.clear()
    with Heard().stage("scoring") as progress:  # nobody knows how much there is, and nothing is done yet
        assert printed.wait(30)
    assert capsys.readouterr().err.startswith("scoring: under way\n")


def test_the_display_is_the_one_that_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    with showing_run(quiet=True) as display:
        assert type(display) is RunDisplay
    with showing_run(quiet=False) as display:
        assert type(display) is PlainDisplay
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "dumb")
    with showing_run(quiet=False) as display:
        assert type(display) is PlainDisplay


@pytest.mark.slow
@pytest.mark.parametrize("width", [80, 160])
def test_on_a_terminal_a_run_shows_its_stages_and_leaves_no_trace_of_them(studio: Path, site: Site, width: int) -> None:
    site.install("noisy", NOISY)
    out = on_a_terminal(
        [sys.executable, "-m", "charbench", "run", "--scorer", "keyword"], studio, width, {"NO_COLOR": "1", **site.env}
    )
    assert "now   discovering" in out
    for noise in ("printed by a plugin", "warned by a plugin"):
        assert re.search(rf"(\x1b\[2K|\n)(\x1b\[[\d;]*m)*{noise}\s", out), (
            "what a plugin says stands on a line of its own"
        )
    colours = {code for code in re.findall(r"\x1b\[([\d;]*)m", out) if re.search(r"\b[34]\d\b", code)}
    assert not colours
    assert "\x1b[2K" in out  # what was shown is erased
    after = out[out.rindex("\x1b[2K") :]
    assert "done  discovering" not in after
    assert "Report with plots and samples" in after


def on_a_terminal(words: list[str], folder: Path, width: int, env: dict[str, str]) -> str:
    """Return all that a command sends to a terminal of this width."""
    environment = clean_environment({"TERM": "xterm-256color", "HOME": str(folder), **env})
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execvpe(words[0], words, environment)
    ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    seen = b""
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        seen += piece
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, seen.decode(errors="replace")
    return seen.decode("utf-8", "replace")
