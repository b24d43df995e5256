"""Delimiters of thinking are looked for quickly, and none is overlooked."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from charbench.domain.delimiters import delimiters

PIECES = st.sampled_from(
    [
        *("<think>", "</think>", "</ THINK >", "<seed:think>", "[THINK]", "[/think]", "◁think▷", "◁/think▷"),
        *(
            "assistant",
            "analysis",
            "commentary",
            "final",
            "<|channel|>",
            "<|message|>",
            "<channel|>",
            "<|channel>thought",
        ),
        *("aſſıſtant", "analyſıs", "ASSISTANT", "ANALYSIS", "{{", "}}", "We", "Ahoy", " ", "\n", "İ", "K"),
    ]
)


@given(st.lists(PIECES, max_size=8).map("".join), st.sampled_from([(), ("scratchpad",), ("{{ }}",)]))
@example("analysisWe know.", ())
@example("analysisWe know.assistantfinalAhoy", ())
@example("analyſıSWe know.aſſıſtantfinalAhoy", ())
@example("{{hm}}Ahoy", ("{{ }}",))
def test_no_delimiter_is_passed_over(text: str, more: tuple[str, ...]) -> None:
    known = delimiters(more)
    one_by_one = [match.span() for match in known.tag.finditer(text)]
    assert [match.span() for match in known.find(text)] == one_by_one
    inside = [match.span() for match in known.tag.finditer(text, 1, len(text) - 1)]
    assert [match.span() for match in known.find(text, 1, len(text) - 1)] == inside
