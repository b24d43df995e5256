from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from charbench_plugins.tinker_sdk import doctor
from support.command import Charbench
from support.tinker_faults import FaultyTinker, serving

KEY = "tml-seen-by-no-one"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyTinker]:
    with serving(FaultyTinker()) as server:
        monkeypatch.setenv("TINKER_API_KEY", KEY)
        monkeypatch.setenv("TINKER_BASE_URL", server.url + "/")
        yield server


def look(charbench: Charbench, lab: Path) -> dict[str, Any]:
    """Return what the doctor says, by what it looked at."""
    ended = charbench("doctor", "--json", lab=lab)
    assert KEY not in ended.out + ended.err
    found = {finding["what"]: finding for finding in ended.json}
    assert ended.code == int(any(finding["state"] == "bad" for finding in found.values()))
    return found


def test_a_server_in_order_is_named_with_its_models_and_its_clock(
    charbench: Charbench, server: FaultyTinker, tmp_path: Path
) -> None:
    found = look(charbench, tmp_path)
    assert (found["Tinker"]["state"], found["Tinker"]["text"]) == ("ok", "127.0.0.1 answers 200")
    assert (found["supported models"]["state"], found["supported models"]["text"]) == ("ok", "2")
    assert found["clock"]["state"] == "ok"
    assert found["tinker"]["text"][0].isdigit()
    assert server.asked == ["healthz", "get_server_capabilities"]


@pytest.mark.parametrize(
    ("status", "advice"), [(401, "make a new key"), (402, "no credit left"), (403, "make another one")]
)
def test_a_refused_key_is_told_apart_from_an_empty_account(
    charbench: Charbench, server: FaultyTinker, tmp_path: Path, status: int, advice: str
) -> None:
    server.fault = lambda what, _count: None if what == "healthz" else status
    finding = look(charbench, tmp_path)["supported models"]
    assert (finding["state"], finding["text"]) == ("bad", f"the key is refused ({status})")
    assert advice in finding["advice"]


def test_a_key_that_must_be_exchanged_for_a_token_is(
    charbench: Charbench, server: FaultyTinker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(server.at_once, "auth/token", {"jwt": "eyJ.token"})
    server.fault = lambda what, count: 401 if what == "get_server_capabilities" and count == 0 else None
    assert look(charbench, tmp_path)["supported models"]["text"] == "2"
    assert server.asked[-2:] == ["auth/token", "get_server_capabilities"]


def test_a_server_in_trouble_is_told(charbench: Charbench, server: FaultyTinker, tmp_path: Path) -> None:
    server.fault = lambda _what, _count: 503
    finding = look(charbench, tmp_path)["Tinker"]
    assert (finding["state"], finding["text"]) == ("bad", "127.0.0.1 answers 503")
    assert server.asked == ["healthz"]


def test_another_server_is_told(charbench: Charbench, server: FaultyTinker, tmp_path: Path) -> None:
    server.fault = lambda _what, _count: 404
    assert look(charbench, tmp_path)["Tinker"]["advice"] == "check TINKER_BASE_URL"


def test_a_closed_port_is_told(charbench: Charbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        monkeypatch.setenv("TINKER_API_KEY", KEY)
        monkeypatch.setenv("TINKER_BASE_URL", f"http://127.0.0.1:{held.getsockname()[1]}")
        finding = look(charbench, tmp_path)["Tinker"]
    assert "127.0.0.1 cannot be reached: [Errno 111] Connection refused" in finding["text"]
    assert finding["advice"] == "check the network and TINKER_BASE_URL"


def test_a_host_that_never_answers_costs_a_few_seconds_and_is_told(
    charbench: Charbench, server: FaultyTinker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 2 * doctor.SECONDS < 10  # two looks, and the rest of the doctor takes one
    monkeypatch.setattr(doctor, "SECONDS", 0.2)
    server.fault = lambda _what, _count: 0
    assert "cannot be reached" in look(charbench, tmp_path)["Tinker"]["text"]


def test_a_look_ends_in_time_even_where_the_network_code_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    never = threading.Event()
    monkeypatch.setattr(doctor, "SECONDS", 0.1)
    monkeypatch.setattr(doctor, "_ask", lambda *_arguments: never.wait())  # as looking up a name can
    monkeypatch.setenv("TINKER_API_KEY", KEY)
    found = list(doctor.look_at_tinker())
    never.set()
    assert (found[-1].what, found[-1].state) == ("Tinker", "bad")


def test_capabilities_that_never_come_leave_the_rest_standing(
    charbench: Charbench, server: FaultyTinker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "SECONDS", 0.5)
    server.fault = lambda what, _count: 0 if what == "get_server_capabilities" else None
    found = look(charbench, tmp_path)
    assert (found["Tinker"]["state"], found["supported models"]["state"], found["clock"]["state"]) == (
        "ok",
        "bad",
        "ok",
    )


def test_a_clock_that_is_off_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINKER_API_KEY", KEY)
    wrong = datetime.now(UTC) - timedelta(minutes=10)
    answer = doctor.HttpReply(200, b"{}", wrong)
    monkeypatch.setattr(doctor, "_ask", lambda *_arguments: answer)
    clock = {finding.what: finding for finding in doctor.look_at_tinker()}["clock"]
    assert (clock.state, clock.advice) == ("bad", "set the clock: keys and expiry depend on it")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "advice"),
    [
        ("sk-proj-1234567890", "it must start with tml-"),
        ("tml-", "it ends too soon after tml-; copy it whole"),
        ("tml-abcd 1234567890", "there is white space inside it; copy it as one word"),
        ("tml-abcd\u2026 1234567890", "there is white space inside it; copy it as one word"),
        ("tml-1234567890\u2026", "there is a character in it that no key has; copy it again"),
    ],
)
def test_a_key_of_the_wrong_form_is_told_and_nothing_asked(
    charbench: Charbench, server: FaultyTinker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str,
    advice: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("TINKER_API_KEY", key)
    found = look(charbench, tmp_path)
    assert (found["TINKER_API_KEY"]["state"], found["TINKER_API_KEY"]["advice"]) == ("bad", advice)
    assert server.asked == []
    listed = charbench("discover", "--source", "tinker", lab=tmp_path)
    assert f"TINKER_API_KEY is not a Tinker key: {advice}" in listed.err  # whoever uses it says the same
    assert "1234567890" not in str(found)


def test_no_key_is_a_note(charbench: Charbench, tmp_path: Path) -> None:
    found = look(charbench, tmp_path)
    assert found["TINKER_API_KEY"]["state"] == "note"
    assert "Tinker" not in found
