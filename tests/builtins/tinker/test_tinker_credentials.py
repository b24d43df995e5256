"""Where Tinker's credential is from: a key, a JWT, a command that prints one, or what ``tinker auth login`` stored."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from charbench import Checkpoint, ConfigError, Prompt, SampleRequest, TrainingEvent, TrainingTask, redact
from charbench_plugins.samplers.tinker_native.sampler import TinkerNativeSampler
from charbench_plugins.tinker_sdk import doctor, key
from charbench_plugins.tinker_sdk.key import COMMAND, VARIABLE, credential, has_credential, required
from support.lab import sampler
from support.tinker_double import TinkerDouble
from support.tinker_training import BASE

TML = "tml-a-key-that-is-nobodys"


def jwt(expires: float | None = None, claims: Any = None) -> str:
    body = {"sub": "somebody"} | ({} if expires is None else {"exp": expires}) if claims is None else claims
    parts = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({"alg": "x"}, body))
    return ".".join([*parts, "c2lnbmF0dXJl"])


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Store this in place of what ``tinker auth login`` has stored."""
    file = tmp_path / "credentials.json"
    monkeypatch.setattr(key, "STORED", file)

    def store(content: Any) -> None:
        file.write_text(content if isinstance(content, str) else json.dumps(content))

    return store


def login(stored_key: str = TML) -> dict[str, Any]:
    """Return the file as the SDK writes it."""
    record = {"type": "manual", "key": stored_key, "name": "laptop", "note": None}
    return {"version": 1, "default": "k1", "keys": {"k0": {**record, "key": "tml-another"}, "k1": record}}


def test_the_login_is_read_as_the_sdk_stores_it(stored: Callable[[Any], None], tmp_path: Path) -> None:
    from tinker.lib.credentials import JsonCredentialStore, ManualKey

    assert (credential(), has_credential()) == (None, False)
    store = JsonCredentialStore(tmp_path / "credentials.json")
    store.add_key("k1", ManualKey(key=TML, name="laptop"))
    assert credential() is None, "no key is the default"
    store.set_default("k1")
    assert (required().token(), has_credential()) == (TML, True)


def test_a_key_comes_before_the_command_and_the_command_before_the_login(
    stored: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(login())
    assert required().source == str(key.STORED)
    monkeypatch.setenv(COMMAND, "printf tml-printed-by-a-command")
    assert (required().source, required().key) == (COMMAND, None)
    assert required().token() == "tml-printed-by-a-command"
    monkeypatch.setenv(VARIABLE, "tml-from-the-environment")
    assert (required().source, required().token()) == (VARIABLE, "tml-from-the-environment")
    monkeypatch.setenv(VARIABLE, "no key at all")
    assert required().source == COMMAND, "the SDK goes on to the command, too"


def test_a_jwt_is_a_credential_until_it_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    for good in (jwt(), jwt(time.time() + 3600)):
        monkeypatch.setenv(VARIABLE, good)
        assert required().token() == good
    monkeypatch.setenv(VARIABLE, jwt(time.time() - 1))
    with pytest.raises(ConfigError, match=f"^{VARIABLE} is not a Tinker key: the JWT has expired; get a new one"):
        required()


@pytest.mark.parametrize("bad", ["eyJ", "eyJhbGc.x", "eyJhbGc.!!.x", jwt(claims=[1])[:-20], "eyJ" + "A" * 40])
def test_half_a_jwt_is_refused_without_being_shown(monkeypatch: pytest.MonkeyPatch, bad: str) -> None:
    monkeypatch.setenv(VARIABLE, bad)
    with pytest.raises(ConfigError, match="is not a Tinker key: it starts as a JWT does and is none") as told:
        required()
    assert bad not in str(told.value)


@pytest.mark.parametrize("content", [[], {"default": "k1"}, {"default": 3, "keys": []}, {**login(), "default": "k9"}])
def test_a_file_without_a_default_key_is_no_login(stored: Callable[[Any], None], content: Any) -> None:
    stored(content)
    assert (credential(), has_credential()) == (None, False)


@pytest.mark.parametrize("content", ["", "{", login("hm")])
def test_a_stored_login_that_cannot_be_used_is_one_line(stored: Callable[[Any], None], content: Any) -> None:
    stored(content)
    with pytest.raises(ConfigError, match=r"; log in again: tinker auth login$") as told:
        credential()
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("exit 3", "the command printed nothing, and ended with 3"),
        ("echo hello", "what the command printed is no Tinker credential: it must start with tml-"),
    ],
)
def test_a_command_that_prints_no_credential_is_one_line(
    monkeypatch: pytest.MonkeyPatch, command: str, said: str
) -> None:
    monkeypatch.setenv(COMMAND, command)
    with pytest.raises(ConfigError, match=f"^{COMMAND}: {said}"):
        required().token()


def test_no_credential_is_shown_whatever_prints_it(
    stored: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    printed, given = jwt(time.time() + 60), jwt(time.time() + 90)
    assert redact(f"sent {printed}.") == "sent [redacted]."
    stored(login("tml-a(stored)key"))
    monkeypatch.setenv(VARIABLE, given)
    found = required()
    assert given not in repr(found)
    monkeypatch.delenv(VARIABLE)
    assert "stored" not in redact(f"refused: {required().token()}")


def test_the_sdk_runs_the_command_itself_and_is_given_what_is_stored(
    double: TinkerDouble,
    task: Callable[..., TrainingTask],
    train: Callable[..., list[TrainingEvent]],
    stored: Callable[[Any], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(VARIABLE)
    stored(login())
    train(task(), renderer="qwen3", project_id="proj-7")
    monkeypatch.setenv(COMMAND, "exit 1")
    train(task(), renderer="qwen3")
    assert double.keys == [TML, None]
    assert double.projects == ["proj-7", None]


def test_doctor_tells_where_the_credential_is_from(
    stored: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "SECONDS", 0.2)
    monkeypatch.setenv("TINKER_BASE_URL", "http://127.0.0.1:9")

    def first() -> tuple[str, str]:
        check = next(iter(doctor.look_at_tinker()))
        return check.what, check.state

    assert first() == (VARIABLE, "note")
    stored(login())
    assert first() == (str(key.STORED), "ok")
    monkeypatch.setenv(COMMAND, "exit 1")
    assert first() == (COMMAND, "bad")
    monkeypatch.setenv(VARIABLE, jwt(1.0))
    monkeypatch.delenv(COMMAND)
    assert first() == (VARIABLE, "bad")


def test_several_epochs_are_asked_for_in_one_request_and_the_prompt_counts_once(double: TinkerDouble) -> None:
    answers = iter(["A poet.<|im_end|>", "A sailor.<|im_end|>", "Nobody.<|im_end|>"])
    one = TinkerNativeSampler(TinkerNativeSampler.Config(tokenizer=BASE, renderer="qwen3", n=3))
    one.prepare(Path(), Path())
    assert one.epochs_at_once == 3
    double.answer = lambda _path, _prompt: one._tokenizer.encode(next(answers))  # type: ignore[union-attr]
    checkpoint = Checkpoint(uri=sampler(2, "x_sft"))
    requests = [SampleRequest(checkpoint=checkpoint, prompt=Prompt.from_text("Who?"), epoch=at) for at in range(3)]
    given = asyncio.run(one.sample_epochs(requests))
    assert [answer.text for answer in given] == ["A poet.", "A sailor.", "Nobody."]
    assert double.calls.count("sample") == 1
    prompt = len(double.prompts[0][1])
    assert [answer.usage.prompt_tokens for answer in given] == [prompt, 0, 0]
