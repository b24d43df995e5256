"""A chat template is a stranger's code: it gets so much time, so much room, and nothing else."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest

from charbench import ConfigError
from charbench_plugins.template_process import (
    TemplateFaultError,
    TemplateLimitError,
    TemplateLimits,
    TemplateProcess,
    TemplateRefusalError,
)
from charbench_plugins.tinker_sdk.renderers import ChatTemplate
from support.command import Charbench
from support.endpoint import Endpoint, options, serving, write_prompts

LOOP = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"
GROWS = "{% set n = namespace(s='a') %}{% for i in range(40) %}{% set n.s = n.s ~ n.s %}{% endfor %}{{ n.s }}"
LONG = "takes more than 0.2 s for one conversation (option template_seconds)"
LARGE = "writes more than 10,000 characters, or needs more than 512 MB of memory (option template_characters)"
HOSTILE = {
    "loop": (LOOP, LONG),
    "constant": ("{{ 'a' * 10**11 }}", LARGE),
    "doubling": (GROWS, LARGE),
    "padding": ("{{ 'a'|center(10**11) }}", LARGE),
    "writing": (LOOP.replace("{% endfor", "aaaa{% endfor", 1), LARGE),
}
LIMITS = TemplateLimits(0.2, 10_000)


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_a_template_that_takes_too_much_is_ended(name: str) -> None:
    text, said = HOSTILE[name]
    with pytest.raises(TemplateLimitError) as told:
        TemplateProcess(text, limits=LIMITS).render(messages=[])
    assert said in str(told.value) or (name == "doubling" and LONG in str(told.value))


@pytest.mark.parametrize("name", ["loop", "constant"])
def test_a_template_file_that_takes_too_much_is_one_line_with_file_option_and_limit(
    charbench: Charbench, tmp_path: Path, name: str
) -> None:
    text, said = HOSTILE[name]
    (tmp_path / "template.jinja").write_text(text)
    write_prompts(tmp_path / "prompts.txt", 2)
    with serving(Endpoint()) as endpoint:
        given = options(
            endpoint, api="completions", template="template.jinja", template_seconds=0.2, template_characters=10_000
        )
        ended = charbench("sample", "-c", "model:m", "--prompts", "prompts.txt", *given, lab=tmp_path)
    assert (ended.code, endpoint.count) == (2, 0)
    (line,) = [line for line in ended.err.splitlines() if line.startswith("error: ")]
    assert "option sampler.thinking.template: template.jinja: " in line
    assert said in line


def test_a_models_own_template_that_takes_too_much_is_one_line_with_the_models_name() -> None:
    with pytest.raises(ConfigError) as told:
        ChatTemplate(LOOP, {}, LIMITS, "somebody/Model-1B")
    assert str(told.value) == f"the chat template of somebody/Model-1B was stopped: it {LONG}"


def test_the_next_conversation_is_rendered_after_one_that_took_too_much() -> None:
    process = TemplateProcess("{% if loop_now %}" + LOOP + "{% endif %}{{ text }}", limits=LIMITS)
    with pytest.raises(TemplateLimitError):
        process.render(loop_now=True)
    assert process.render(loop_now=False, text="Ahoy \ud83d é") == "Ahoy \ud83d é"


def test_faults_and_refusals_are_told_apart() -> None:
    with pytest.raises(TemplateRefusalError, match="no system role"):
        TemplateProcess("{{ raise_exception('no system role') }}").render()
    with pytest.raises(TemplateFaultError, match="UndefinedError"):
        TemplateProcess("{{ a.b.c }}").render()
    with pytest.raises(TemplateFaultError, match="TemplateSyntaxError"):
        TemplateProcess("{% for")


@pytest.mark.slow
def test_the_process_has_no_keys_and_ends_with_its_template(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-1234567")
    process = TemplateProcess("{{ 1 }}")
    child = process._process
    assert child is not None
    assert b"sk-planted" not in Path(f"/proc/{child.pid}/environ").read_bytes()
    del process
    gc.collect()
    assert child.returncode is not None
    with pytest.raises(ProcessLookupError):
        os.kill(child.pid, 0)
