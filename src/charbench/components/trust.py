"""Which hosts may be sent a key: those that whoever runs charbench named, and not those that only a file names.

A ``charbench.yaml`` comes with a lab, which may be somebody else's. What it says decides where requests go; a key
from the environment goes along only where the command line or the environment names the host too, or where the
host is the key's own.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from charbench.errors import ConfigError

OPTION = "--trusted-host"
VARIABLE = "CHARBENCH_TRUSTED_HOSTS"
ADDRESS_VARIABLE = re.compile(r"[A-Z0-9_]+_BASE_URL")
"""Environment variables in which the user names an address, such as OPENAI_BASE_URL."""
_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s\[\]:/?#@\\%]+)(?::[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class Address:
    """Where requests go. Two addresses are the same host's where all of it is the same."""

    scheme: str
    host: str
    port: int | None

    @classmethod
    def of(cls, url: str) -> Address | None:
        """Return the address in a URL, None where it holds none that all programs read in the same way."""
        userinfo_ends = url.rfind("@") + 1
        scheme, mark, rest = url.partition("://")
        rest = url[userinfo_ends:] if userinfo_ends else rest
        authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
        if not mark or not _HOST.fullmatch(authority) or not url.isprintable():
            return None
        parts = urlsplit(f"//{authority}")
        scheme = scheme.lower()
        try:
            return cls(scheme, parts.hostname or "", parts.port or _PORTS.get(scheme))
        except ValueError:
            return None

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine's own."""
        try:
            return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port in (None, _PORTS.get(self.scheme)) else f"{host}:{self.port}"

    def matches(self, name: str) -> bool:
        """Whether ``name`` means this address: a host, with its port or for all of them, or a URL."""
        if "://" in name:
            return Address.of(name) == self
        named = Address.of(f"{self.scheme}://{name}")
        has_port = re.search(r":[0-9]+$", name) is not None
        return named is not None and named.host == self.host and (not has_port or named.port == self.port)


@dataclass(frozen=True, slots=True)
class Trust:
    """What is known of the addresses that one component is given; as it is by default, all are trusted.

    ``hosts`` are those of ``--trusted-host``, ``addresses`` the URLs that the command line and the environment
    give, ``from_file`` the texts among the component's options that a file gives, each with its place.
    """

    hosts: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    from_file: tuple[tuple[str, str], ...] = ()
    issuers: tuple[tuple[str, str], ...] = (("OPENAI_API_KEY", "https://api.openai.com"),)
    """Variables that hold keys, each with the host that issues its key and may always be sent it."""

    def with_issuers(self, issuers: Mapping[str, str]) -> Trust:
        """Return the same trust, with further variables of keys and the hosts that issue them; those known stay."""
        known = dict(self.issuers)
        return replace(self, issuers=tuple({**issuers, **known}.items()))

    def refusal(self, who: str, url: str, variable: str) -> str:
        """Return why the key in ``variable`` may not be sent to ``url``, with what to do; empty where it may."""
        address = Address.of(url)
        if address is None:
            return f"{who}: no host can be read in the address, so that {variable} is not sent there"
        issuers = dict(self.issuers)
        if any(address.matches(name) for name in self.hosts) or address == Address.of(issuers.get(variable, "")):
            return ""
        given = any(address == Address.of(one) for one in self.addresses)
        place = "" if given else self._place_of(address.host)
        what = f"only this file names {address}"
        if not place and variable in issuers and (place := self._place_of(variable, whole=True)):
            what = f"{address} is not what {variable} is for, and only this file names that"
        if not place:
            return ""
        allow = f"allow it with {OPTION} {address} (or {VARIABLE}={address})"
        return f"{place}: {who}: {what}: the key in {variable} is not sent there; {allow} if the host is to have it"

    def check(self, who: str, url: str, variable: str) -> None:
        """Raise :class:`ConfigError` where the key in ``variable`` may not be sent to ``url``."""
        if refusal := self.refusal(who, url, variable):
            raise ConfigError(refusal)

    def _place_of(self, text: str, *, whole: bool = False) -> str:
        """Return where the file says ``text``, in whatever case; empty where it does not."""
        text = text.casefold()
        for place, found in self.from_file:
            if found.casefold() == text or (not whole and text in found.casefold()):
                return place
        return ""


TRUSTING = Trust()
"""For components that are made in code: whoever wrote it chose the addresses."""
