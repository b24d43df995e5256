"""``measured.json``: how well scorers tell personas, as ``personas measure`` found in a lab, or as it ships."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from charbench.domain.measurement import Measurement
from charbench.domain.persona import Persona
from charbench.errors import ConfigError

NAME = "measured.json"
_MOST_BYTES = 4_000_000


def measured_path(persona: Persona, folder: Path) -> Path:
    """Return where ``personas measure`` keeps the figures of a persona's scorers.

    That is beside its file where it is the lab's own, so that both go together, else in the lab's ``folder``
    (``.charbench``): a persona that came with a package stays as it came.
    """
    origin = Path(persona.origin).absolute() if persona.origin else None
    if origin is not None and origin.is_relative_to(folder.absolute().parent):
        return origin.with_name(NAME)
    return folder / NAME


def read_measurement(
    persona: Persona, scorer: str, identity: str, folder: Path, code: str | None = None
) -> Measurement | None:
    """Return what the lab measured, else what ships beside the persona's file.

    None where nothing was measured, or with other markers or options (``identity``), or by other ``code`` (None: its
    version, in the identity, tells).
    """
    places = [measured_path(persona, folder), folder / NAME]
    if persona.origin:
        places.append(Path(persona.origin).with_name(NAME))
    for path in dict.fromkeys(places):
        entry = _read(path).get(persona.name, {}).get(scorer, {})
        of_today = isinstance(entry, dict) and entry.get("identity") == identity
        if of_today and entry.get("code", code) == code:
            figures = {name: value for name, value in entry.items() if name not in ("identity", "code")}
            try:
                return Measurement.from_json(figures)
            except (TypeError, ValueError) as error:
                told = f"{path}: {persona.name}, {scorer}: {error}"
                raise ConfigError(f"{told}; remove the file and measure again") from None
    return None


def write_measurement(
    persona: Persona,
    scorer: str,
    identity: str,
    measured: Measurement,
    folder: Path,
    *,
    code: str | None = None,
    aside: bool = False,
) -> Path:
    """Keep what was measured, with the digest of the scorer's ``code``; return the file.

    ``aside``: not beside the persona's file, whosever it is.

    Raises :class:`ConfigError` where it cannot be written.
    """
    path = folder / NAME if aside else measured_path(persona, folder)
    content = _read(path)
    made_by = {"identity": identity} | ({} if code is None else {"code": code})
    content.setdefault(persona.name, {})[scorer] = made_by | measured.to_json()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror or error}; --no-keep only prints") from None
    return path


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from None
    try:
        data = json.loads(content) if len(content) <= _MOST_BYTES else None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: {error}; remove the file and measure again") from None
    if not isinstance(data, dict) or not all(isinstance(one, dict) for one in data.values()):
        raise ConfigError(f"{path}: not what 'personas measure' writes; remove the file and measure again")
    return data
