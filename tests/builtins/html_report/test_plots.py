"""What the plots of a report are drawn from."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from charbench_plugins.html_report.columns import in_columns
from charbench_plugins.html_report.contests import contest_rows
from charbench_plugins.html_report.plot import Plot
from charbench_plugins.html_report.plots import plots
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


def player(name: str, strength: float | None, **more: Any) -> dict[str, Any]:
    figures = {
        f"{which}{end}": value
        for which in ("strength", "length_controlled")
        for end, value in (("", strength), ("_low", strength), ("_high", None))
    }
    counts = {"games": 4, "won": 1, "tied": 1, "lost": 2}
    return {"checkpoint": name, "kind": "sft", "tier": 1, "group": 1} | figures | counts | more


def test_a_contest_is_a_table_and_a_plot_and_who_has_no_strength_is_in_the_table_only() -> None:
    players = [player("a", 1.5), player("b", -0.5), player("c", None, tier=None, games=0)]
    about = {"scorer": "pairwise", "persona": "pirate", "games": 4, "prompts": 2, "flipped": 1, "both_orders": 4}
    data = {"checkpoints": [], "contests": [{**about, "ranked_by": "strength", "checkpoints": players}]}
    (contest,) = contest_rows(data)
    assert [(one["tier"], one["name"], one["figures"][0]) for one in contest["rows"]] == [
        ("1", "a", "+1.50"), ("1", "b", "−0.50"), ("–", "c", "–"),
    ]  # fmt: skip
    assert contest["said"].startswith("4 games on 2 prompts; 1 of 4 verdicts changed with the order")
    (plot,) = plots(data)
    assert [(one["row"], one["strength"]) for one in plot.rows] == [("a", 1.5), ("b", -0.5)]


def test_prompts_stand_in_the_order_that_people_count_in() -> None:
    prompts = [
        {"prompt": name, "family": "general", "samples": 1, "responses": 1, "judged": 1, "with_trait": 1,
         "with_trait_in_thinking": 0}
        for name in ("p10", "p2", "p1")
    ]  # fmt: skip
    found = drawn(row("a", by_prompt=prompts))
    assert found["trait_by_prompt"].spec["encoding"]["x"]["sort"] == ["p1", "p2", "p10"]


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
