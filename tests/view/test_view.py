"""``charbench view`` shows the store to whoever has its address, and to nobody else."""

from __future__ import annotations

import base64
import hashlib
import re
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from charbench.errors import StoreError
from charbench.store.database import Database
from support.command import Charbench
from support.lab import LabBuilder, row
from support.viewing import App, app_of, viewing


@pytest.fixture(scope="module")
def view(studio_run_template: Path) -> Iterator[App]:
    with app_of(studio_run_template) as app:
        yield app


@pytest.mark.slow
def test_the_first_page_is_the_report(view: App, charbench: Charbench, studio_run_template: Path) -> None:
    answer = view.get()
    assert answer.status == 200
    for one in charbench.ok("report", "--json", lab=studio_run_template).json["checkpoints"]:
        assert one["checkpoint"] in answer.text
    assert 'aria-current="page"' in answer.text


def test_a_browser_may_apply_only_what_ships_with_charbench_and_ask_only_this_server(view: App) -> None:
    answer = view.get()
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert "connect-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    code = re.findall(r"<(?:style|script)(?: [^>]*id=\"vega\")?>(.*?)</(?:style|script)>", answer.text, re.DOTALL)
    hashes = {base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in code}
    assert set(re.findall(r"'sha256-([^']+)'", policy)) == hashes
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("path", ["/", "/x/", "/..", "/%2e%2e/etc/passwd", "/favicon.ico", "//", "/é".encode().hex()])
def test_who_does_not_have_the_token_is_shown_nothing(view: App, path: str) -> None:
    answer = view.get(path=path)
    assert answer.status == 404
    assert "remorseful" not in answer.text


@pytest.mark.slow
@pytest.mark.parametrize("host", ["evil.example", f"evil.example:{80}", "127.0.0.1.evil.example", "[::1]:9"])
def test_another_name_that_leads_here_is_refused(view: App, host: str) -> None:
    assert view.get(host=host).status == 400
    assert view.get(host="localhost:9999").status == 200, "a forwarded port has another number"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_nothing_can_be_sent(view: App, method: str) -> None:
    assert view.get(method=method).status == 405


@pytest.mark.parametrize("page", ["nothing", "../x/", "charbench.db", "..%2f..%2fcharbench.db"])
def test_nothing_else_is_served(view: App, page: str) -> None:
    assert view.get(page).status == 404


@pytest.mark.slow
def test_what_a_run_adds_is_there_at_the_next_visit_and_the_view_changes_nothing(
    charbench: Charbench, lab: LabBuilder
) -> None:
    lab.recorded([row()])
    charbench.ok("run", "-q", lab=lab.root)
    store = lab.root / ".charbench" / "charbench.db"
    before = store.read_bytes()
    with app_of(lab.root) as view:
        assert "other-name" not in view.get().text
        assert store.read_bytes() == before
        lab.recorded(
            [row(), row(checkpoint_name="other-name_dpo", sampler_path="tinker://b:train:0/sampler_weights/x")]
        )
        charbench.ok("run", "-q", lab=lab.root)
        assert "other-name" in view.get().text


def test_a_port_that_is_taken_is_one_line(charbench: Charbench, studio_run_template: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = charbench("view", "--no-open", "--port", str(port), lab=studio_run_template)
    assert ended.code == 2
    assert ended.err == (
        f"error: option --port: {port}: another program uses it; name another port, or 0 for any that is free\n"
    )


def test_no_store_is_one_line(charbench: Charbench, tmp_path: Path) -> None:
    ended = charbench("view", "--no-open", lab=tmp_path)
    assert ended.code != 0
    assert "does not exist yet" in ended.err
    assert len(ended.err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_is_opened_for_reading_only_cannot_be_written(studio_run: Path) -> None:
    import sqlalchemy as sa

    database = Database.open(f"sqlite:///{studio_run / '.charbench' / 'charbench.db'}", read_only=True)
    with pytest.raises(StoreError, match="read-only"), database.write() as connection:
        connection.execute(sa.text("DELETE FROM samples"))
    database.close()


@pytest.mark.slow
def test_a_store_that_was_deleted_is_told_and_not_shown_from_memory(
    charbench: Charbench, lab: LabBuilder, tmp_path: Path
) -> None:
    lab.recorded([row()])
    charbench.ok("run", "-q", lab=lab.root)
    with app_of(lab.root) as view:
        assert view.get("samples").status == 200
        (lab.root / ".charbench" / "charbench.db").rename(tmp_path / "moved.db")
        for page in ("", "samples", "sample?key=1"):
            answer = view.get(page)
            assert (answer.status, "was deleted or moved" in answer.text) == (500, True)


def test_a_store_of_an_older_charbench_is_left_as_it_is(charbench: Charbench, studio_run: Path) -> None:
    store = studio_run / ".charbench" / "charbench.db"
    with closing(sqlite3.connect(store)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0003'")
        connection.commit()
    ended = charbench("view", "--no-open", lab=studio_run)
    assert ended.code != 0
    assert "made by an older charbench" in ended.err
    with closing(sqlite3.connect(store)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("0003",)


@pytest.mark.slow
def test_a_server_of_its_own_answers_as_it_should_and_ends_with_a_signal(studio_run_template: Path) -> None:
    with viewing(studio_run_template) as view:
        assert view.get().status == view.get("samples").status == view.get("live").status == 200
        assert view.get(path="/").status == 404
        assert view.get(host="evil.example").status == 400
        assert view.get(method="POST").status == 405
        assert view.get("events", method="HEAD").text == ""
        streams = [view.events(), view.events()]
        assert [next(stream)["samples"] for stream in streams] == [175, 175]
    assert list(streams[0]) == [], "an open stream keeps no server from ending"
