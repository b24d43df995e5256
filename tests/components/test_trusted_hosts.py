"""A key is sent only to a host that the user named: a file found in a lab may name others, and they get none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from charbench import ConfigError, Trust, endpoint_at
from charbench.components.trust import Address
from support.command import Charbench, Ended
from support.endpoint import Body, Endpoint, completion, refuses, serving, write_prompts
from support.lab import LabBuilder, row
from support.plugins import Site

KEY = "Openai-Env-Key-0001x"
TINKERS = "tml-TinkerEnvKey0002"
EVIL = "http://evil.example/v1"
ASK = ("eval", "-c", "model:m", "-p", "pirate", "--sampler", "thinking", "--scorer", "keyword")


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("TINKER_API_KEY", TINKERS)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


def write(lab: LabBuilder, component: str = "sampler.thinking", **options: Any) -> None:
    lab.write("charbench.yaml", json.dumps({"options": {component: options}}))


class Listening:
    """An endpoint that notes what credentials it is sent."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.endpoint = Endpoint(self._answer)

    async def _answer(self, request: web.Request, body: Body) -> web.StreamResponse:
        self.sent.append(request.headers.get("Authorization", ""))
        return web.json_response(completion())


def refused(ended: Ended, *says: str) -> None:
    assert ended.code != 0
    lines = [line for line in ended.err.splitlines() if "--trusted-host" in line]
    assert len(lines) == 1, ended.err
    for text in ("charbench.yaml:1:", "CHARBENCH_TRUSTED_HOSTS", *says):
        assert text in lines[0]
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    "url",
    [
        EVIL,
        "https://evil.example",
        "http://EVIL.example:8443/v1",
        "https://api.openai.com.evil.example/v1",
        "http://api.openai.com/v1",
        "http://10.0.0.7:8000/v1",
        "http://[2001:db8::1]/v1",
        "http://127.1/v1",
    ],
)
def test_a_lab_that_names_an_endpoint_does_not_get_the_users_key(
    charbench: Charbench, lab: LabBuilder, url: str
) -> None:
    write(lab, base_url=url)
    refused(charbench(*ASK, lab=lab.root), "OPENAI_API_KEY", "sampler thinking")


@pytest.mark.parametrize("variable", ["TINKER_API_KEY", "OPENAI_API_KEY", "MY_KEY"])
def test_a_lab_does_not_get_a_key_by_naming_its_variable(
    charbench: Charbench, lab: LabBuilder, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv("MY_KEY", "secret-of-mine-1")
    with serving(Endpoint()) as endpoint:
        for url in (EVIL, endpoint.url):
            write(lab, base_url=url, api_key_env=variable)
            refused(charbench(*ASK, lab=lab.root), variable)
        assert endpoint.count == 0


def test_a_lab_does_not_get_tinkers_key_sent_to_the_users_own_endpoint(
    charbench: Charbench, lab: LabBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(lab, api_key_env="TINKER_API_KEY")
    with serving(Endpoint()) as endpoint:
        monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
        refused(charbench(*ASK, lab=lab.root), "TINKER_API_KEY")
        assert endpoint.count == 0


@pytest.mark.parametrize("kind", ["llm-judge", "pairwise"])
@pytest.mark.parametrize("panel", [False, True])
def test_a_lab_that_names_a_judge_does_not_get_the_users_key(
    charbench: Charbench, lab: LabBuilder, kind: str, panel: bool
) -> None:
    lab.recorded([row()])
    judge = {"model": "j", "base_url": EVIL}
    write(lab, f"scorer.{kind}", **({"models": [judge]} if panel else judge))
    refused(charbench("run", "--scorer", kind, lab=lab.root), f"scorer {kind}", "evil.example")


@pytest.mark.slow
def test_every_probe_of_diagnose_is_bound_by_the_same_rule(charbench: Charbench, lab: LabBuilder) -> None:
    write(lab, base_url=EVIL)
    prompts = str(write_prompts(lab.root / "prompts.txt", 1))
    ask = ("diagnose", "-c", "model:m", "-p", "pirate", "--sampler", "thinking", "--prompts", prompts)
    refused(charbench(*ask, lab=lab.root))
    listening = Listening()
    with serving(listening.endpoint) as endpoint:
        write(lab, base_url=endpoint.url)
        charbench(*ask, lab=lab.root)
    assert endpoint.count > 1
    assert set(listening.sent) == {"Bearer none"}


@pytest.mark.slow
def test_a_local_server_of_the_labs_is_asked_without_the_key_and_a_refusal_says_why(
    charbench: Charbench, lab: LabBuilder
) -> None:
    listening = Listening()
    with serving(listening.endpoint) as endpoint:
        write(lab, base_url=endpoint.url)
        charbench.ok(*ASK, lab=lab.root)
        assert set(listening.sent) == {"Bearer none"}
        endpoint.handler = refuses(401)
        ended = charbench("eval", "-c", "model:n", *ASK[3:], lab=lab.root)
    assert ended.code == 1
    assert "none was sent" in ended.err
    assert "--trusted-host 127.0.0.1:" in ended.err


@pytest.mark.slow
@pytest.mark.parametrize("way", ["--trusted-host", "host without port", "environment", "-o", "OPENAI_BASE_URL"])
def test_a_host_that_the_user_names_too_is_sent_the_key(
    charbench: Charbench, lab: LabBuilder, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    listening, words = Listening(), []
    with serving(listening.endpoint) as endpoint:
        write(lab, base_url=endpoint.url)
        host = endpoint.url.removeprefix("http://").removesuffix("/v1")
        if way == "environment":
            monkeypatch.setenv("CHARBENCH_TRUSTED_HOSTS", f"other.example,{host}")
        elif way == "OPENAI_BASE_URL":
            monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
        elif way == "-o":
            words = ["-o", f"sampler.thinking.base_url={endpoint.url}"]
        else:
            words = ["--trusted-host", host if way == "--trusted-host" else "127.0.0.1"]
        charbench.ok(*ASK, *words, lab=lab.root)
    assert set(listening.sent) == {f"Bearer {KEY}"}


@pytest.mark.parametrize(
    "named", ["other.example", "127.0.0.1:1", "https://127.0.0.1", "0.0.1", "127.0.0.1.evil.example"]
)
def test_trusting_one_host_trusts_no_other(charbench: Charbench, lab: LabBuilder, named: str) -> None:
    with serving(Endpoint()) as endpoint:
        write(lab, base_url=endpoint.url, api_key_env="OPENAI_API_KEY")
        refused(charbench(*ASK, "--trusted-host", named, lab=lab.root))
        assert endpoint.count == 0


def test_a_file_cannot_say_whom_to_trust(charbench: Charbench, lab: LabBuilder) -> None:
    options = {"sampler.thinking": {"base_url": EVIL}}
    lab.write("charbench.yaml", json.dumps({"trusted_hosts": ["evil.example"], "options": options}))
    ended = charbench(*ASK, lab=lab.root)
    assert ended.code == 2
    assert "charbench.yaml:1:" in ended.err
    assert "trusted_hosts" in ended.err


def test_without_a_key_there_is_nothing_to_refuse(
    charbench: Charbench, lab: LabBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    with serving(Endpoint()) as endpoint:
        write(lab, base_url=endpoint.url.replace("127.0.0.1", "localhost"))
        charbench.ok(*ASK, lab=lab.root)


def test_the_hosts_that_issue_a_key_may_have_it_whoever_names_them() -> None:
    for variable, url in (("OPENAI_API_KEY", "https://api.openai.com/v1"),
                          ("TINKER_API_KEY", "https://tinker.thinkingmachines.dev/services/x")):  # fmt: skip
        declared = {"TINKER_API_KEY": "https://tinker.thinkingmachines.dev", "OPENAI_API_KEY": "https://evil.example"}
        trust = Trust(from_file=(("charbench.yaml:1:1", url),)).with_issuers(declared)
        assert endpoint_at(url, "x", default_env=variable, trust=trust).api_key
        other = "OPENAI_API_KEY" if variable == "TINKER_API_KEY" else "TINKER_API_KEY"
        with pytest.raises(ConfigError, match=other):
            endpoint_at(url, "x", api_key_env=other, trust=trust)


THIRD = '''
from charbench import Completion, Sampler, hookimpl
from pydantic import Field


class Elsewhere(Sampler):
    """Asks a host put together from parts."""

    name = "elsewhere"

    class Config(Sampler.Config):
        host: str = Field("", description="the host")

    def prepare(self, root, folder):
        self._endpoint = self.endpoint(f"https://{self.config.host}:8443/api", default_env="OPENAI_API_KEY")

    def sample(self, request):
        return Completion(text=self._endpoint.api_key)


@hookimpl
def charbench_samplers():
    return [Elsewhere]
'''


def test_another_plugins_sampler_is_bound_by_the_same_rule(charbench: Charbench, lab: LabBuilder, site: Site) -> None:
    site.install("charbench-elsewhere", THIRD)
    write(lab, "sampler.elsewhere", host="Evil.example")
    words = ["eval", "-c", "model:m", "-p", "pirate", "--sampler", "elsewhere", "--scorer", "keyword"]
    refused(charbench(*words, lab=lab.root), "sampler elsewhere", "evil.example:8443")
    charbench.ok(*words, "--trusted-host", "evil.example", lab=lab.root)


def test_the_password_of_the_users_database_goes_to_no_store_that_a_file_names(
    charbench: Charbench, lab: LabBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", "Pg-Pass-Word-0005")
    for store in ("postgresql+psycopg://me@evil.invalid/x", "postgresql+psycopg://localhost/x?host=evil.invalid"):
        lab.write("charbench.yaml", json.dumps({"store": store}))
        ended = charbench("status", lab=lab.root)
        assert ended.code == 2
        assert "charbench.yaml:1:" in ended.err
        assert "PGPASSWORD" in ended.err
        assert "PGPASSWORD" not in charbench("status", "--store", store, lab=lab.root).err
    lab.write("charbench.yaml", json.dumps({"store": "postgresql+psycopg://me@evil.invalid/x"}))
    monkeypatch.setenv("CHARBENCH_TRUSTED_HOSTS", "evil.invalid")
    assert "PGPASSWORD" not in charbench("status", lab=lab.root).err


def test_doctor_names_the_hosts_that_are_sent_no_key(charbench: Charbench, lab: LabBuilder) -> None:
    write(lab, base_url=EVIL)
    findings = charbench("doctor", "--json", lab=lab.root).json
    assert [f["state"] for f in findings if f["what"] == "keys" and "evil.example" in f["text"]] == ["note"]


@pytest.mark.slow
@given(st.text("ab.:/@[]\\%#?10 \t-\u3002\u00df\u0130", max_size=20))
def test_no_address_is_read_in_two_ways(text: str) -> None:
    import httpx

    address = Address.of(f"http://{text}")
    if address is not None and "@" not in text:
        try:
            theirs = httpx.URL(f"http://{text}")
        except httpx.InvalidURL:
            return
        assert theirs.userinfo == b""
        assert theirs.raw_host.decode().strip("[]").casefold() == _ascii(address.host)
        assert (theirs.port or 80) == address.port


def _ascii(host: str) -> str:
    import httpx

    return httpx.URL(scheme="http", host=host).raw_host.decode().strip("[]").casefold()
