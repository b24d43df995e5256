"""Commands that plugins add to ``charbench``."""

from __future__ import annotations

import pytest

from support.command import Charbench
from support.plugins import Site
from support.tinker_faults import FaultyTinker, serving

SHOUT = """
import click
from charbench import ConfigError, hookimpl

@click.command("{name}")
@click.argument("text")
def shout(text):
    "Print TEXT in upper case."
    if text == "no":
        raise ConfigError("text: 'no' is never shouted")
    click.echo(text.upper())

@hookimpl
def charbench_register_commands():
    return [{given}]
"""


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the one group of this process load its plugins anew."""
    from charbench.cli import cli

    monkeypatch.setattr(cli, "_brought", None)


def test_a_plugin_adds_a_command(charbench: Charbench, site: Site) -> None:
    site.install("shouting", SHOUT.format(name="shout", given="shout"))
    assert charbench.ok("shout", "ahoy").out == "AHOY\n"
    listed = charbench.ok("plugins", "commands", "--json").json
    assert {"command": "shout", "plugin": "shouting", "help": "Print TEXT in upper case."} in listed
    ended = charbench("shout", "no")
    assert (ended.code, ended.err) == (2, "error: text: 'no' is never shouted\n")


def test_a_typing_error_in_a_command_of_a_plugin_names_the_nearest(charbench: Charbench, site: Site) -> None:
    site.install("shouting", SHOUT.format(name="shout", given="shout"))
    ended = charbench("shuot", "ahoy")
    assert ended.code == 2
    assert "shout" in ended.err


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("run", "shout", "plugin shouting brings a command 'run', which charbench has already"),
        ("tinker", "shout", "which plugin "),
        ("shout", "3", "plugin shouting: 3 is no click.Command with a name"),
        ("shout", "1 / 0", "plugin shouting: charbench_register_commands: ZeroDivisionError"),
    ],
)
def test_a_wrong_command_is_an_error_that_names_the_plugin(
    charbench: Charbench, site: Site, name: str, given: str, message: str
) -> None:
    site.install("shouting", SHOUT.format(name=name, given=given))
    ended = charbench("shout", "ahoy")
    assert ended.code == 2
    assert message in ended.err
    assert charbench("doctor").code in (0, 1)  # charbench's own commands work all the same


def test_tinker_models_lists_what_the_server_serves(charbench: Charbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINKER_API_KEY", "tml-seen-by-no-one")
    with serving(FaultyTinker()) as server:
        monkeypatch.setenv("TINKER_BASE_URL", server.url)
        names = charbench.ok("tinker", "models").out.splitlines()
        assert len(names) == 2
        assert charbench.ok("tinker", "models", "--json").json == names
        server.fault = lambda _what, _count: 402
        ended = charbench("tinker", "models")
    assert "Tinker answers 402: the account has no credit left" in ended.err
    assert ended.code != 0


def test_tinker_models_without_a_key_says_so(charbench: Charbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TINKER_API_KEY", raising=False)
    ended = charbench("tinker", "models")
    assert ended.code == 2
    assert "TINKER_API_KEY is not set" in ended.err
