"""An endpoint of requests over HTTP: its address, and the credentials that it may be sent."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from urllib.parse import quote, unquote

from charbench.components.trust import TRUSTING, Address, Trust
from charbench.errors import ConfigError
from charbench.text.redaction import keep_userinfo, register_secret


@dataclass(frozen=True, slots=True)
class KeySource:
    """A key that is elsewhere than in the variable of a :class:`DefaultEndpoint`, or what makes one.

    ``found_in`` is what messages say is set (``TINKER_CREDENTIAL_CMD``). ``renew`` returns a key and until when it
    holds, in seconds as ``time.time()`` counts (None: until it is refused); it may take seconds, and raises
    :class:`ConfigError` where it has none. Without it the key is ``key``.
    """

    found_in: str
    key: str = field(default="", repr=False)
    renew: Callable[[], tuple[str, float | None]] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address, and what to send along. Credentials are never part of what is shown.

    ``base_url`` holds no credentials and no slash at the end. ``api_key`` is empty where there is none to be sent;
    ``withheld`` then says why, if there is one. ``authorization`` is the header's value where the URL held
    credentials, else empty.
    """

    base_url: str
    api_key: str = field(default="", repr=False)
    authorization: str = field(default="", repr=False)
    withheld: str = ""
    name: str = ""
    """What the configuration calls it; empty where it has no name."""
    formerly: tuple[str, ...] = ()
    """URLs under which results of this very server may be stored: those that it has and had; empty without a name."""
    is_chosen: bool = False
    """Whether the user chose it for this very command (``--endpoint``)."""
    renewed_by: KeySource | None = field(default=None, repr=False, compare=False)
    """What makes its key when one is needed; ``api_key`` is empty then."""

    @property
    def identity(self) -> str:
        """What makes this endpoint itself, for keys: its name, else its URL, port included."""
        return self.name or self.base_url


@dataclass(frozen=True, slots=True)
class DefaultEndpoint:
    """An API in OpenAI's form that is used where no endpoint is named and its key is set.

    ``owner`` is what messages call it (``Tinker``). Its key is in the environment variable ``api_key_env``, begins with
    ``key_prefix``, and is sent to the host of ``url`` alone. Where it may also be elsewhere, or be of another form,
    ``find_key`` names a function, as entry points do (``package.module:function``), that returns its
    :class:`KeySource`, None where there is none; it runs nothing and asks nobody, and raises :class:`ConfigError` for a
    key that cannot be right.
    """

    url: str
    owner: str
    api_key_env: str
    key_prefix: str = ""
    find_key: str = ""

    def is_at(self, url: str) -> bool:
        """Whether ``url`` names this API's own host, by the same scheme and port, and holds no credentials."""
        return "@" not in url and Address.of(url) == Address.of(self.url)

    def key_is_in(self) -> str:
        """Return what is set that holds its key, be it right or not; empty where nothing is."""
        try:
            found = self._found()
        except ConfigError:
            return self.api_key_env
        return found.found_in if found else self.api_key_env if os.environ.get(self.api_key_env) else ""

    def key_for(self, who: str) -> KeySource | None:
        """Return its key where ``find_key`` finds it, None where it is the variable's.

        Raises :class:`ConfigError`, naming ``who``, where it is missing, or of the wrong form.
        """
        try:
            found = self._found()
        except ConfigError as error:
            raise ConfigError(f"{who}: {error}; a key is needed for {self.url}") from None
        if found is None:
            self._check_variable(who)
        return found

    def check_key(self, who: str) -> None:
        """Raise :class:`ConfigError`, naming ``who``, where its key is missing, or of the wrong form."""
        self.key_for(who)

    def _found(self) -> KeySource | None:
        if not self.find_key:
            return None
        module, _, name = self.find_key.partition(":")
        found: KeySource | None = getattr(import_module(module), name)()
        return found

    def _check_variable(self, who: str) -> None:
        key = os.environ.get(self.api_key_env, "")
        if not key or not key.startswith(self.key_prefix):
            found = f"does not start with {self.key_prefix}" if key else "is not set"
            raise ConfigError(f"{who}: {self.api_key_env} {found}; it is needed for {self.url}")


def endpoint_at(
    url: str, who: str, *, api_key_env: str | None = None, default_env: str | None = None, trust: Trust = TRUSTING
) -> Endpoint:
    """Return the endpoint at ``url`` with its credentials.

    Credentials in the URL (``http://USER:PASSWORD@HOST``, ``http://TOKEN@HOST``) are sent as HTTP basic
    authentication (RFC 7617), and then no key is: both would be the same header. Otherwise the key in the environment
    variable ``api_key_env`` is sent, which must be set; without one, that in ``default_env``, if set.

    Raises :class:`ConfigError`, naming ``who`` (``sampler thinking``), for an address that is none, for credentials in
    the URL together with ``api_key_env``, and where ``trust`` does not let the host have the key.
    """
    keep_userinfo(url)
    address, userinfo = split_userinfo(url.rstrip("/"))
    if not url.lower().startswith(("http://", "https://")):
        raise ConfigError(f"{who}: base_url is {_shown(url)!r}; it must start with http:// or https://")
    where = Address.of(address)
    if where is None:
        raise ConfigError(f"{who}: base_url is {_shown(url)!r}; no host and port can be read in it")
    if userinfo:
        if api_key_env:
            raise ConfigError(
                f"{who}: base_url holds credentials, and api_key_env names a key ({api_key_env}); give one of the two"
            )
        return Endpoint(address, authorization=basic_authorization(userinfo))
    variable = api_key_env or default_env
    key = os.environ.get(variable, "") if variable else ""
    if api_key_env and not key:
        raise ConfigError(f"{who}: environment variable {api_key_env} (api_key_env) is not set")
    if not variable or not key:
        return Endpoint(address)
    register_secret(key)
    if refusal := trust.refusal(who, address, variable):
        if api_key_env or not where.is_loopback:
            raise ConfigError(refusal)
        return Endpoint(address, withheld=refusal)
    return Endpoint(address, key)


def split_userinfo(url: str) -> tuple[str, str]:
    """Return the URL without credentials, and the credentials: all that stands between ``://`` and the last ``@``."""
    scheme, mark, rest = url.partition("://")
    userinfo, _, host = rest.rpartition("@")
    return f"{scheme}{mark}{host}", userinfo


def with_quoted_userinfo(url: str) -> str:
    """Return the URL with its credentials percent-encoded, so that every program finds the same host in it."""
    address, userinfo = split_userinfo(url)
    user, colon, password = userinfo.partition(":")
    scheme, mark, rest = address.partition("://")
    quoted = f"{quote(unquote(user), safe='')}{colon}{quote(unquote(password), safe='')}"
    return f"{scheme}{mark}{quoted}@{rest}" if userinfo else url


def basic_authorization(userinfo: str) -> str:
    """Return the value of the ``Authorization`` header for the credentials in a URL, percent-decoded (RFC 7617)."""
    user, _, password = userinfo.partition(":")
    return f"Basic {base64.b64encode(f'{unquote(user)}:{unquote(password)}'.encode()).decode()}"


def _shown(url: str) -> str:
    """Return an address that may not be one, without what may be credentials in it."""
    before, at, host = url.rpartition("@")
    return f"[redacted]@{host}" if at else before + host
