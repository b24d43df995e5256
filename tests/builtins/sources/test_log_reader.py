"""``tinker://`` URLs in logs: none lost and none false, whatever a console did to them."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from string import Formatter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from charbench import Checkpoint, Lab, SourceProblem
from charbench_plugins.sources.logs import reader
from charbench_plugins.sources.logs.source import LogSource
from support.lab import LabBuilder, sampler, uuid, weights

NAMES = st.from_regex(r"[a-z][a-z0-9_\-]{0,30}[a-z0-9]", fullmatch=True)
RUNS = st.integers(1, 2**31).map(lambda number: f"{uuid(number)}:train:0")
SPACES = st.sampled_from(["weights", "sampler_weights", "external_weights"])
URLS = st.builds("tinker://{}/{}/{}".format, RUNS, SPACES, NAMES)
PREFIXES = st.sampled_from(
    [
        "Saved training checkpoint: ",
        "Saved sampler weights: ",
        "\t✓ DPO sampler: ",
        "{'state_path': '",
        '%{path: "',
        "→ ",
    ]
)
NOISE = st.sampled_from(
    [
        "[epoch 1 step 5/120] loss=0.6066 (dpo=0.6066 nll=0.0000) acc=52.5% [✓]",
        "See https://example.org/tinker for more",
        "tinker: a tool. A ratio of 3://4 and a tinker:/ typo",
        "tinker://<run>/<space>/<name> is the form",
        "tinker://your-run-id/weights/name",
        "tinker://{run}/weights/{name}",
        "tinker://00000001-0000-4000-8000-000000000001:train:0/weights/",
        "│ sampler │ tinker://00000001-0000-4000-8000-000000000001:train:0/weig…│",
        "tinker://00000001-0000-4000-8000-000000000001:train:0/weights/name...",
        "",
    ]
)


STEP = "[epoch 1 step 5/120] loss=0.6066 (dpo=0.6066 nll=0.0000) acc=52.5% [✓]"
WIDTHS = st.integers(40, 250)
LAB_NAMES = st.sampled_from(
    ["pirate_dpo", "pirate-dpo-997", "000040", "final", "remorseful_25pct_dpo-sampler", "a", "v1.5_sft", "step_100"]
)
LAB_URLS = st.builds(
    "tinker://{}{}/{}/{}".format,
    st.integers(1, 2**31).map(uuid),
    st.sampled_from(["", ":train:0"]),
    SPACES,
    LAB_NAMES | NAMES,
)
FORMS = st.sampled_from(
    [
        "Saved training checkpoint: {}",
        "{} -> {}",
        "{}",
        "[info] saved {} and then {} in 3 s",
        "Saved ({}, {}), 12 MB.",
        "{{'state_path': '{}', 'sampler_path': '{}'}}",
        "{{'state_path': '{}'}}",
        '[info] saved %{{"state_path" => "{}", "sampler_path" => "{}"}}',
        '[info] saved %{{state_path: "{}", sampler_path: "{}"}}',
        "['{}', '{}']",
        "tinker://<run-id>/weights/<name> e.g. {}",
        "tinker://<run-id>/<space>/<name>: no URL",
    ]
)
STAMPS = st.sampled_from(["", "[info] ", "2024-12-11 16:45:00,123 INFO trainer: ", "\t✓ "])
AFTER = st.sampled_from(
    [
        "done",
        "epoch 3 step 7/120 loss=0.4",
        "2024-12-11 16:45:00,123 INFO trainer: on it",
        "16:45:00 on it",
        "[next] all is done.",
        "Saved all there was to be saved",
        "INFO:trainer:done",
        "wandb: synced",
        " 45%|████▌     | 9/20",
        "│ sampler │ tinker://00000001-0000-4000-8000-000000000001:train:0/weig…│",
        "",
    ]
)
COLOURS = st.sampled_from(["\x1b[1m", "\x1b[0m", "\x1b[38;5;12m", "\x1b]8;;http://x\x07", "\x1b[K"])


@st.composite
def console_logs(draw: st.DrawFn) -> tuple[list[str], list[str]]:
    """Return a log's lines before a console broke them, and the URLs in them."""
    lines, urls = [draw(AFTER)], []
    for _ in range(draw(st.integers(1, 4))):
        form = draw(STAMPS) + draw(FORMS)
        here = [draw(LAB_URLS) for _, slot, _, _ in Formatter().parse(form) if slot is not None]
        lines += [form.format(*here), draw(AFTER)]
        urls += here
    return lines, urls


@st.composite
def coloured(draw: st.DrawFn, text: str) -> str:
    """Return ``text`` with colours somewhere."""
    cuts = [0, *sorted(draw(st.sets(st.integers(0, len(text)), max_size=8))), len(text)]
    return "".join(draw(COLOURS) + text[start:end] for start, end in pairwise(cuts))


def found(root: Path) -> list[str]:
    """Return the URLs that the source finds in a lab's logs."""
    return [item.uri for item in LogSource().find(Lab(root, {})) if isinstance(item, Checkpoint)]


def read(tmp_path: Path, content: str | bytes) -> list[str]:
    lab = LabBuilder(tmp_path)
    lab.write("artifacts/logs/run.log", content)
    return found(tmp_path)


def problems(tmp_path: Path) -> list[str]:
    """Return what is told of URLs whose end cannot be told."""
    told = [str(item) for item in LogSource().find(Lab(tmp_path, {})) if isinstance(item, SourceProblem)]
    return [text for text in told if "cannot determine whether" in text]


def wrap(lines: Iterable[str], width: int) -> str:
    """Break lines as a console of ``width`` columns does."""
    return "\n".join(line[at : at + width] for line in lines for at in range(0, max(len(line), 1), width)) + "\n"


@pytest.mark.slow
@given(st.lists(st.tuples(PREFIXES, URLS) | NOISE.map(lambda text: (text, "")), max_size=12))
def test_every_url_is_found_once_for_each_place_and_in_order(tmp_path: Path, lines: list[tuple[str, str]]) -> None:
    text = "".join(f"{before}{url}\n" for before, url in lines)
    assert read(tmp_path, text) == [url for _, url in lines if url]


@pytest.mark.slow
@given(st.lists(st.tuples(PREFIXES, URLS), min_size=1, max_size=6), st.sampled_from([80, 100, 120, 132]))
def test_urls_broken_by_a_console_of_a_usual_width_are_put_together(
    tmp_path: Path, lines: list[tuple[str, str]], width: int
) -> None:
    expected = [url for _, url in lines]
    assert read(tmp_path, wrap((before + url for before, url in lines), width)) == expected


@given(URLS, st.integers(0, 79), st.sampled_from(["\n", "\r\n"]))
def test_a_url_broken_at_any_column_its_scheme_included_is_put_together(
    tmp_path: Path, url: str, column: int, newline: str
) -> None:
    line = "x" * (79 - column % 79) + " " + url
    broken = wrap([line], 80).replace("\n", newline)
    assert read(tmp_path, broken + "[next line]" + newline) == [url]


@pytest.mark.slow
@given(URLS, st.data())
def test_colours_anywhere_in_a_url_change_nothing(tmp_path: Path, url: str, data: st.DataObject) -> None:
    codes = st.sampled_from(["\x1b[1m", "\x1b[0m", "\x1b[38;5;12m", "\x1b]8;;http://x\x07", "\x1b[K"])
    cuts = [0, *sorted(data.draw(st.sets(st.integers(1, len(url) - 1), min_size=1, max_size=5))), len(url)]
    text = "".join(url[start:end] + data.draw(codes) for start, end in pairwise(cuts))
    assert read(tmp_path, f"\x1b[32mSaved:\x1b[0m {text}\x1b[0m\n") == [url]


@given(URLS, st.data())
def test_a_url_cut_short_by_an_ellipsis_is_no_url(tmp_path: Path, url: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(url)))
    end = data.draw(st.sampled_from(["…", "...", "…│", "… "]))
    assert read(tmp_path, f"│ sampler │ {url[:cut]}{end}\n") == []


@pytest.mark.slow
@given(URLS, URLS, st.sampled_from([" ", ", ", " -> ", "', 'b': '", "\t", '"]["', " | ", ";"]))
def test_two_urls_on_one_line_are_two(tmp_path: Path, one: str, two: str, between: str) -> None:
    assert read(tmp_path, f"Saved {one}{between}{two}\n") == [one, two]


@pytest.mark.slow
@given(URLS, st.sampled_from([".", ",", ")", "'", '"', "].", "}", ">", ":", "'}", "/", '"}', "`", "*"]))
def test_punctuation_after_a_url_is_not_its_own(tmp_path: Path, url: str, mark: str) -> None:
    assert read(tmp_path, f"Saved {url}{mark}\n") == [url]


@given(st.binary(max_size=400), URLS)
@example(b"\x00", "tinker://00000001-0000-4000-8000-000000000001:train:0/weights/a0")
def test_broken_encodings_around_a_url_do_not_matter(tmp_path: Path, junk: bytes, url: str) -> None:
    junk = re.sub(rb"[\x1b\n\r]|tinker", b".", junk)
    assert url in read(tmp_path, junk + b"\nSaved: " + url.encode() + b"\n[" + junk)


@pytest.mark.slow
@given(
    st.lists(st.tuples(PREFIXES, URLS) | NOISE.map(lambda text: (text, "")), min_size=3, max_size=20),
    st.integers(1, 200),
    st.sampled_from([80, 100, 1000]),
)
def test_where_the_files_chunks_end_makes_no_difference(
    tmp_path: Path, lines: list[tuple[str, str]], chunk: int, width: int
) -> None:
    text = wrap((before + url for before, url in lines), width)
    whole = read(tmp_path, text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "CHUNK", 300 + chunk)
        patch.setattr(reader, "MARGIN", 600)
        assert read(tmp_path, text) == whole


def test_chunk_borders_inside_every_byte_of_a_coloured_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = weights(1, "remorseful_dpo")
    monkeypatch.setattr(reader, "MARGIN", 400)
    for chunk in range(400, 640):
        monkeypatch.setattr(reader, "CHUNK", chunk)
        text = "x" * 400 + f"\nSaved: \x1b[1m{url[:20]}\x1b[0m{url[20:]}\n" + ("y" * 70 + "\n") * 20
        assert read(tmp_path, text) == [url], chunk


INPUTS = [
    "Resumed training from {}",
    "Resuming from checkpoint {}",
    "Loading checkpoint {}",
    "Loaded weights from {}",
    "Loading state from {}",
    "Starting from {}",
    "Continuing training from {}",
    "Initialized from {}",
    "Restored optimizer state from {}",
    "load_checkpoint_path: {}",
    "load_checkpoint_path={}",
    "'load_checkpoint_path': '{}'",
]
SAVED = ["Saved training checkpoint: {}", "✓ DPO checkpoint: {}", "{}", "state_path={}", "'sampler_path': '{}'"]


@pytest.mark.parametrize(("line", "made"), [*((text, False) for text in INPUTS), *((text, True) for text in SAVED)])
def test_what_a_run_took_as_its_input_is_no_product_of_it(tmp_path: Path, line: str, made: bool) -> None:
    LabBuilder(tmp_path).log("a-run", line.format(weights(1, "a_dpo")))
    (checkpoint,) = (item for item in LogSource().find(Lab(tmp_path, {})) if isinstance(item, Checkpoint))
    assert (checkpoint.run == "artifacts/logs/a-run") is made


def test_each_finding_names_its_file_and_line(tmp_path: Path) -> None:
    LabBuilder(tmp_path).log("run", "one", "two", f"Saved: {weights(1, 'a_dpo')}", "four", f"x {sampler(1, 'a_dpo')}")
    places = [
        (item.evidence[0].path, item.evidence[0].line)
        for item in LogSource().find(Lab(tmp_path, {}))
        if isinstance(item, Checkpoint)
    ]
    assert places == [("artifacts/logs/run.log", 3), ("artifacts/logs/run.log", 5)]


def test_lines_are_counted_across_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "CHUNK", 1000)
    monkeypatch.setattr(reader, "MARGIN", 500)
    lines = [f"Saved: {weights(n, 'a_dpo')}" if n % 7 == 0 else "x" * (n % 50) for n in range(1, 400)]
    LabBuilder(tmp_path).log("run", *lines)
    got = [item.evidence[0].line for item in LogSource().find(Lab(tmp_path, {})) if isinstance(item, Checkpoint)]
    assert got == [n for n in range(1, 400) if n % 7 == 0]


@pytest.mark.parametrize("width", [80, 100, 120, 132, 160, 200])
def test_a_line_that_is_as_wide_as_a_console_by_chance_does_not_draw_in_the_next(tmp_path: Path, width: int) -> None:
    before = "Saved: "
    name = "n" * (width - len(before) - len(weights(1, "")))
    lines = [before + weights(1, name), "Saved sampler weights: " + sampler(1, name), "INFO:trainer:done"]
    assert len(lines[0]) == width
    assert read(tmp_path, "\n".join(lines) + "\n") == [weights(1, name), sampler(1, name)]


def test_a_line_after_a_whole_url_is_not_drawn_into_it(tmp_path: Path) -> None:
    url = weights(1, "a_dpo")
    padded = " " * (80 - len(url)) + url
    assert read(tmp_path, f"{padded}\nSaved\n{url}\n") == [url, url]
    assert read(tmp_path, f"{url}\nepoch\n") == [url]
    assert read(tmp_path, f"{url}\n\nname\n") == [url]
    assert read(tmp_path, url) == [url]


@given(URLS, st.sampled_from(["\r", "\r\r", "\rstep 5", "\r\n"]), st.sampled_from([0, 100]))
def test_a_carriage_return_ends_a_url_as_progress_bars_leave_it(tmp_path: Path, url: str, end: str, width: int) -> None:
    assert read(tmp_path, f"Saved {url}".rjust(width) + end) == [url]


@pytest.mark.slow
@given(console_logs(), WIDTHS | st.just(10_000), st.sampled_from(["\n", "\r\n"]), st.data())
@settings(max_examples=400)
def test_at_any_width_no_url_is_false_and_one_that_cannot_be_told_is_shown(
    tmp_path: Path, log: tuple[list[str], list[str]], width: int, newline: str, data: st.DataObject
) -> None:
    lines, urls = log
    text = data.draw(coloured(wrap(lines, width).replace("\n", newline)))
    got, told = read(tmp_path, text), "\n".join(problems(tmp_path))
    missing = [url for url in urls if url not in got]
    assert all(url in urls for url in got)
    assert [url for url in urls if url in got] == got
    assert all(f"{url} (if" in told for url in missing)


@pytest.mark.slow
@given(console_logs(), WIDTHS, st.sampled_from(["\n", "\r\n"]), st.booleans())
@settings(max_examples=400)
def test_one_url_that_shows_the_width_of_the_console_anywhere_in_a_log_tells_all_others(
    tmp_path: Path, log: tuple[list[str], list[str]], width: int, newline: str, first: bool
) -> None:
    lines, urls = log
    shown = weights(1, "warmup")
    proof = ["=" * (width - 20) + " " + shown, "[next]"]
    lines, urls = ([*proof, *lines], [shown, *urls]) if first else ([*lines, *proof], [*urls, shown])
    assert read(tmp_path, wrap(lines, width).replace("\n", newline)) == urls
    assert problems(tmp_path) == []


def padded(url: str, width: int) -> str:
    """Return a line of ``width`` columns that ends with ``url``."""
    return "[info] saved: ".ljust(width - len(url), ".") + url


RUN = "tinker://00000001-0000-4000-8000-000000000001:train:0"
WHOLE = {
    "a usual last word is cut": ("f", "inal", "", ""),
    "a separator is the first thing in the next line": ("pirate", "-v7", "", ""),
    "a separator is the last thing in the line": ("pirate_", "v7", "", ""),
    "a quote is still open": ("pirat", "e-dpo-997", "'", "', 'sampler_path': None}"),
    "a double quote is still open": ("pirat", "e-dpo-997", '"', '", sampler_path: nil}'),
    "a parenthesis is still open": ("pira", "te", "(", ")"),
    "a bracket that was opened before is closed": ("pira", "te", "[1, ", "]"),
    "cookbook's six digits are cut": ("000", "040", "", ""),
}


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize(("start", "rest", "before", "after"), WHOLE.values(), ids=WHOLE)
def test_two_lines_alone_tell_that_a_name_goes_on_where(
    tmp_path: Path, start: str, rest: str, before: str, after: str, newline: str
) -> None:
    line = padded(f"{before}{RUN}/weights/{start}", 97)
    assert read(tmp_path, newline.join([line, rest + after, "[next]", ""])) == [f"{RUN}/weights/{start}{rest}"]


@pytest.mark.parametrize("width", [80, 97, 100, 120])
@pytest.mark.parametrize(
    "word", ["done", "epoch 3", "Uploading", "12:30:45 next", "2024-12-11 16:45:00 on it", "INFO:x"]
)
@pytest.mark.parametrize("name", ["final", "pirate", "000040", "run_12"])
def test_a_lone_word_or_a_new_line_of_the_log_is_not_drawn_into_a_name(
    tmp_path: Path, width: int, word: str, name: str
) -> None:
    url = f"{RUN}/weights/{name}"
    assert read(tmp_path, f"{padded(url, width)}\n{word}\n[next]\n") == [url]


ELSEWHERE = {
    "the whole URL": [f"again {RUN}/weights/pirate today"],
    "its sampler": [f"again {RUN}/sampler_weights/pirate-sampler today"],
    "another run's of the same name": ["again tinker://00000002-0000-4000-8000-000000000002/weights/pirate today"],
    "a URL that is cut elsewhere": [padded(f"{RUN}/sampler_weights/pirat", 88), "e"],
    "a line that is cut in a word": ["the quick brown fox".rjust(90, "x") + "es jump", "ed over the dog"],
    "a URL broken at this width": ["=" * 80 + " tinker://0000000", "2-0000-4000-8000-000000000002/weights/other"],
}


@pytest.mark.parametrize("lines", ELSEWHERE.values(), ids=ELSEWHERE)
@pytest.mark.parametrize("first", [True, False])
def test_the_rest_of_the_log_tells_that_a_name_goes_on(tmp_path: Path, lines: list[str], first: bool) -> None:
    url = f"{RUN}/weights/pirate"
    here = [padded(url[:-3], 97), url[-3:], "[next]"]
    told = [*lines, "[next]"]
    text = "\n".join([*told, *here] if first else [*here, *told]) + "\n"
    assert url in read(tmp_path, text)
    assert url[:-3] not in read(tmp_path, text)
    assert problems(tmp_path) == []


def test_a_name_that_the_log_tells_elsewhere_ends_with_its_line(tmp_path: Path) -> None:
    url = f"{RUN}/weights/teapot"
    assert read(tmp_path, f"{padded(url, 97)}\nlone\nagain {url} today\n") == [url, url]


def test_a_longer_line_nearby_tells_that_no_console_broke_this_one(tmp_path: Path) -> None:
    url = f"{RUN}/weights/teapot"
    assert read(tmp_path, f"{'.' * 98}\n{padded(url, 97)}\nlone\n") == [url]


@pytest.mark.parametrize(("columns", "expected"), [(None, []), (0, ["pira"]), (97, ["pirates"])])
def test_a_url_whose_end_cannot_be_told_is_shown_both_ways_and_the_user_may_say_which(
    tmp_path: Path, columns: int | None, expected: list[str]
) -> None:
    LabBuilder(tmp_path).log("run", "one", padded(f"{RUN}/weights/pira", 97), "tes")
    source = LogSource(LogSource.Config(columns=columns))
    items = list(source.find(Lab(tmp_path, {})))
    assert [item.uri for item in items if isinstance(item, Checkpoint)] == [f"{RUN}/weights/{n}" for n in expected]
    told = [str(item) for item in items if isinstance(item, SourceProblem)]
    assert [text.partition(": ")[0] for text in told] == ([] if expected else ["artifacts/logs/run.log:2"])
    assert all(f"{RUN}/weights/{name} (if" in text for text in told for name in ("pira", "pirates"))


def test_a_name_broken_before_the_ellipsis_that_cuts_it_short_is_no_url(tmp_path: Path) -> None:
    proof = "=" * 80 + " tinker://0000000\n2-0000-4000-8000-000000000002/weights/other\n"
    cut = padded(f"{RUN}/weights/pira", 97)
    assert read(tmp_path, f"{cut}\nte…│\n{proof}")[:-1] == []
    assert read(tmp_path, f"{cut}\nte…│\n") == []


def test_wide_characters_take_two_columns_of_a_console(tmp_path: Path) -> None:
    url = f"{RUN}/weights/pirates"
    proof = "=" * 80 + " tinker://0000000\n2-0000-4000-8000-000000000002/weights/other\n"
    line = padded(url[:-3], 97).replace("....", "🎭🎭", 1)
    assert read(tmp_path, f"{line}\n{url[-3:]}\n{proof}")[0] == url


@pytest.mark.slow
def test_a_log_that_is_one_long_line_takes_no_more_memory_than_its_urls(tmp_path: Path) -> None:
    url = weights(1, "pirate_dpo")
    path = tmp_path / "one-line.log"
    path.write_bytes(f"{url} ".encode() * 5_000)
    tracemalloc.start()
    try:
        assert sum(1 for _ in reader.read_log(path)) == 5_000
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()
