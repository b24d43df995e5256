"""Answers that came together with another one (``n``), kept for the epochs that will want them."""

from __future__ import annotations

from collections.abc import Sequence

from charbench import Completion, SampleRequest

_Key = tuple[str, str, str]


class SpareAnswers:
    """Spare answers by checkpoint, prompt and condition. A server that ignores ``n`` leaves none."""

    def __init__(self) -> None:
        self._answers: dict[_Key, list[Completion]] = {}

    def take(self, request: SampleRequest) -> Completion | None:
        """Return a spare answer to this question, None if there is none."""
        key = _key(request)
        answers = self._answers.get(key)
        if not answers:
            return None
        answer = answers.pop()
        if not answers:
            del self._answers[key]
        return answer

    def put(self, request: SampleRequest, answers: Sequence[Completion]) -> None:
        """Keep answers."""
        if answers:
            self._answers.setdefault(_key(request), []).extend(answers)


def _key(request: SampleRequest) -> _Key:
    return request.checkpoint.uri, request.prompt.key, request.condition
