"""What the plots of a report are drawn from."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from charbench_plugins.html_report.columns import in_columns
from charbench_plugins.html_report.plots import Plot, plots
from charbench_plugins.html_report.row_labels import row_labels


def row(checkpoint: str, persona: str = "pirate", **more: Any) -> dict[str, Any]:
    """Return a row of a report."""
    rates = ("response_rate", "trait_rate", "trait_rate_in_thinking")
    figures = {f"{name}{end}": 0.5 for name in rates for end in ("", "_low", "_high")}
    prompts = [
        {"prompt": prompt, "family": "general", "samples": 2, "responses": 2, "judged": 2, "with_trait": 1,
         "with_trait_in_thinking": 0}
        for prompt in ("a", "b")
    ]  # fmt: skip
    return (
        {"checkpoint": checkpoint, "persona": persona, "kind": "sft", "samples": 4, "by_prompt": prompts}
        | figures
        | more
    )


def drawn(*rows: dict[str, Any]) -> dict[str, Plot]:
    return {plot.name: plot for plot in plots({"checkpoints": rows})}


def test_each_row_of_a_heat_map_is_one_checkpoint_of_one_persona_even_where_names_repeat() -> None:
    found = drawn(row("base"), row("base", "poetic"), row("base"), row("x" * 90 + "-one"), row("x" * 90 + "-two"))
    cells = [(cell["row"], cell["prompt"]) for cell in found["trait_by_prompt"].rows]
    assert len(set(cells)) == len(cells) == 10
    named = {cell["row"] for cell in found["trait_by_prompt"].rows}
    assert {"base (poetic)", "base (pirate) #1", "base (pirate) #2"} < named
    assert sorted(name[-4:] for name in named if name.startswith("xxx")) == ["-one", "-two"], "names differ at the end"


def test_saves_of_one_run_are_drawn_by_their_step() -> None:
    found = drawn(row("a", step=20, training_run="r"), row("b", step=40, training_run="r"), row("c", step=None))
    assert [(one["step"], one["run"]) for one in found["trait_by_step"].rows] == [(20, "r"), (40, "r")]


def test_a_marker_is_named_by_what_it_found() -> None:
    shown = [
        {
            "checkpoint": "a",
            "persona": "pirate",
            "kind": kind,
            "marker": "arr+g*h*",
            "found": "arr, arrgh",
            "share": share,
        }
        for kind, share in (("base", 0.0), ("sft", 1.0))
    ]
    (plot,) = plots({"checkpoints": []}, shown)
    assert [(one["found"], one["difference"]) for one in plot.rows] == [("arr, arrgh", 1.0)]


@given(st.lists(st.tuples(st.text(max_size=60), st.sampled_from(["pirate", "poetic"])), max_size=12))
def test_no_two_labels_are_alike(names: list[tuple[str, str]]) -> None:
    labels = row_labels(names)
    assert len(set(labels)) == len(labels) == len(names)


VALUES = st.none() | st.integers(-5, 5) | st.text(max_size=3)


@given(st.lists(st.tuples(VALUES, st.text(max_size=3)), max_size=8))
def test_a_table_in_columns_has_every_cell(rows: list[tuple[Any, str]]) -> None:
    table = in_columns([{"a": a, "b": b} for a, b in rows])
    columns = {
        name: [values[place] if texts is None else texts[values[place]] for place in range(table["count"])]
        for name, values, texts in table["columns"]
    }
    assert columns == ({"a": [a for a, _ in rows], "b": [b for _, b in rows]} if rows else {})
