"""Plots as files: SVG and PNG, and the data of each as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from charbench import ConfigError, ReportContent, no_formulas
from charbench_plugins.html_report.plots import HEAT, plots
from charbench_plugins.html_report.samples import Samples

_SCALE = 2.0
"""Pixels of the PNG for each pixel of the plot."""
_WIDTH = 640
_CONFIG = {"range": {"heatmap": HEAT}}


def plot_files(report: ReportContent) -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of each file. Raises :class:`ConfigError` where the extra is not installed."""
    try:
        import vl_convert
    except ImportError:
        raise ConfigError("--format plots needs vl-convert-python: pip install 'charbench[plots]'") from None
    for plot in plots(report.data, Samples.of(report).markers()):
        spec = plot.spec | {"width": _WIDTH, "title": plot.title, "background": "white", "config": _CONFIG}
        yield f"{plot.name}.svg", vl_convert.vegalite_to_svg(spec).encode()
        yield f"{plot.name}.png", vl_convert.vegalite_to_png(spec, scale=_SCALE)
        text = io.StringIO(newline="")
        columns = list(dict.fromkeys(name for row in plot.rows for name in row))
        writer = csv.DictWriter(text, columns)
        writer.writeheader()
        writer.writerows(no_formulas(row) for row in plot.rows)
        yield f"{plot.name}.csv", text.getvalue().encode()
