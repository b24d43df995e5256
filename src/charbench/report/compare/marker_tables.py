"""The lift of markers as a table, for the terminal and for Markdown."""

from __future__ import annotations

from charbench.domain.table import Table
from charbench.report.compare.markers import MarkerLift, MarkerLifts
from charbench.report.render.cells import MINUS, NOTHING, decimals, p_value

MOST_MARKERS = 15
_LONGEST = 30
MARKERS_LEGEND = (
    "Markers: lift is the natural log of an odds ratio (+0.7 is twice as often), with Monroe's prior; its interval and "
    "z take every use as independent. p is from the prompts (signs flipped), after Benjamini-Hochberg over the "
    "markers; a dash: no significant difference."
)


def marker_table(lifts: MarkerLifts) -> Table:
    """Return the markers whose z is the farthest from 0, the greatest z first."""
    farthest = sorted(lifts.markers, key=lambda marker: -abs(marker.lift.z))[:MOST_MARKERS]
    shown = [marker for marker in lifts.markers if marker in farthest]
    which = "Markers" if len(shown) == len(lifts.markers) else f"{len(shown)} of {len(lifts.markers):,} markers"
    title = (
        f"{which} of {lifts.persona} in the {lifts.channel.value}, {lifts.prompts:,} prompts: "
        f"{_who(lifts.side.label, lifts.texts, lifts.words)} "
        f"against {_who(lifts.base.label, lifts.base_texts, lifts.base_words)}"
    )
    columns = ("Marker", "Uses (texts)", "Other's", "Lift [95%]", "z", "p (BH)", "Verdict")
    return Table(title, columns, tuple(_row(marker) for marker in shown), frozenset({"Marker", "Verdict"}))


def _who(label: str, texts: int, words: int) -> str:
    return f"{label} ({texts:,} texts, {words:,} words)"


def _row(marker: MarkerLift) -> tuple[str, ...]:
    lift = marker.lift
    more = "more" if lift.value > 0 else "less"
    return (
        lift.marker if len(lift.marker) <= _LONGEST else f"{lift.marker[: _LONGEST - 1]}…",
        f"{lift.count:,} ({marker.texts:,})",
        f"{lift.base_count:,} ({marker.base_texts:,})",
        decimals(lift.value, lift.low, lift.high),
        f"{lift.z:+.1f}".replace("-", MINUS),
        p_value(marker.adjusted),
        more if marker.apart else NOTHING,
    )
