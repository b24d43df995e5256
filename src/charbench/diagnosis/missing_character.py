"""Why the character is missing where responses come: the rules, in the order they are tried. Pure functions."""

from __future__ import annotations

from charbench.diagnosis.causes import HALF, IN_CHARACTER, OUT_OF_CHARACTER, Cause, Diagnosis, of, undecided
from charbench.diagnosis.missing_responses import misfiled, refusal
from charbench.diagnosis.probe_results import AtZero, Findings, ProbeResult


def not_applied_by_one(findings: Findings) -> Diagnosis | None:
    """Return that one sampler's endpoint serves the base model, if another's does not.

    It does so if at temperature 0 at least half of its answers are the base model's own, and the other's are in
    character, or differ from those that the other itself got from the base model (samplers may render prompts
    differently, so that one's answers differ from what another got means nothing).
    """
    views = findings.at_zero
    base = next((view.base for view in views.values() if view.base), None)
    if base is None:
        return None
    wrong = [name for name, view in views.items() if _is_base(view, base) and not _in_character(view.checkpoint)]
    right = [
        name for name, view in views.items() if name not in wrong and (view.base or _in_character(view.checkpoint))
    ]
    if not wrong or not right:
        return None
    return Diagnosis(
        Cause.ADAPTER_NOT_APPLIED,
        tuple(f"through {name}: {_compared(view, base)}" for name, view in views.items()),
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
        or _erosion(findings)
        or _another_setting(findings)
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
    if silent := [*findings.silent_settings(), *(findings.silent("greedy", "base_greedy") if compared else ())]:
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
    if mine is None or mine.base is None or not _is_base(mine, mine.base):
        return None
    evidence = [_compared(mine, mine.base)]
    others = {name: view for name, view in views.items() if name != findings.sampler}
    if not others:
        advice = "the server serves the base model: check the model name, and try another sampler"
        return Diagnosis(Cause.ADAPTER_NOT_APPLIED, tuple(evidence), advice)
    evidence += [f"through {name}: {_compared(view, mine.base)}" for name, view in others.items()]
    advice = "check the checkpoint's name, and whether training changed its weights: every sampler gets the base model"
    return Diagnosis(Cause.ADAPTER_NOT_APPLIED, tuple(evidence), advice)


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


def _compared(view: AtZero, base: ProbeResult) -> str:
    mine, base = view.checkpoint, view.base or base
    same = (
        f"at temperature 0, {_same_answers(mine, base)} of {_comparable(mine, base)} answers are the base model's own"
    )
    return f"{same}, {of(mine.trait_in_response, mine.responses)} responses in character" if mine.scored else same


def _in_character(result: ProbeResult) -> bool:
    return result.trait_share >= IN_CHARACTER


def _is_base(view: AtZero, base: ProbeResult) -> bool:
    """Whether at least half of the answers are those of the base model, as this sampler got them if it could."""
    base = view.base or base
    comparable = _comparable(view.checkpoint, base)
    return comparable > 0 and _same_answers(view.checkpoint, base) >= HALF * comparable


def _comparable(one: ProbeResult, other: ProbeResult) -> int:
    return min(one.answered, other.answered)


def _same_answers(one: ProbeResult, other: ProbeResult) -> int:
    """Return how many answers two probes share, word for word, thinking included; empty ones do not count."""
    mine = _texts(one)
    return sum(mine.get(question) == text for question, text in _texts(other).items())


def _texts(result: ProbeResult) -> dict[tuple[str, int], tuple[str, str]]:
    return {
        (sample.prompt.key, sample.epoch): (sample.thinking, sample.response)
        for sample in result.samples
        if sample.failure is None and (sample.thinking.strip() or sample.response.strip())
    }
