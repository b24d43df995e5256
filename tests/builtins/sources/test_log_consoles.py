"""What rich prints is read whole; inputs are no products; the parent is the input before the save."""

from __future__ import annotations

from pathlib import Path

import pytest

from charbench_plugins.sources.logs.reader import scan_log
from support.lab import weights

URL = weights(1, "remorseful-panel_dpo")


def urls(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "remorseful-x.log"
    path.write_text(text)
    return [str(url.path) for url in scan_log(path).urls]


@pytest.mark.parametrize("width", [60, 78, 97])
@pytest.mark.parametrize(("left", "right"), [("│ ", " │"), ("┃  ", "  ┃"), ("│ dpo │ ", " │")])
def test_a_url_in_a_box_is_read_whole(tmp_path: Path, width: int, left: str, right: str) -> None:
    space = " " * len(left.rstrip("│ ")) if "dpo" in left else ""
    parts = [URL[at : at + width] for at in range(0, len(URL), width)]
    first, *rest = [part.ljust(width) for part in ["Saved:", *parts]]
    blank = left.replace("dpo", "   ") if space else left
    text = "\n".join([f"{left}{first}{right}", *(f"{blank}{part}{right}" for part in rest)])
    assert urls(tmp_path, f"{text}\n") == [URL]


@pytest.mark.parametrize("width", [80, 100, 120])
def test_a_url_in_the_columns_of_a_log_record_is_read_whole(tmp_path: Path, width: int) -> None:
    place, head = "train.py:51", "[11/28/26 13:57:21] INFO     "
    room = width - len(head) - len(place) - 1
    parts = [URL[at : at + room] for at in range(0, len(URL), room)]
    lines = [head + "Saved:".ljust(room) + f" {place}", *(" " * len(head) + part.ljust(room + 12) for part in parts)]
    assert urls(tmp_path, "\n".join([*lines, f"{head}{'done'.ljust(room)} {place}", ""])) == [URL]


@pytest.mark.parametrize("key", ["state_path=tinker://x", "loss=0.3", "state_path: x", "https://x.org"])
def test_a_line_that_begins_with_a_key_or_a_url_never_continues_a_name(tmp_path: Path, key: str) -> None:
    url = weights(1, "pirate-step")
    assert urls(tmp_path, f"{url.rjust(80, '.').replace('.t', ' t')}\n{key}\n") == [url]


def test_the_parent_is_the_input_before_the_save_and_what_nobody_saved_is_unclear(tmp_path: Path) -> None:
    path = tmp_path / "run.log"
    one, two = weights(2, "a_dpo"), weights(3, "a_sft")
    said = [f"Saved: {one}", f"Loaded weights from {one}", f"Saved: {two}", f"base checkpoint: {URL}", URL]
    path.write_text("\n".join(said) + "\n")
    found = [(url.note, url.parent) for url in scan_log(path).urls]
    assert found == [("saved", None), ("input", None), ("saved", one), ("input", None), ("unclear", None)]


def test_one_line_of_schemes_is_looked_at_once_for_each(tmp_path: Path) -> None:
    assert urls(tmp_path, "tinker://" * 20_000 + f"\n{URL}\n") == [URL]
