"""Digests by key in little memory: what a million recorded rows say fits into 40 MB, where a dict takes 250."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

_BYTES = 16
_ENTRY = 2 * _BYTES


class DigestMap(Mapping[str, str]):
    """Keys and digests of 32 hexadecimal characters each, as :func:`charbench.digest` makes them; others are held too.

    Entries lie one after the other in buckets by the first two bytes of their keys, and a bucket is searched through.
    """

    def __init__(self) -> None:
        self._buckets: dict[bytes, bytearray] = {}
        self._others: dict[str, str] = {}

    def setdefault(self, key: str, digest: str) -> str:
        """Return the digest of a key, which is this one where it had none."""
        known = self.get(key)
        if known is not None:
            return known
        raw, value = _raw(key), _raw(digest)
        if raw is None or value is None:
            self._others[key] = digest
        else:
            self._buckets.setdefault(raw[:2], bytearray()).extend(raw + value)
        return digest

    def __getitem__(self, key: str) -> str:
        raw = _raw(key)
        if raw is not None and (bucket := self._buckets.get(raw[:2])) is not None:
            at = bucket.find(raw)
            while at >= 0:
                if at % _ENTRY == 0:
                    return bucket[at + _BYTES : at + _ENTRY].hex()
                at = bucket.find(raw, at + 1)  # by chance it is found across two entries
        return self._others[key]

    def __iter__(self) -> Iterator[str]:
        for bucket in self._buckets.values():
            for at in range(0, len(bucket), _ENTRY):
                yield bucket[at : at + _BYTES].hex()
        yield from self._others

    def __len__(self) -> int:
        return sum(map(len, self._buckets.values())) // _ENTRY + len(self._others)


def _raw(text: str) -> bytes | None:
    """Return the bytes of 32 hexadecimal characters, None for any other text."""
    try:
        raw = bytes.fromhex(text) if len(text) == 2 * _BYTES else b""
    except ValueError:
        return None
    return raw if raw and raw.hex() == text else None
