"""What rich prints is read whole; inputs are no products; the parent is the input before the save."""

from __future__ import annotations

from pathlib import Path

import pytest

from charbench import LabFile
from charbench_plugins.sources.logs.reader import scan_log
from support.lab import weights

URL = weights(1, "remorseful-panel_dpo")


def urls(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "remorseful-x.log"
    path.write_text(text)
    return [str(url.path) for url in scan_log(LabFile.at(path, path.name)).urls]


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


@pytest.mark.parametrize(
    "key", ["state_path=tinker://x", "tinker: a tool", "loss=0.3", "state_path: x", "https://x.org"]
)
def test_a_line_that_begins_with_a_key_or_a_url_never_continues_a_name(tmp_path: Path, key: str) -> None:
    url = weights(1, "pirate-step")
    assert urls(tmp_path, f"{url.rjust(80, '.').replace('.t', ' t')}\n{key}\n") == [url]


def test_the_parent_is_the_input_before_the_save_and_what_nobody_saved_is_unclear(tmp_path: Path) -> None:
    path = tmp_path / "run.log"
    one, two = weights(2, "a_dpo"), weights(3, "a_sft")
    said = [f"Saved: {one}", f"Loaded weights from {one}", f"Saved: {two}", f"base checkpoint: {URL}", URL]
    path.write_text("\n".join(said) + "\n")
    found = [(url.note, url.parent) for url in scan_log(LabFile.at(path, path.name)).urls]
    assert found == [("saved", None), ("input", None), ("saved", one), ("input", None), ("unclear", None)]


def test_one_line_of_schemes_is_looked_at_once_for_each(tmp_path: Path) -> None:
    assert urls(tmp_path, "tinker://" * 20_000 + f"\n{URL}\n") == [URL]


def cut_short(tmp_path: Path, text: str) -> list[tuple[int, str]]:
    path = tmp_path / "remorseful-x.log"
    path.write_text(text)
    return [(cut.line, cut.text) for cut in scan_log(LabFile.at(path, path.name)).cut_short]


@pytest.mark.parametrize(("before", "after"), [("│ dpo │ ", "…│"), ("Saved: ", "..."), ("", "…")])
def test_a_url_that_an_ellipsis_cuts_short_is_told_with_its_line(tmp_path: Path, before: str, after: str) -> None:
    assert cut_short(tmp_path, f"on it\n{before}{URL[:-8]}{after}\n") == [(2, URL[:-8])]


def test_a_cut_url_that_stands_there_whole_is_not_told_and_a_placeholder_is_none(tmp_path: Path) -> None:
    assert cut_short(tmp_path, f"│ {URL[:-8]}…│\nSaved: {URL}\nuse tinker://... or tinker://<run>/…\n") == []


def test_a_scheme_broken_over_three_lines_of_a_narrow_column_is_read(tmp_path: Path) -> None:
    text = f"checkpoint_path={URL}"
    parts = [text[at : at + 6] for at in range(0, len(text), 6)]
    head, place = "[11/28/26 13:57:21] INFO     ", " a_long_module_name.py:22"
    rest = "".join(f"{' ' * len(head)}{part.ljust(6)}{' ' * len(place)}\n" for part in parts[1:])
    assert urls(tmp_path, f"{head}{parts[0]}{place}\n{rest}{head}done  {place}\n") == [URL]


def test_a_name_broken_after_its_hyphen_goes_on_with_any_word(tmp_path: Path) -> None:
    url, head, place = weights(1, "remorseful-step"), "[11/28/26 13:57:21] INFO     ", " train.py:51"
    room = len(url) - len("step")
    lines = [f"{head}{'Saved:'.ljust(room)}{place}", *(" " * len(head) + part for part in (url[:room], "step"))]
    assert urls(tmp_path, "\n".join([*lines, f"{head}{'done'.ljust(room)}{place}", ""])) == [url]


def test_a_line_that_was_written_over_is_read_as_it_looks(tmp_path: Path) -> None:
    assert urls(tmp_path, f"Resumed training from {URL[:-2]}\rpo\nSaved: {URL}\n")[-1] == URL
