"""Settings in words: what was requested, what differs between two, and which one a table is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from charbench.domain.keys import digest
from charbench.domain.table import Table
from charbench.report.render.cells import NOTHING, whole
from charbench.store.selection import Selection
from charbench.store.served_models import APART
from charbench.store.settings import Setting

RULE_OF_RUN = (
    "of each persona what this run asked for; charbench report shows the setting of the newest run that added samples"
)
RULE = "of each persona the setting of the newest run that added samples, diagnoses aside; --setting ID takes another"
MOST = 3
"""So many personas' settings are written out below a table."""
ENDPOINT = "endpoint"
"""What was asked, in settings of samples that an endpoint gave after another one had given some."""
_LONG = 40
_HIDDEN = ("stop", "seed", "top_p")
"""Shared parameters that are only worth a word where they are given, or differ."""


def facts_of(setting: Setting) -> dict[str, str]:
    """Return what was requested, each thing under its name."""
    facts = {name.replace("_", " "): _shown(value) for name, value in setting.shared.items()}
    facts["sampler"] = " and ".join(sorted(setting.samplings))
    for sampler, one in setting.samplings.items():
        facts |= {
            f"{sampler} {name.replace('_', ' ')}": _shown(value) for name, value in one.own.items() if name != APART
        }
        facts[f"{sampler} version"] = str(one.protocol)
    if apart := {str(one.own[APART]) for one in setting.samplings.values() if APART in one.own}:
        facts[ENDPOINT] = " and ".join(sorted(apart))
    facts["prompts"] = "all" if setting.prompts is None else f"{len(setting.prompts):,} prompts"
    for scorer, by in setting.scorers.items():
        facts[f"scorer {scorer}"] = "yes"
        facts |= {f"{scorer} {name.replace('_', ' ')}": _shown(value) for name, value in by.config.items()}
        facts[f"{scorer} version"] = str(by.protocol)
        facts[f"{scorer} criteria"] = by.fingerprint[:6] or "none"
    return facts


def differences(settings: Sequence[Setting]) -> dict[str, list[str]]:
    """Return for each of a persona's settings (by ID) what is not the same in all of them, in words."""
    facts = {one.id: facts_of(one) for one in settings}
    for one in settings:  # two sets of as many prompts, codes of a scorer or declarations of a metric differ too
        same = [other for other in settings if other.prompts and one.prompts and len(other.prompts) == len(one.prompts)]
        if one.prompts is not None and len({other.prompts for other in same}) > 1:
            facts[one.id]["prompts"] += f" (set {digest(*sorted(one.prompts))[:6]})"
        for scorer, by in one.scorers.items():
            twins = [o.scorers[scorer] for o in settings if scorer in o.scorers]
            twins = [o for o in twins if (o.config, o.fingerprint) == (by.config, by.fingerprint)]
            if len({twin.version for twin in twins}) > 1:
                facts[one.id][f"{scorer} code"] = (by.version or "not known").replace(" ", " and ")
            elif len({twin.key for twin in twins}) > 1:
                facts[one.id][f"{scorer} metric declaration"] = by.key[:6]
    names = list(dict.fromkeys(name for mine in facts.values() for name in mine))
    scorers = {scorer for one in settings for scorer in one.scorers}

    def varies(name: str) -> bool:
        owner = name.partition(" ")[0]  # of a setting without a scorer, its options are not said one by one
        with_it = [mine for mine in facts.values() if owner not in scorers or f"scorer {owner}" in mine]
        return len({mine.get(name) for mine in with_it}) > 1

    varied = [name for name in names if varies(name)]
    return {number: [_phrase(name, mine[name]) for name in varied if name in mine] for number, mine in facts.items()}


def words_of(setting: Setting) -> str:
    """Return a short description of a setting."""
    facts = facts_of(setting)
    shared = {name.replace("_", " ") for name in setting.shared}
    plain = {"", "none", "[]", "1.0", "1"}
    hidden = {name.replace("_", " ") for name in _HIDDEN}
    said = [_phrase(name, facts[name]) for name in facts if name in shared - hidden]
    said += [_phrase(name, facts[name]) for name in facts if name in shared & hidden and facts[name] not in plain]
    said += [_phrase(ENDPOINT, facts[ENDPOINT])] if ENDPOINT in facts else []
    said = said or ["as " + facts["sampler"]]
    if setting.prompts is not None:
        said.append(facts["prompts"])
    return ", ".join(said)


def setting_lines(selection: Selection) -> list[str]:
    """Return what is to be said below a table: the settings that it shows, the rule, and what is left out."""
    chosen = list(selection.settings.values())
    if not chosen:
        return []
    rule = "named by --setting" if selection.named else "this run's" if selection.usual else "the newest run's"
    if len(chosen) > MOST:
        lines = [f"Settings ({rule}): one of each persona; charbench report --list-settings lists them."]
    else:
        said = "; ".join(f"{one.id} of {one.persona} ({words_of(one)})" for one in chosen)
        lines = [f"Setting{'s' if len(chosen) > 1 else ''} ({rule}): {said}."]
    for persona, usual in selection.usual.items():
        mine = selection.settings[persona]
        differs = differences([mine, usual])[usual.id][:MOST]
        lines.append(
            f"All samples of {persona} that this run asked for were there. charbench report shows {usual.id} "
            f"({', '.join(differs)}), to which samples were added last, and this one with --setting {mine.id}."
        )
    if selection.others:
        number = len(selection.others)
        of = "1 other setting" if number == 1 else f"{number:,} other settings"
        count = f"{selection.left_out:,} sample{'' if selection.left_out == 1 else 's'}"
        what = f"{count} of {of} {'is' if selection.left_out == 1 else 'are'} left out"
        what = what if selection.left_out else f"{of} of the same samples {'is' if number == 1 else 'are'} not shown"
        first = selection.others[0]
        differs = differences([selection.settings[first.persona], first])[first.id][:MOST]
        said = f" ({', '.join(differs)})" if differs else ""
        lines.append(f"{what}: charbench report --list-settings lists them, --setting {first.id} shows one{said}.")
    elif selection.left_out:
        lines.append(f"{selection.left_out:,} samples of base models belong to other settings and are left out.")
    return lines


def selection_dict(selection: Selection) -> dict[str, Any]:
    """Return the same for JSON: ``settings`` by persona, the rule, and what is left out."""
    return {
        "settings": {persona: setting_dict(one) for persona, one in selection.settings.items()},
        "setting_rule": "named by --setting" if selection.named else RULE_OF_RUN if selection.usual else RULE,
        "other_settings": [one.id for one in selection.others],
        "samples_left_out": selection.left_out,
    }


def setting_dict(setting: Setting) -> dict[str, Any]:
    """Return one setting for JSON."""
    return {
        "id": setting.id,
        "persona": setting.persona,
        "samplers": sorted(setting.samplings),
        "parameters": dict(setting.shared),
        "options": {sampler: dict(one.own) for sampler, one in setting.samplings.items()},
        "prompts": None if setting.prompts is None else len(setting.prompts),
        "scorers": {
            name: {
                "protocol": by.protocol,
                "options": dict(by.config),
                "fingerprint": by.fingerprint,
                "code": by.version.split() if by.version else [],
            }
            for name, by in setting.scorers.items()
        },
    }


def list_dicts(by_persona: Mapping[str, Sequence[Setting]], counts: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return every setting for JSON; ``counts`` are the samples of each, by ID."""
    found = []
    for settings in by_persona.values():
        differ = differences(settings)
        for place, one in enumerate(settings):
            more = {
                "newest_run": one.run or None,
                "differs": differ[one.id],
                "samples": counts.get(one.id, 0),
                "is_default": place == 0,
            }
            found.append(setting_dict(one) | more)
    return found


def settings_table(by_persona: Mapping[str, Sequence[Setting]], counts: Mapping[str, int]) -> Table:
    """Return the table of all settings."""
    rows = []
    for persona, settings in by_persona.items():
        differ = differences(settings)
        for place, one in enumerate(settings):
            rows.append(
                (
                    one.id,
                    persona,
                    " and ".join(sorted(one.samplings)),
                    ", ".join(differ[one.id]) or words_of(one),
                    "all" if one.prompts is None else whole(len(one.prompts)),
                    ", ".join(sorted(one.scorers)) or NOTHING,
                    whole(counts.get(one.id, 0)),
                    str(one.run) if one.run else NOTHING,
                    "yes" if place == 0 else "",
                )
            )
    columns = ("ID", "Persona", "Sampler", "What differs", "Prompts", "Scorers", "Samples", "Newest run", "Shown")
    left = frozenset({"ID", "Persona", "Sampler", "What differs", "Scorers", "Shown"})
    note = f"Shown: {RULE}."
    return Table("Settings", columns, tuple(rows), left, (note,), ("Scorers", "Sampler", "Prompts"))


def _phrase(name: str, value: str) -> str:
    if name == "prompts":
        return value if value.endswith(("prompts", ")")) else f"{value} prompts"
    if name.startswith("scorer ") and value == "yes":
        return name
    return f"{name} {value}"


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _LONG else f"{text[:_LONG]}..."
