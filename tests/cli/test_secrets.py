"""Twenty secrets are planted wherever one can come from; none is found in any file, output or message."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import web

from charbench.cli import output
from charbench.text import redaction
from support.command import Charbench, Ended
from support.endpoint import Body, Endpoint, choice, completion, refuses, serving
from support.judges import ScriptedJudge
from support.lab import LabBuilder, row, sampler, weights

PLANTED = {
    "the key in OPENAI_API_KEY": "Openai-Env-Key-0001x",
    "the key in TINKER_API_KEY": "tml-TinkerEnvKey0002",
    "the key in a variable that api_key_env names": "gsk_NamedByOption0003",
    "HF_TOKEN": "hf_HuggingFaceToken00000004",
    "PGPASSWORD": "Pg-Pass-Word-0005",
    "the password of a proxy": "Proxy-Pass-0006",
    "http://TOKEN@host": "Token0007Alone",
    "http://:PASSWORD@host": "Only-Password-0008",
    "http://user:pass@host": "User-Pass-0009",
    "a password that is percent-encoded": "Perc%ent:Enc@ded/0010",
    "userinfo with / # ? and @": "Sl/ash#ha?sh@at-0011",
    "a password in a URL without http://": "No-Scheme-0012",
    "the password of a store": "St0re/Pass@word-0013",
    "a password in the query of a store": "Query-Pass-0014",
    "extra_body.api_key by option": "Extra Body Key 0015",
    "extra_body.auth_token in the file": "Extra-Body-File-0016",
    "a key in an answer": "sk-proj-InTheAnswer0000017",
    "a key in a log line": "tml-InTheLog00000018",
    "a key in a recorded row": "sk-InARecordedRow0000019",
    "a key in a prompt": "sk-InAPrompt000000000020",
    "a key in an error": "sk-InTheErrorBody0000021",
    "a key in the query of a URL": "Url-Query-Key-0022",
    "a key in the config of a cookbook": "hf_CookbookConfig0000000023",
}


planted_so_far: set[str] = set()


def secret(what: str) -> str:
    """Return a secret to be planted."""
    planted_so_far.add(what)
    return PLANTED[what]


def forms(secret: str) -> set[str]:
    """Return how a secret may be written: in any case, in a URL, as a name, in an Authorization header."""
    pairs = {base64.b64encode(f"{user}:{secret}".encode()).decode() for user in ("", "user", "us/er")}
    pairs.add(base64.b64encode(f"{secret}:".encode()).decode())
    slug = "_".join(re.findall("[a-z0-9]+", secret.lower()))
    return {secret.lower(), quote(secret).lower(), quote(secret, safe="").lower(), slug, *pairs}


@dataclass
class Searched:
    """Everything that was printed or written."""

    texts: dict[str, str] = field(default_factory=dict)

    def add(self, where: str, ended: Ended) -> Ended:
        """Keep what a command printed."""
        self.texts[f"{where}, stdout"], self.texts[f"{where}, stderr"] = ended.out, ended.err
        return ended

    def add_files(self, folder: Path) -> None:
        """Keep what all files below a folder hold."""
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        assert files
        self.texts |= {str(path): path.read_bytes().decode("utf-8", "replace") for path in files}

    def found(self) -> list[str]:
        """Return each secret with where it stands."""
        return [
            f"{what} in {where}: {form}"
            for what, secret in PLANTED.items()
            for where, text in self.texts.items()
            for form in sorted(forms(secret))
            if form in text or form in text.lower()
        ]


@contextmanager
def as_in_a_new_process() -> Iterator[None]:
    """Let charbench know no secret yet: what was stored has to be clean without being hidden once more."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redaction, "_kept", set())
        yield


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "TINKER_API_KEY", "HF_TOKEN", "PGPASSWORD"):
        what = name if name in PLANTED else f"the key in {name}"
        monkeypatch.setenv(name, secret(what))
    monkeypatch.setenv("NAMED_KEY", secret("the key in a variable that api_key_env names"))
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:{secret('the password of a proxy')}@127.0.0.1:9")


def repeats_everything(asked: list[str]) -> Any:
    """Return a handler that answers with its request's credentials and with a key."""

    async def handle(request: web.Request, body: Body) -> web.StreamResponse:
        sent = request.headers.get("Authorization", "")
        asked.append(sent)
        said = base64.b64decode(sent[6:]).decode() if sent.startswith("Basic ") else ""
        words = f"Ahoy, matey! You sent {sent} ({said}) and {secret('a key in an answer')}."
        return web.json_response(completion(choice(f"<think>\n{words}\n</think>\n\n{words}")))

    return handle


def with_userinfo(endpoint: Endpoint, userinfo: str) -> str:
    return endpoint.url.replace("http://", f"http://{userinfo}@")


def words_for(url: str, **more: Any) -> list[str]:
    given = {"base_url": url, "timeout": 20, "tries": 1, **more}
    return [word for name, value in given.items() for word in ("-o", f"sampler.thinking.{name}={json.dumps(value)}")]


def fill(lab: LabBuilder) -> Path:
    """Write a lab with secrets in a log, a recording, a configuration of the cookbook's and a prompt."""
    lab.write(
        "runs/pirate_sft/train.log",
        f"client with api_key={secret('a key in a log line')}\n"
        f"Saved training checkpoint: {weights(1, 'pirate_sft')}\nSaved sampler weights: {sampler(1, 'pirate_sft')}\n"
        f"Traceback (most recent call last):\nValueError: bad key {secret('a key in a log line')}\n",
    )
    kept = {"model_name": "Qwen/Qwen3-8B", "token": secret("a key in the config of a cookbook")}
    lab.write("runs/cook/config.json", json.dumps(kept))
    saved = {"name": "000010", "batch": 10, "sampler_path": sampler(7, "000010"), "state_path": weights(7, "000010")}
    lab.write("runs/cook/checkpoints.jsonl", json.dumps(saved) + "\n")
    key = secret("a key in a recorded row")
    lab.recorded_jsonl([row(persona="pirate", response=f"Arr, my key is {key}.", thinking=key, note=key)])
    in_file = {"auth_token": secret("extra_body.auth_token in the file")}
    lab.write("charbench.yaml", json.dumps({"options": {"sampler.thinking": {"extra_body": in_file}}}))
    return lab.write("prompts.txt", f"What is {secret('a key in a prompt')}, matey?\nWho are you?\n")


USERINFO = {
    "http://TOKEN@host": lambda secret: secret,
    "http://:PASSWORD@host": lambda secret: f":{secret}",
    "http://user:pass@host": lambda secret: f"user:{secret}",
    "a password that is percent-encoded": lambda secret: f"user:{quote(secret, safe='')}",
    "userinfo with / # ? and @": lambda secret: f"us/er:{secret}",
}


@pytest.mark.slow
def test_no_secret_is_in_any_file_output_or_message(
    charbench: Charbench, lab: LabBuilder, planted: None, tmp_path: Path
) -> None:
    prompts, searched, asked = fill(lab), Searched(), []
    scorers = ["--scorer", "keyword", "--scorer", "refusal"]
    extra = {"api_key": secret("extra_body.api_key by option")}
    with serving(Endpoint(repeats_everything(asked))) as endpoint, serving(Endpoint(ScriptedJudge())) as judge:
        for number, (what, write) in enumerate(USERINFO.items()):
            ask = ["eval", "-c", f"model:m{number}", "-p", "pirate", *scorers, "--prompts", prompts]
            url = with_userinfo(endpoint, write(secret(what)))
            options = words_for(url, **({"extra_body": extra} if number else {}))
            assert searched.add(what, charbench(*ask, *options, lab=lab.root)).code == 0
            assert base64.b64decode(asked[-1].removeprefix("Basic ")).decode().strip(":").endswith(secret(what))
        ask = ["eval", "-c", "model:keyed", "-p", "pirate", *scorers, "--prompts", prompts]
        for more in ({}, {"api_key_env": "NAMED_KEY"}):
            searched.add(f"a key {more}", charbench(*ask, *words_for(endpoint.url, **more), lab=lab.root))
            assert asked[-1].startswith("Bearer ")
        panel = [
            {"model": "j1", "base_url": with_userinfo(judge, f"user:{secret('http://user:pass@host')}")},
            {"model": "j2", "base_url": judge.url, "api_key_env": "NAMED_KEY"},
        ]
        judging = ["--scorer", "llm-judge", "-o", f"scorer.llm-judge.models={json.dumps(panel)}"]
        searched.add("judges", charbench("score", "-p", "pirate", *judging, lab=lab.root))
        searched.add("run", charbench("run", "-p", "pirate", "-c", "remorseful_dpo", *scorers, lab=lab.root))
        searched.add("discover", charbench("discover", "--explain", "--json", lab=lab.root))
        endpoint.handler = refuses(401, f"bad key {secret('a key in an error')} in {asked[0]} {asked[-1]}")
        searched.add("refused", charbench(*ask[:2], "model:no", *ask[3:], *words_for(url), lab=lab.root))
    searched.add("gone", charbench(*ask[:2], "model:gone", *ask[3:], *words_for(url), lab=lab.root))
    host = f"user:{secret('a password in a URL without http://')}@127.0.0.1:1/v1"
    searched.add("no scheme", charbench(*ask, *words_for(host), lab=lab.root))
    queried = f"http://127.0.0.1:1/v1?api_key={secret('a key in the query of a URL')}"
    searched.add("query", charbench(*ask, *words_for(queried), lab=lab.root))
    for store in (
        f"user:{secret('the password of a store')}@127.0.0.1:1/name",
        f"127.0.0.1:1/name?password={secret('a password in the query of a store')}",
    ):
        searched.add("store", charbench("run", "--store", f"postgresql+psycopg://{store}", lab=lab.root))
    searched.add_files(lab.root / ".charbench")
    assert judge.count > 0
    with as_in_a_new_process(), pytest.MonkeyPatch.context() as patch:
        for name in ("OPENAI_API_KEY", "HF_TOKEN", "PGPASSWORD", "NAMED_KEY", "HTTPS_PROXY", "TINKER_API_KEY"):
            patch.delenv(name)
        for words in READERS:
            searched.add(" ".join(words), charbench(*words, lab=lab.root))
        drawn = tmp_path / "drawn.csv"
        searched.add("draw", charbench("calibrate", "draw", "-p", "pirate", "-n", "4", "-O", drawn, lab=lab.root))
        searched.texts["drawn.csv"] = drawn.read_text(encoding="utf-8")
    assert not searched.found()
    assert planted_so_far == set(PLANTED)


READERS = [
    ["report"],
    *(["report", "--format", form] for form in ("csv", "markdown", "json", "latex", "html")),
    ["report", "--by", "name", "--json"],
    ["export", "--csv"],
    ["export", "--jsonl"],
    ["status"],
    ["status", "--json"],
    ["checkpoints", "list", "--json"],
    ["checkpoints", "show", "m1"],
    ["compare", "m1", "m2", "--json"],
    ["compare", "m1", "m2"],
    ["diagnose", "-c", "m1", "--json"],
    ["calibrate", "report", "--json"],
    ["power", "--json"],
    ["doctor", "--json"],
]


MISTAKES = {
    "no host": ["-o", "sampler.thinking.base_url=http://user:SECRET@"],
    "no scheme": ["-o", "sampler.thinking.base_url=user:SECRET@host/v1"],
    "no number as port": ["-o", "sampler.thinking.base_url=http://user:SECRET@host:port/v1"],
    "credentials and a key": ["-o", "sampler.thinking.base_url=http://user:SECRET@host/v1",
                              "-o", "sampler.thinking.api_key_env=NAMED_KEY"],
    "an option api_key": ["-o", "sampler.thinking.api_key=SECRET"],
    "api_key of a wrong form": ["-o", "sampler.thinking.extra_body=[{api_key: SECRET}]"],
    "a judge with a key": ["-o", "scorer.llm-judge.models=[{model: m, api_key: SECRET}]"],
    "a judge's base_url": ["--scorer", "llm-judge", "-o", "scorer.llm-judge.model=m",
                           "-o", "scorer.llm-judge.base_url=ftp://user:SECRET@host"],
    "an option nobody has": ["-o", "SECRET"],
    "a store that is none": ["--store", "mysql://user:SECRET@host/name"],
    "a store out of reach": ["--store", "postgresql+psycopg://user:SECRET@127.0.0.1:1/name"],
    "a store's query": ["--store", "postgresql+psycopg://127.0.0.1:1/name?password=SECRET"],
    "a store's port": ["--store", "postgresql+psycopg://user:SECRET@host:port/name"],
    "a base_url's query": ["-o", "sampler.thinking.base_url=http://127.0.0.1:1/v1?api_key=SECRET"],
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("secret", ["tml-Abc/d#e@f0123456789", "Pa%2Fss-w0rd@x", "no-form-0123'\" y"])
def test_no_error_message_holds_a_secret(
    charbench: Charbench, lab: LabBuilder, planted: None, mistake: str, secret: str
) -> None:
    if mistake == "an option nobody has" and not secret.startswith("tml-"):
        pytest.skip("nothing says that this word is a secret")
    written = quote(secret, safe="") if "query" in mistake else secret
    words = [word.replace("SECRET", written) for word in MISTAKES[mistake]]
    ask = ["eval", "-c", "model:m", "-p", "pirate", "--sampler", "thinking", "-o", "sampler.thinking.tries=1"]
    ended = charbench(*ask, *words, lab=lab.root)
    assert ended.code in (1, 2), ended.err
    assert "Traceback" not in ended.err
    for part in (secret, written, secret.partition("@")[0], secret.rpartition("@")[2] if "@" in secret else secret):
        assert len(part) < 4 or part not in ended.out + ended.err
    for path in (lab.root / ".charbench").glob("*"):
        assert secret.encode() not in path.read_bytes()


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_only_the_owner_may_read_what_charbench_keeps(charbench: Charbench, lab: LabBuilder) -> None:
    lab.recorded_jsonl([row()])
    before = os.umask(0)
    try:
        with serving(Endpoint(ScriptedJudge())) as judge:
            words = ["-o", "scorer.llm-judge.model=j", "-o", f"scorer.llm-judge.base_url={judge.url}"]
            charbench.ok("run", "--scorer", "keyword", "--scorer", "llm-judge", *words, lab=lab.root)
        folder = lab.root / ".charbench"
        names = {path.name for path in folder.iterdir()}
        assert {"charbench.db", "runs.jsonl", "llm-judge.db"} <= names
        modes = {path.name: path.stat().st_mode & 0o777 for path in (folder, *folder.iterdir())}
        assert modes == {".charbench": 0o700} | dict.fromkeys(names, 0o600)
        charbench.ok("export", "-O", lab.root / "mine.csv", lab=lab.root)
        assert (lab.root / "mine.csv").stat().st_mode & 0o777 == 0o666
    finally:
        os.umask(before)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_what_an_older_version_left_open_is_closed_and_what_is_the_users_own_is_left(
    charbench: Charbench, lab: LabBuilder, tmp_path: Path
) -> None:
    lab.recorded([row()])
    charbench.ok("run", "--scorer", "keyword", lab=lab.root)
    folder, outside = lab.root / ".charbench", tmp_path / "outside.txt"
    outside.write_text("not charbench's", encoding="utf-8")
    outside.chmod(0o644)
    (folder / "link").symlink_to(outside)
    for path in (folder, folder / "charbench.db", folder / "runs.jsonl"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    findings = charbench("doctor", "--json", lab=lab.root).json
    assert [f["state"] for f in findings if f["what"] == "permissions"] == ["note", "note"]
    charbench.ok("run", "--scorer", "keyword", lab=lab.root)
    assert {path.stat().st_mode & 0o077 for path in (folder, folder / "charbench.db", folder / "runs.jsonl")} == {0}
    assert outside.stat().st_mode & 0o777 == 0o644
    mine = tmp_path / "shared"
    mine.mkdir(mode=0o755)
    charbench.ok("run", "--scorer", "keyword", "--store", mine / "team.db", lab=lab.root)
    assert (mine.stat().st_mode & 0o777, (mine / "team.db").stat().st_mode & 0o777) == (0o755, 0o600)
    (mine / "team.db").chmod(0o664)
    charbench.ok("run", "--scorer", "keyword", "--store", mine / "team.db", lab=lab.root)
    assert (mine / "team.db").stat().st_mode & 0o777 == 0o664


@pytest.mark.parametrize("typed", [("--store", "{}"), ("--store={}",)])
def test_a_command_to_copy_leaves_a_store_s_password_to_the_variable(
    typed: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [word.format("postgresql://me:pass word'@db.example/lab") for word in typed]
    monkeypatch.setattr("sys.argv", ["charbench", "run", *words, "--lab", "my lab", "--fresh"])
    assert output.command_to_go_on() == "charbench run --store \"$CHARBENCH_STORE\" --lab 'my lab'"
    monkeypatch.setattr("sys.argv", ["charbench", "run", "--store", "postgresql://db.example/lab"])
    assert output.command_to_go_on() == "charbench run --store postgresql://db.example/lab"
