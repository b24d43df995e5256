"""Endpoints that the configuration gives names: a server stays itself when its address changes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from charbench.components.endpoint import split_userinfo
from charbench.components.trust import Address, Trust
from charbench.errors import UnknownNameError
from charbench.text.redaction import redact

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
"""A name of an endpoint: no URL looks like one."""


@dataclass(frozen=True, slots=True)
class NamedEndpoint:
    """One entry of ``endpoints`` in the configuration.

    ``api_key_env`` names the environment variable with its key; None: the usual one. ``models`` are the names of the
    models that it is known to serve; empty: not stated. ``formerly`` are the URLs that the same server had before.
    ``from_file`` holds what a file says of it, each text with its place.
    """

    name: str
    base_url: str
    api_key_env: str | None = None
    models: tuple[str, ...] = ()
    formerly: tuple[str, ...] = ()
    from_file: tuple[tuple[str, str], ...] = ()

    def is_at(self, url: str) -> bool:
        """Whether this is the address of the endpoint today."""
        return _spelled(url) == _spelled(self.base_url)

    def also_at(self, urls: Iterable[str]) -> NamedEndpoint:
        """Return the endpoint, with further addresses that it had."""
        return replace(self, formerly=tuple(dict.fromkeys((*self.formerly, *urls))))

    @property
    def addresses(self) -> tuple[str, ...]:
        """All URLs that it has or had, without credentials: what is stored under them is its own."""
        return tuple(dict.fromkeys(plain_url(url) for url in (self.base_url, *self.formerly)))

    def trusted_by(self, trust: Trust) -> Trust:
        """Return ``trust``, knowing that a file names this endpoint's host and key."""
        return replace(trust, from_file=(*trust.from_file, *self.from_file))


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The endpoints that have names, and the one that is asked by components whose options name none.

    ``chosen`` is a name or a URL (``--endpoint``), empty where none is; ``chosen_in`` is the place in a file that
    chose it, empty where the user did on the command line or in the environment.
    """

    named: Mapping[str, NamedEndpoint] = field(default_factory=lambda: MappingProxyType({}))
    chosen: str = ""
    chosen_in: str = ""
    more: tuple[str, ...] = ()
    """Further ones that a run asks, by name or URL; no component asks them without being told."""

    @property
    def is_typed(self) -> bool:
        """Whether the user, and not just a file, chose the endpoint."""
        return bool(self.chosen) and not self.chosen_in

    def find(self, text: str) -> NamedEndpoint | None:
        """Return the endpoint of this name or at this URL; None for a URL that has no name.

        Raises :class:`charbench.UnknownNameError` for a name that is none.
        """
        if text in self.named:
            return self.named[text]
        if "://" not in text:
            hint = "; a URL (http://HOST:PORT/v1) is taken too" + ("" if self.named else ", or add it to 'endpoints'")
            raise UnknownNameError("endpoint", text, self.named, hint)
        return next((one for one in self.named.values() if one.is_at(text)), None)

    def identity(self, text: str) -> str:
        """Return what makes the endpoint of this name or URL itself: its name, else its URL without credentials."""
        named = self.find(text)
        return named.name if named else plain_url(text)

    def earlier(self) -> dict[str, str]:
        """Return, by each URL that an endpoint has or had, the endpoint's name."""
        return {redact(url): one.name for one in self.named.values() for url in one.addresses}


NO_NAMES = Endpoints()
"""For components that are made in code: every endpoint is its URL."""


def _spelled(url: str) -> tuple[object, str]:
    """Return what spellings of one address have in common: a host may be in upper case, a port may be left out."""
    plain = plain_url(url)
    return Address.of(plain), plain.partition("://")[2].partition("/")[2]


def plain_url(url: str) -> str:
    """Return a URL without credentials and without slashes at its end, as it is stored."""
    return split_userinfo(url.strip().rstrip("/"))[0]
