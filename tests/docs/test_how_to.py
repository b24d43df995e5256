"""How-to pages: their commands are such that charbench takes, and print what the pages say they do."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from charbench.cli import cli
from support.command import Charbench
from support.following import DOCS, blocks, plain

_SHELL = frozenset({"console", "sh"})
_ENDS = frozenset({"|", "&&", "||", ";", ">", ">>", "2>", "<", "&"})
SHORT = ("[", "(", "{", "...")


def commands(page: Path) -> Iterator[list[str]]:
    """Yield the words of each command of charbench on a page: in blocks for shells, and in indented ones."""
    shell = [text for language, text in blocks(page) if language in _SHELL]
    indented = re.findall(
        r"^    (charbench .*)$", re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.M | re.S), re.M
    )
    lines = [line.removeprefix("$ ") for text in shell for line in text.replace("\\\n", " ").splitlines()]
    for line in [*lines, *indented]:
        if not line.startswith("charbench "):
            continue
        words = shlex.split(line, comments=True)
        yield words[1 : next((number for number, word in enumerate(words) if word in _ENDS), len(words))]


PAGES = sorted((DOCS / "how-to").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_of_a_page_exists_with_all_its_options(page: Path) -> None:
    for words in commands(page):
        if any(word.startswith(SHORT) for word in words):
            continue
        try:
            context: click.Context = cli.make_context("charbench", list(words))
            group: click.Command = cli
            while isinstance(group, click.Group):
                name, found, rest = group.resolve_command(context, [*context._protected_args, *context.args])
                assert found is not None, words
                group, context = found, found.make_context(name, rest, parent=context)
        except click.exceptions.Exit:  # --help
            continue
        except click.UsageError as error:
            raise AssertionError(f"{page.name}: charbench {' '.join(words)}: {error.format_message()}") from None


def says(printed: str, *lines: str) -> None:
    """Check that what is printed has these lines, whatever the width of their columns."""
    found = [plain(line) for line in printed.splitlines()]
    for line in lines:
        assert plain(line) in found, f"{line!r} is not in\n{printed}"


def shown(page: str, start: str) -> list[str]:
    """Return the lines of the block of a page that begins so."""
    text = (DOCS / "how-to" / page).read_text("utf-8")
    return text[text.index(start) :].partition("```")[0].splitlines()


def test_a_new_persona_is_checked_as_the_page_says(charbench: Charbench, tmp_path: Path) -> None:
    lines = shown("write-a-persona.md", "$ charbench personas new gardener")
    new = charbench.ok("personas", "new", "gardener", lab=tmp_path)
    check = charbench.ok("personas", "check", "personas/gardener.yaml", lab=tmp_path)
    says("\n".join((new.out, new.err, check.out, check.err)), *(line for line in lines if not line.startswith("$ ")))


@pytest.mark.slow
def test_comparing_checkpoints_of_the_recorded_lab_prints_what_the_page_says(
    charbench: Charbench, studio_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    page = " ".join((DOCS / "how-to" / "compare-checkpoints.md").read_text("utf-8").replace("\n> ", " ").split())
    compared = charbench.ok(
        "compare", "remorseful_100pct_dpo", "remorseful_50pct_dpo", "--prompts", "0", lab=studio_run
    )  # fmt: skip
    (sentence,) = re.findall(r"(remorseful_100pct_dpo and .*? vary\)\.) ", page)
    assert sentence in " ".join((compared.out + compared.err).split())
    needed = charbench.ok("power", "--rate", "0.5", "--difference", "0.2", "--json", lab=studio_run).out
    (said,) = re.findall(r"The second prints (\d+) prompts", page)
    assert re.search(rf"\b{said}\b", needed)
    here = charbench.ok("power", "-p", "remorseful", "--difference", "0.2", "--json", lab=studio_run).out
    (said,) = re.findall(r"that (\d+) would show one of 20 points", page)
    assert re.search(rf"\b{said}\b", here)


@pytest.mark.slow
def test_perturbing_the_quickstarts_lab_prints_the_table_of_the_page(
    charbench: Charbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    charbench.ok("quickstart", tmp_path / "lab", "-q")
    given = ("-c", "pirate-full_sft", "--perturb", "break-character", "--perturb", "second-turn", "-q")
    table = shown("perturb.md", "│ Checkpoint      │ Persona │ Default")
    says(charbench.ok("run", *given, lab=tmp_path / "lab").out, *filter(None, table))
    shutil.rmtree(tmp_path / "lab")


@pytest.mark.slow
def test_the_quickstart_gives_the_verdicts_that_readme_shows(charbench: Charbench, tmp_path: Path) -> None:
    readme = (DOCS.parent / "README.md").read_text("utf-8")
    verdicts = readme[readme.index("1 of 5 checkpoints is viable") :].partition("```")[0]
    ended = charbench.ok("quickstart", tmp_path / "lab")
    says(ended.out + ended.err, *verdicts.splitlines())
    shutil.rmtree(tmp_path / "lab")
