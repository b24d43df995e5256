"""Makes the JavaScript of the HTML report's plots: Vega, Vega-Lite and vega-embed in one file.

pip install vl-convert-python==1.9.0 && python tools/make_vega_bundle.py
"""

from __future__ import annotations

from pathlib import Path

VEGA_LITE = "6.4"
FILE = Path(__file__).parents[1] / "plugins/charbench_plugins/html_report/vega.js"
LICENCE = """\
/* Vega, Vega-Lite, vega-embed and vega-tooltip: Copyright (c) University of Washington Interactive Data Lab and
contributors, BSD 3-Clause licence (https://github.com/vega/vega/blob/main/LICENSE); d3: Copyright Mike Bostock, ISC
licence. Made by tools/make_vega_bundle.py. */
"""


def main() -> None:
    """Write the file."""
    import vl_convert

    code = vl_convert.javascript_bundle("window.vegaEmbed=vegaEmbed;", vl_version=VEGA_LITE)
    # In a function, so that its names do not collide with those of the page.
    FILE.write_text(f"{LICENCE}(()=>{{{code.replace('</script', '<' + chr(92) + '/script')}}})();\n", encoding="utf-8")


if __name__ == "__main__":
    main()
