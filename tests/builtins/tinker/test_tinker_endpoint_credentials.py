"""Tinker's OpenAI-compatible endpoint is sent each credential that the SDK takes, and one that expires is made anew."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web

from charbench import DefaultEndpoint
from charbench_plugins.samplers.thinking.sampler import TINKER, ThinkingSampler
from charbench_plugins.tinker_sdk import key
from charbench_plugins.tinker_sdk.key import COMMAND, VARIABLE
from support.command import Charbench
from support.endpoint import Body, Endpoint, answers, write_prompts

URI = "tinker://12345678-1234-4234-8234-123456789abc:train:0/sampler_weights/final"
RUN = ("eval", "-c", URI, "-p", "pirate", "--sampler", "thinking", "--scorer", "keyword", "--prompts", "prompts.txt",
       "-o", "sampler.thinking.tries=1", "-o", "sampler.thinking.concurrency=1", "--json")  # fmt: skip
PROMPTS = 6


def jwt(name: str, seconds: float) -> str:
    """Return a JWT that expires in so many seconds."""
    parts = ({"alg": "x"}, {"sub": name, "exp": time.time() + seconds})
    return ".".join(
        [*(base64.urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=") for one in parts), "c2ln"]
    )


@pytest.fixture
def sent(endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What each request to Tinker, which the endpoint stands in for, was authorized with."""
    here = DefaultEndpoint(endpoint.url, TINKER.owner, TINKER.api_key_env, TINKER.key_prefix, TINKER.find_key)
    monkeypatch.setattr(ThinkingSampler, "default_endpoints", (here,))
    write_prompts(tmp_path / "prompts.txt", PROMPTS)
    sent: list[str] = []

    async def handle(request: web.Request, body: Body) -> web.StreamResponse:
        sent.append(request.headers["Authorization"].removeprefix("Bearer "))
        return await answers(request, body)

    endpoint.handler = handle
    return sent


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Set the token that the user's command prints; ``calls`` has a line for each time that it ran."""
    token = tmp_path / "token"
    monkeypatch.setenv(COMMAND, f"echo >> {tmp_path / 'calls'}; cat {token}")

    def prints(text: str) -> None:
        token.write_text(text)

    return prints


def calls(folder: Path) -> int:
    return len((folder / "calls").read_text().splitlines())


def test_a_jwt_in_the_variable_is_sent(
    charbench: Charbench, tmp_path: Path, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    token = jwt("me", 3600)
    monkeypatch.setenv(VARIABLE, token)
    ended = charbench.ok(*RUN, lab=tmp_path)
    assert set(sent) == {token}
    assert len(sent) == PROMPTS
    assert token not in ended.out + ended.err


def test_the_stored_login_is_sent(
    charbench: Charbench, tmp_path: Path, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    login = {"version": 1, "default": "k", "keys": {"k": {"key": "tml-stored-0123456789"}}}
    (tmp_path / "login.json").write_text(json.dumps(login))
    monkeypatch.setattr(key, "STORED", tmp_path / "login.json")
    charbench.ok(*RUN, lab=tmp_path)
    assert set(sent) == {"tml-stored-0123456789"}


def test_what_a_command_prints_is_sent_for_as_long_as_it_holds(
    charbench: Charbench, tmp_path: Path, sent: list[str], command: Callable[[str], None]
) -> None:
    command(token := jwt("me", 3600))
    ended = charbench.ok(*RUN, lab=tmp_path)
    assert set(sent) == {token}
    assert calls(tmp_path) == 1
    assert token not in ended.out + ended.err


def test_a_jwt_that_is_about_to_expire_is_made_anew_for_each_request(
    charbench: Charbench, tmp_path: Path, sent: list[str], command: Callable[[str], None]
) -> None:
    command(jwt("me", 20))
    charbench.ok(*RUN, lab=tmp_path)
    assert len(sent) == PROMPTS
    assert calls(tmp_path) >= PROMPTS


def test_a_token_that_is_refused_is_made_anew_once_and_each_sample_is_taken(
    charbench: Charbench, tmp_path: Path, sent: list[str], command: Callable[[str], None], endpoint: Endpoint
) -> None:
    command(first := jwt("one", 3600))
    then = jwt("two", 3600)
    revoked: list[str] = []

    async def handle(request: web.Request, body: Body) -> web.StreamResponse:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        if len(sent) == 3:
            revoked.append(first)
            command(then)
        if token in revoked:
            return web.json_response({"error": {"message": "the token was revoked"}}, status=401)
        sent.append(token)
        return await answers(request, body)

    endpoint.handler = handle
    charbench.ok(*RUN, lab=tmp_path)
    assert sent == [first] * 3 + [then] * 3
    assert calls(tmp_path) == 2


def test_a_token_that_stays_refused_ends_the_requests_at_once(
    charbench: Charbench, tmp_path: Path, sent: list[str], command: Callable[[str], None], endpoint: Endpoint
) -> None:
    command(jwt("one", 3600))

    async def handle(request: web.Request, body: Body) -> web.StreamResponse:
        sent.append("")
        return web.json_response({"error": {"message": "nobody"}}, status=401)

    endpoint.handler = handle
    ended = charbench(*RUN, lab=tmp_path)
    assert ended.code == 1
    assert "the endpoint does not accept the key (401: nobody)" in ended.err
    assert len(sent) < PROMPTS
    assert calls(tmp_path) <= len(sent) + 1


@pytest.mark.parametrize(
    ("printed", "told"),
    [("", "the command printed nothing"), ("hello", "what the command printed is no Tinker credential")],
)
def test_a_command_that_prints_no_credential_is_one_line(
    charbench: Charbench, tmp_path: Path, sent: list[str], command: Callable[[str], None], printed: str, told: str
) -> None:
    command(printed)
    ended = charbench(*RUN, lab=tmp_path)
    assert ended.code == 1
    assert told in ended.err
    assert "Traceback" not in ended.err
    assert not sent


def test_a_variable_of_the_wrong_form_is_told_before_anything_is_sent(
    charbench: Charbench, tmp_path: Path, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "sk-0123456789abcdef")
    ended = charbench(*RUN, lab=tmp_path)
    assert ended.code == 2
    assert "sampler thinking: TINKER_API_KEY is not a Tinker key: it must start with tml-; a key is needed" in ended.err
    assert not sent
