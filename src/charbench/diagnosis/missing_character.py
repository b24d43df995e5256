"""Why the character is missing where responses come: the rules, in the order they are tried. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping

from charbench.diagnosis.causes import HALF, IN_CHARACTER, OUT_OF_CHARACTER, Cause, Diagnosis, of, undecided
from charbench.diagnosis.missing_responses import misfiled, refusal
from charbench.diagnosis.probe_results import AtZero, Findings, ProbeResult
from charbench.diagnosis.same_answers import ENOUGH_ANSWERS, Compared, Likeness, compare


def not_applied_by_one(findings: Findings) -> Diagnosis | None:
    """Return that one sampler's endpoint serves the base model, if another's does not.

    It does so if its answers at temperature 0 are the base model's own (:class:`Likeness`), and the other's are in
    character, or differ from those that the other itself got from the base model (samplers may render prompts
    differently, so that one's answers differ from what another got means nothing).
    """
    views = findings.at_zero
    asked = next((view for view in views.values() if view.base), None)
    if asked is None:
        return None
    compared = {name: found for name, view in views.items() if (found := compare(view, asked))}
    wrong = [
        name
        for name, found in compared.items()
        if found.likeness is Likeness.SAME and not _in_character(views[name].checkpoint)
    ]
    right = [
        name
        for name, view in views.items()
        if name not in wrong
        and (_in_character(view.checkpoint) or (view.base and _is(compared.get(name), Likeness.UNLIKE)))
    ]
    if not wrong or not right:
        return None
    return Diagnosis(
        Cause.ADAPTER_NOT_APPLIED,
        tuple(_through(views, compared)),
        f"sample it with --sampler {right[0]}: the endpoint of {' and '.join(wrong)} serves the base model "
        "under its name",
    )


def missing_character(findings: Findings) -> Diagnosis | None:
    """Return the cause; None where the character is there, or no rule fits."""
    baseline = findings.baseline
    if baseline.responses and baseline.trait_share >= OUT_OF_CHARACTER:
        return misfiled(findings)
    return (
        refusal(findings, baseline)
        or _not_applied(findings)
        or misfiled(findings)
        or _another_setting(findings)
        or _perhaps_not_applied(findings)
        or _erosion(findings)
    )


def no_character(findings: Findings) -> Diagnosis | None:
    """Return that there is no character, where nothing else is left to explain it; None where there is some.

    Unknown where nobody looked for the character, or where a probe that would explain it is silent.
    """
    baseline = findings.baseline
    present = f"{of(baseline.responses, baseline.answered)} samples have a response"
    if not baseline.scored:
        evidence = (present, "no scorer measured whether they are in character")
        advice = "name the persona (-p), and a scorer of its traits (--scorer keyword)"
        return Diagnosis(Cause.UNKNOWN, evidence, advice, decided=False)
    if baseline.trait_share >= OUT_OF_CHARACTER:
        return None
    lines = [
        present,
        f"{of(baseline.trait_in_response, baseline.responses)} of the responses are in character",
        f"{of(baseline.trait_in_thinking, baseline.answered)} are in character in their thinking",
        *through_others(findings),
    ]
    compared = "base_greedy" in findings.probes
    at_zero = findings.silent("greedy", "base_greedy", "base_again") if compared else []
    if silent := [*findings.silent_settings(), *at_zero]:
        return undecided(lines, silent)
    if not compared:
        lines.append("no base model to compare with: whether an adapter is applied at all is not known")
    return Diagnosis(Cause.NO_CHARACTER, tuple(lines), "train it further, or use another checkpoint")


def through_others(findings: Findings) -> list[str]:
    """Return a line for each other sampler: how many of its responses are in character."""
    return [
        f"{view.checkpoint.title}: {of(view.checkpoint.trait_in_response, view.checkpoint.responses)} of the responses "
        "are in character"
        if view.checkpoint.tells
        else f"{view.checkpoint.title}: {view.checkpoint.why_silent}"
        for view in findings.elsewhere.values()
    ]


def _not_applied(findings: Findings) -> Diagnosis | None:
    """Return that the base model answers, through this sampler and through every other that was compared."""
    views = findings.at_zero
    mine = views.get(findings.sampler)
    found = compare(mine, mine) if mine else None
    if mine is None or found is None or found.likeness is not Likeness.SAME:
        return None
    others = {name: view for name, view in views.items() if name != findings.sampler}
    if not others:
        advice = "the server serves the base model: check the model name, and try another sampler"
        return Diagnosis(Cause.ADAPTER_NOT_APPLIED, (_line(mine, found), found.noise_line), advice)
    compared = {name: one for name, view in others.items() if (one := compare(view, mine))}
    evidence = (_line(mine, found), found.noise_line, *_through(others, compared))
    if all(_is(compared.get(name), Likeness.SAME) for name in others):
        advice = (
            "check the checkpoint's name, and whether training changed its weights: every sampler gets the base model"
        )
    else:
        advice = f"what {findings.sampler} asks serves the base model: check the model name there"
    return Diagnosis(Cause.ADAPTER_NOT_APPLIED, evidence, advice)


def _perhaps_not_applied(findings: Findings) -> Diagnosis | None:
    """Return that weak training cannot be told from an adapter that is not applied; None where it is applied.

    Character in the thinking, where the base model has none, shows that the adapter is applied whatever the answers
    at temperature 0 are.
    """
    mine, base = findings.at_zero.get(findings.sampler), findings.probe("base_greedy")
    found = compare(mine, mine) if mine else None
    if mine is None or found is None or base is None or found.likeness is Likeness.UNLIKE:
        return None
    if findings.baseline.thinking_share >= IN_CHARACTER and base.scored and base.thinking_share < OUT_OF_CHARACTER:
        return None
    evidence: tuple[str, ...] = (found.differ_line, found.noise_line)
    if found.likeness is Likeness.NOISY:
        advice = (
            "nothing can be concluded from equal or different answers on this server: ask it without other load (one "
            "request at a time), or compare through another sampler"
        )
        return Diagnosis(Cause.UNKNOWN, evidence, advice, decided=False)
    if silent := findings.silent("base_again"):
        return undecided(evidence, silent)
    if found.total < ENOUGH_ANSWERS:
        evidence = (*evidence, f"at least {ENOUGH_ANSWERS} prompts are needed to tell")
    advice = (
        "ask more prompts (--prompts), and compare through another sampler: if some answers go on differing, the "
        "adapter is applied and training was weak"
    )
    return Diagnosis(Cause.WEAK_OR_NOT_APPLIED, evidence, advice, decided=False)


def _erosion(findings: Findings) -> Diagnosis | None:
    """Return erosion: the character is in the thinking, and in the responses under no setting."""
    baseline = findings.baseline
    if not baseline.responses or baseline.thinking_share < IN_CHARACTER:
        return None
    tried = findings.tried
    if any(probe.trait_share >= OUT_OF_CHARACTER for probe in tried):
        return None
    thinking = f"{of(baseline.trait_in_thinking, baseline.answered)} are in character in their thinking"
    evidence = [
        f"{thinking}, {of(baseline.trait_in_response, baseline.responses)} of the responses are",
        *(f"{p.title}: {of(p.trait_in_response, p.responses)} of the responses in character" for p in tried),
    ]
    silent = findings.silent_settings()
    if silent or not findings.other_settings_tell:
        return undecided(evidence, silent)
    return Diagnosis(
        Cause.EROSION,
        tuple(evidence),
        "the character does not reach the response under any setting: look at how responses were trained",
    )


def _another_setting(findings: Findings) -> Diagnosis | None:
    baseline = findings.baseline
    best = max(findings.tried, key=lambda probe: probe.trait_share, default=None)
    if not baseline.responses or best is None or best.trait_share < HALF:
        return None
    return Diagnosis(
        Cause.SETTING,
        (
            f"{of(baseline.trait_in_response, baseline.responses)} of the responses are in character as sampled",
            f"{best.title}: {of(best.trait_in_response, best.responses)} are",
        ),
        f"sample it with: {best.title}",
    )


def _through(views: Mapping[str, AtZero], compared: Mapping[str, Compared]) -> list[str]:
    return [f"through {name}: {_line(view, compared.get(name))}" for name, view in views.items()]


def _line(view: AtZero, found: Compared | None) -> str:
    mine = view.checkpoint
    same = found.same_line if found else "at temperature 0, no answer can be compared"
    return f"{same}, {of(mine.trait_in_response, mine.responses)} responses in character" if mine.scored else same


def _in_character(result: ProbeResult) -> bool:
    return result.trait_share >= IN_CHARACTER


def _is(found: Compared | None, likeness: Likeness) -> bool:
    return found is not None and found.likeness is likeness
