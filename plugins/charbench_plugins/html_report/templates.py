"""Pages from templates: escaped, with the scripts and the style that ship with this package, and no others."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charbench import WebPage, interval_decimals

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_NAME_PIECE = re.compile(r"(?s).{0,23}?[-_/.:@ ]{1,24}|.{1,24}")
_STYLE = "page.css"
_PART = 50_000
"""Characters of a long script that are written together: Jinja copies what it writes several times."""


def written(template: str, scripts: Sequence[str] = (), **values: Any) -> WebPage:
    """Return the page that a template makes of ``values``.

    It is given ``scripts`` (by their names), ``style`` and ``policy``, a Content-Security-Policy that names them.
    """
    code, style = _code(scripts)
    return WebPage("".join(pieces(template, scripts, **values)), list(code.values()), [style])


def pieces(template: str, scripts: Sequence[str] = (), **values: Any) -> Iterator[str]:
    """Yield the text of such a page; the whole of it takes several times the memory."""
    code, style = _code(scripts)
    made = _environment().get_template(template)
    return made.generate(scripts=code, style=style, policy=_policy([style], list(code.values())), **values)


def _code(scripts: Sequence[str]) -> tuple[dict[str, str], str]:
    return {name: asset(f"{name}.js") for name in scripts}, asset(_STYLE)


def visible(value: object) -> str:
    """Return text in which control characters, and those that turn the direction of what follows, stand as codes."""
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", str(value))


def name_with_breaks(value: object) -> Markup:
    """Return a name that a line may end in after a separator, or after 24 characters where it has none."""
    from markupsafe import Markup

    return Markup("<wbr>").join(_NAME_PIECE.findall(visible(value)))


def mean(value: float | None, low: float | None = None, high: float | None = None) -> str:
    """``54.2 [48.1, 60.3]``, with more decimals the narrower it is, as in the terminal; a dash without any."""
    if value is None:
        return "–"
    if low is None or high is None:
        return f"{value:,.3f}"
    digits = interval_decimals(high - low)
    return f"{value:,.{digits}f} [{low:,.{digits}f}, {high:,.{digits}f}]".replace("-", "−")


def percent(value: float | None) -> str:
    """``67%``; a dash where there is none."""
    return "–" if value is None else f"{value:.0%}"


def in_parts(text: str) -> Iterator[str]:
    """Yield a long text part by part."""
    for begin in range(0, len(text), _PART):
        yield text[begin : begin + _PART]


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from charbench_plugins.html_report.kept_code import KeptCode

    environment = Environment(
        loader=PackageLoader("charbench_plugins.html_report", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        bytecode_cache=KeptCode(Path(__file__).parent),
    )
    environment.filters["visible"] = visible
    environment.filters["name_with_breaks"] = name_with_breaks
    environment.filters["percent"] = percent
    environment.filters["mean"] = mean
    environment.filters["in_parts"] = in_parts
    return environment


@cache
def asset(name: str) -> str:
    """Return the text of a file of this package."""
    return (files("charbench_plugins.html_report") / name).read_text(encoding="utf-8")


def _policy(styles: Sequence[str], scripts: Sequence[str]) -> str:
    """Return the Content-Security-Policy: these texts and no others are code, and nothing is fetched."""

    def hashes(texts: Sequence[str]) -> str:
        digests = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts)
        return " ".join(f"'sha256-{one}'" for one in digests)

    return (
        f"default-src 'none'; script-src {hashes(scripts)}; style-src {hashes(styles)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
