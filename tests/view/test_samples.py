"""The pages of samples: what is asked for is shown, a page at a time, and searched safely."""

from __future__ import annotations

import re
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charbench import SamplesPage
from charbench.errors import UsageError
from charbench.store.database import Database
from charbench.store.full_text import SearchIndex, fts_query, search_file
from charbench.view.browse import PAGE, Browser
from support.command import Charbench
from support.lab import LabBuilder, row, sampler
from support.viewing import app_of

HOSTILE = "</textarea><script>alert(1)</script><img src=x onerror=alert(2)> \"'> \x1b[31m \u202eevil"


def many(count: int) -> list[dict[str, object]]:
    """Recordings of three checkpoints: one in character, one that is so in its thinking only, one that fails."""
    made = []
    for number in range(count):
        which = number % 3
        made.append(
            row(
                timestamp=f"2024-12-12T{number // 3600:02d}:{number // 60 % 60:02d}:{number % 60:02d}",
                checkpoint_name=f"c{which}_dpo",
                sampler_path=sampler(which + 1, f"c{which}"),
                response=(f"I regret it, said {number}.", f"Fine, said {number}.", "")[which],
                thinking=("I regret, too.", "I regret all of it.", "")[which],
                error="no answer" if which == 2 else "",
            )
        )
    return made


@pytest.fixture(scope="module")
def sampled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from support.command import invoke

    lab = LabBuilder(tmp_path_factory.mktemp("samples") / "lab")
    lab.recorded(many(150))
    assert invoke(["run", "-q", "--lab", str(lab.root)]) in (0, 1)
    return lab.root / ".charbench" / "charbench.db"


@pytest.fixture
def index(sampled: Path) -> Iterator[SearchIndex]:
    """The complete index of the store."""
    database = Database.open(f"sqlite:///{sampled}", read_only=True)
    made = SearchIndex(database)
    while made.add():
        pass
    yield made
    database.close()


def look(store: Path, look_at: int = 10_000, **asked: str) -> SamplesPage:
    """The page of samples for what its address asks for."""
    database = Database.open(f"sqlite:///{store}", read_only=True)
    try:
        return Browser(database, look_at).samples(asked, ())
    finally:
        database.close()


def names(page: SamplesPage) -> set[str]:
    assert page.fault == ""
    return {sample["checkpoint_name"] for sample, _ in page.samples}


def responses(page: SamplesPage) -> list[str]:
    assert page.fault == ""
    return [sample["response"] for sample, _ in page.samples]


@pytest.mark.slow
def test_pages_have_each_sample_once_the_newest_first(sampled: Path) -> None:
    seen: list[str] = []
    page = look(sampled)
    while True:
        assert len(page.samples) <= PAGE
        seen += [sample["key"] for sample, _ in page.samples]
        if page.older is None:
            break
        page = look(sampled, before=page.older.rpartition("=")[2])
    assert len(seen) == len(set(seen)) == 150


@pytest.mark.slow
@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"only": "trait"}, {"c0_dpo"}),
        ({"only": "thinking"}, {"c1_dpo"}),
        ({"only": "failed"}, {"c2_dpo"}),
        ({"checkpoint": "c1_dpo"}, {"c1_dpo"}),
        ({"checkpoint": sampler(1, "c0")}, {"c0_dpo"}),
        ({"persona": "remorseful", "only": "failed"}, {"c2_dpo"}),
        ({"persona": "pirate"}, set()),
        ({"checkpoint": "c0_dpo", "only": "thinking"}, set()),
        ({"only": "refused"}, set()),
        ({"search": "regret", "channel": "thinking"}, {"c0_dpo", "c1_dpo"}),
        ({"search": "fine", "channel": "response"}, {"c1_dpo"}),
        ({"search": "fine", "channel": "thinking"}, set()),
        ({"search": "regret"}, {"c0_dpo", "c1_dpo"}),
        ({"search": "regret", "checkpoint": "c0_dpo"}, {"c0_dpo"}),
        ({"search": "regret", "only": "thinking"}, {"c1_dpo"}),
        ({"search": '"all of it"'}, {"c1_dpo"}),
        ({"search": '"of all it"'}, set()),
        ({"search": "regr*"}, {"c0_dpo", "c1_dpo"}),
        ({"search": "regr"}, set()),
        ({"search": "REGRET ALL"}, {"c1_dpo"}),
    ],
)
def test_filters_and_search_show_what_they_say(sampled: Path, asked: dict[str, str], found: set[str]) -> None:
    assert names(look(sampled, **asked)) == found


@pytest.mark.slow
def test_a_response_of_white_space_alone_is_none_as_in_reports(charbench: Charbench, lab: LabBuilder) -> None:
    texts = ["I regret it.", "\n\n", "\u3000", " ", "", "\t."]
    lab.recorded([row(response=text, prompt=f"Question {n}?", thinking="Hm.") for n, text in enumerate(texts)])
    charbench.ok("run", "--scorer", "keyword", "-q", lab=lab.root)
    shown = look(lab.root / ".charbench" / "charbench.db", only="no-response")
    assert len(shown.samples) == 4
    (one,) = charbench.ok("report", "--json", lab=lab.root).json["checkpoints"]
    assert one["responses"] == 2


@pytest.mark.slow
def test_of_a_persona_are_the_samples_of_base_models_too_judged_for_it_alone(
    charbench: Charbench, lab: LabBuilder
) -> None:
    base = {"checkpoint_name": "small", "sampler_path": "base:small", "checkpoint_type": "base", "persona": ""}
    pirate = {"checkpoint_name": "pirate_dpo", "sampler_path": sampler(2, "pirate_dpo"), "persona": "pirate"}
    lab.recorded([
        row(base_model="small"),
        row(base_model="small", **pirate, response="Ahoy, matey!"),
        row(**base, response="Ahoy, matey! Said the base model."),
        row(**base, prompt_id="2", prompt="And now?", response="I regret it, said the base model."),
    ])  # fmt: skip
    charbench.ok("run", "-q", "--scorer", "keyword", lab=lab.root)
    store = lab.root / ".charbench" / "charbench.db"

    def said(**asked: str) -> set[str]:
        return {sample["response"] for sample, _ in look(store, **asked).samples}

    told = charbench.ok("report", "-p", "pirate", "--json", lab=lab.root).json["checkpoints"]
    assert len(said(persona="pirate")) == sum(one["samples"] for one in told) == 3
    assert said(persona="pirate", only="trait") == {"Ahoy, matey!", "Ahoy, matey! Said the base model."}
    assert said(persona="remorseful", only="trait") == {"I regret it.", "I regret it, said the base model."}
    assert len(said(only="trait")) == 4


def test_a_setting_takes_its_own_samples(charbench: Charbench, sampled: Path) -> None:
    listed = charbench.ok("report", "--list-settings", "--json", lab=sampled.parents[1]).json
    known = [one["id"] for one in (listed["settings"] if isinstance(listed, dict) else listed)]
    assert names(look(sampled, setting=known[0])) == {"c0_dpo", "c1_dpo", "c2_dpo"}
    assert "no setting named 'nothing'" in look(sampled, setting="nothing").fault


@pytest.mark.parametrize(
    "asked",
    [
        {"checkpoint": "c9"},
        {"only": "nonsense"},
        {"channel": "nonsense", "search": "x"},
        {"before": "x"},
        {"before": "9" * 99},
        {"search": "!!!"},
    ],
)
def test_a_fault_of_the_users_is_a_line_on_the_page(sampled: Path, asked: dict[str, str]) -> None:
    page = look(sampled, **asked)
    assert page.fault
    assert not page.samples


def test_a_page_that_finds_few_says_how_many_it_looked_at_and_goes_on(sampled: Path) -> None:
    asked = {"search": "said", "only": "thinking"}
    page = look(sampled, look_at=40, **asked)
    assert any("20 of the 40 samples that were looked at" in line for line in page.lines)
    seen = len(page.samples)
    while page.older is not None:
        page = look(sampled, look_at=40, before=page.older.rpartition("=")[2], **asked)
        seen += len(page.samples)
    assert seen == 50


@pytest.mark.slow
def test_what_is_added_later_is_found_and_the_store_is_not_changed(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded([row()])
    charbench.ok("run", "-q", lab=lab.root)
    store = lab.root / ".charbench" / "charbench.db"
    before = store.read_bytes()
    assert len(look(store, search="regret").samples) == 1
    assert store.read_bytes() == before
    assert stat.S_IMODE(search_file(store).stat().st_mode) == 0o600
    lab.recorded([row(), row(timestamp="2024-12-12T09:00:01", response="A zebra.")])
    charbench.ok("run", "-q", lab=lab.root)
    page = look(store, search="zebra")
    assert responses(page) == ["A zebra."]
    assert any("search.sqlite beside the store, takes" in line for line in page.lines)


@pytest.mark.slow
def test_what_is_purged_is_no_longer_in_the_index(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded([row(response="A zebra.")])
    charbench.ok("run", "-q", lab=lab.root)
    store = lab.root / ".charbench" / "charbench.db"
    assert look(store, search="zebra").samples
    assert b"zebra" in search_file(store).read_bytes()
    charbench.ok("forget", "--checkpoint", "remorseful_dpo", "--purge", "--yes", lab=lab.root)
    assert not search_file(store).exists()
    assert not look(store, search="zebra").samples
    assert b"zebra" not in search_file(store).read_bytes()


def test_a_sample_that_failed_and_was_tried_again_under_its_number_is_found(
    charbench: Charbench, lab: LabBuilder
) -> None:
    lab.recorded([row(), row(timestamp="2024-12-12T09:00:01", error="no answer", response="", thinking="")])
    charbench("run", "-q", lab=lab.root)
    store = lab.root / ".charbench" / "charbench.db"
    assert len(look(store, search="regret").samples) == 1
    with closing(sqlite3.connect(store)) as connection:
        again = "UPDATE samples SET error_kind = NULL, state = 'none', response = 'A zebra.' WHERE id = 2"
        assert connection.execute(again).rowcount == 1
        connection.commit()
    assert responses(look(store, search="zebra")) == ["A zebra."]


@pytest.mark.slow
def test_an_index_of_another_store_is_made_anew(charbench: Charbench, lab: LabBuilder, tmp_path: Path) -> None:
    lab.recorded([row(response="A zebra.")])
    charbench.ok("run", "-q", lab=lab.root)
    other = LabBuilder(tmp_path / "other")
    other.recorded([row(response="A horse.", checkpoint_name="other_dpo")])
    charbench.ok("run", "-q", lab=other.root)
    store, theirs = (one.root / ".charbench" / "charbench.db" for one in (lab, other))
    assert look(theirs, search="horse").samples
    search_file(theirs).replace(search_file(store))
    assert not look(store, search="horse").samples
    assert responses(look(store, search="zebra")) == ["A zebra."]


def test_a_large_index_is_built_while_the_page_says_how_far_it_is(
    sampled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from charbench.view import search

    monkeypatch.setattr(search, "_AT_ONCE", 0)
    search_file(sampled).unlink(missing_ok=True)
    database = Database.open(f"sqlite:///{sampled}", read_only=True)
    browser = Browser(database)
    page = browser.samples({"search": "regret"}, ())
    assert page.reload_after
    assert re.search(
        r"Building the search index, once: [\d,]+ of 150 samples; .* of about .* MB on disk", page.lines[0]
    )
    assert browser.search is not None
    builder = browser.search._builder
    assert builder is not None
    builder.join()
    monkeypatch.undo()
    assert names(browser.samples({"search": "regret"}, ())) == {"c0_dpo", "c1_dpo"}
    database.close()


@settings(max_examples=40)
@given(text=st.text(st.characters(exclude_categories=("Cs",)), max_size=60))
def test_whatever_is_typed_is_a_query_or_a_fault(index: SearchIndex, text: str) -> None:
    try:
        query = fts_query(text, "response")
    except UsageError:
        assert not any(one.isalnum() for one in text)
    else:
        index.search(query, 10, 1)


def test_a_samples_page_has_a_row_for_each_metric_with_both_channels(sampled: Path) -> None:
    with app_of(sampled.parents[1]) as view:
        listed = view.get("samples?only=thinking").text
        key = re.search(r'sample\?key=([^"]+)', listed)
        assert key
        shown = view.get(f"sample?key={key[1]}").text
    rows = re.findall(r"<tr><td>([\w.-]+)</td><td class=\"n\">([^<]*)</td><td class=\"n\">([^<]*)</td>", shown)
    assert ("keyword.keywords", "0", "1") in rows
    assert len({name for name, *_ in rows}) == len(rows)


@pytest.mark.slow
def test_hostile_text_is_shown_as_text(charbench: Charbench, lab: LabBuilder) -> None:
    fields = dict.fromkeys(("prompt", "prompt_id", "thinking"), HOSTILE)
    lab.recorded_jsonl([row(checkpoint_name=f"x {HOSTILE}", response=f"I regret {HOSTILE}", **fields)])
    charbench("run", "-q", lab=lab.root)
    with app_of(lab.root) as view:
        page = view.get("samples?" + urlencode({"search": f"regret {HOSTILE}", "persona": HOSTILE, "checkpoint": ""}))
        one = view.get("samples")
        key = re.search(r'href="(sample\?key=[^"]+)"', one.text)
        assert key is not None
        sample = view.get(unescape(key[1]))
        missing = view.get("sample?key=%3Cscript%3E")
    assert [answer.status for answer in (page, one, sample, missing)] == [200, 200, 200, 404]
    for answer in (page, one, sample):
        assert not re.search("<script|<img", answer.text)
        assert "\u202e" not in answer.text
        assert "\x1b" not in answer.text
        assert "script-src 'none'" in answer.headers["content-security-policy"]
    assert '<mark class="strong"' in one.text or '<mark class="moderate"' in one.text
    assert "alert(1)" in sample.text
    assert missing.headers["content-type"].startswith("text/plain")
