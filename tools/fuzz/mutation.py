"""Changes a valid input a little, or a lot, by chance: bytes, lines, and the values of JSON."""

from __future__ import annotations

# ruff: noqa: E501  the lists are tables
import json
import random
from collections.abc import Callable, Sequence
from typing import Any

LARGEST = 1 << 18
"""Bytes of an input; what is cut to this many may end anywhere."""
HOSTILE: tuple[bytes, ...] = (
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\r", b"\r\n", b"\n\n", b"\t", b"\x1b[31m", b"\x1b]8;;", b"\x85",
    "…".encode(), "│".encode(), "\u2028".encode(), "\u202e".encode(), "\ufeff".encode(), "İſK".encode(), "🏴\u200d☠️".encode(),
    b'"', b"'", b"`", b"```", b",", b";", b":", b"=", b"{", b"}", b"[", b"]", b"<", b">", b"&a ", b"*a", b"!!int ", b"? ", b"- ",
    b"|", b"#", b"---\n", b"%YAML 9.9\n", b"<<: *a\n", b"null", b"true", b"NaN", b"-Infinity", b"1e400", b"-1", b"0.1",
    b"9" * 30, b"9" * 5000, b"[" * 300, b'{"a":' * 300, b"[" * 20000, b"a" * 3000, b" " * 3000, b"\n" * 3000,
    b"<think>", b"</think>", b"<thinking>", b"[THINK]", b"[/THINK]", b"<|channel|>", b"\\ud800", b"\\u0000", b"tinker://",
    b"tinker:/", b"/weights/", b"sk-abcdefghijklmnop", b"2024-13-45T99:99:99", b"0001-01-01T00:00:00+23:59", b"=cmd()", b"../../etc",
)  # fmt: skip
"""What has broken readers."""
VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 10**30, 1e308, "", " ", "\x00", "\ud800", "a" * 5000, "tinker://a/weights/b", "9" * 400, [], [[]], {},
    {"": {}}, [None], {"a": [1, "b"]}, [{"role": "user"}], "NaN", "2024-01-01", "user", "İ", [["a"] * 50] * 50,
)  # fmt: skip


def mutated(pick: random.Random, seeds: Sequence[bytes]) -> bytes:
    """Return one of the seeds, changed from no to eight times."""
    content = pick.choice(seeds)
    for _ in range(pick.choice((0, 1, 1, 1, 2, 2, 3, 5, 8))):
        content = pick.choice(_CHANGES)(pick, content, seeds)[:LARGEST]
    return content


def _place(pick: random.Random, content: bytes) -> int:
    return pick.randrange(len(content) + 1)


def _flip(pick: random.Random, content: bytes, _: Sequence[bytes]) -> bytes:
    at = _place(pick, content)
    return content[:at] + bytes([pick.randrange(256)]) + content[at + 1 :]


def _insert(pick: random.Random, content: bytes, _: Sequence[bytes]) -> bytes:
    at = _place(pick, content)
    return content[:at] + pick.choice(HOSTILE) + content[at + pick.choice((0, 0, 1, 4)) :]


def _remove(pick: random.Random, content: bytes, _: Sequence[bytes]) -> bytes:
    at = _place(pick, content)
    return content[:at] + content[at + pick.choice((1, 2, 8, 64)) :]


def _cut(pick: random.Random, content: bytes, _: Sequence[bytes]) -> bytes:
    return content[: _place(pick, content)]


def _repeat(pick: random.Random, content: bytes, _: Sequence[bytes]) -> bytes:
    at = _place(pick, content)
    part = content[at : at + pick.choice((1, 3, 10, 40, 200))]
    times = min(pick.choice((2, 10, 300, 5000)), LARGEST // (len(part) or 1))
    return content[:at] + part * times + content[at:]


def _splice(pick: random.Random, content: bytes, seeds: Sequence[bytes]) -> bytes:
    other = pick.choice(seeds)
    return content[: _place(pick, content)] + other[_place(pick, other) :]


def _lines(pick: random.Random, content: bytes, _: Sequence[bytes]) -> bytes:
    lines = content.split(b"\n")
    one, other = pick.randrange(len(lines)), pick.randrange(len(lines))
    lines[one], lines[other] = lines[other], pick.choice((lines[one], b"  " + lines[one], lines[one] * 2))
    return b"\n".join(lines)


def _json(pick: random.Random, content: bytes, seeds: Sequence[bytes]) -> bytes:
    """Replace a value in a JSON document, or in one line of JSON Lines."""
    lines = content.split(b"\n")
    at = pick.randrange(len(lines))
    for text, around in ((content, None), (lines[at], at)):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            continue
        changed = json.dumps(_replaced(pick, value), ensure_ascii=pick.random() < 0.5).encode("utf-8", "surrogatepass")
        return changed if around is None else b"\n".join([*lines[:at], changed, *lines[at + 1 :]])
    return _insert(pick, content, seeds)


def _replaced(pick: random.Random, value: Any) -> Any:
    """Return a JSON value with one value or key, however deep, in place of which stands another."""
    if isinstance(value, dict) and value and pick.random() < 0.85:
        name = pick.choice(list(value))
        if pick.random() < 0.1:
            return {(str(pick.choice(VALUES)) if key == name else key): inner for key, inner in value.items()}
        return {**value, name: _replaced(pick, value[name])}
    if isinstance(value, list) and value and pick.random() < 0.85:
        at = pick.randrange(len(value))
        return [*value[:at], _replaced(pick, value[at]), *value[at + 1 :]]
    return pick.choice(VALUES)


_CHANGES: tuple[Callable[[random.Random, bytes, Sequence[bytes]], bytes], ...] = (
    _flip, _insert, _insert, _remove, _cut, _repeat, _splice, _lines, _json, _json, _json,
)  # fmt: skip
