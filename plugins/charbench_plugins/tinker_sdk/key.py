"""The Tinker credential: where it is from, and whether its form is right. It is never shown.

As the SDK has it: ``TINKER_API_KEY`` (a key, or a JWT), else what the command in ``TINKER_CREDENTIAL_CMD`` prints,
else the key that ``tinker auth login`` has stored.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from charbench import ConfigError, FileFault, KeySource, read_json, register_secret

VARIABLE, COMMAND = "TINKER_API_KEY", "TINKER_CREDENTIAL_CMD"
STORED = Path("~/.tinker/credentials.json")
"""Where ``tinker auth login`` stores keys."""
COMMAND_SECONDS = 30.0
_KEY = re.compile(r"tml-[!-~]{4,}")
"""What a header can carry: ASCII without white space."""
_NEVER = 2**53
"""An end (in seconds) that is none."""
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential and where it is from; ``key`` None: the SDK runs the command for each request."""

    source: str
    key: str | None = field(default=None, repr=False)

    def token(self, seconds: float = COMMAND_SECONDS) -> str:
        """Return what a request is sent with; the command is run where there is one, and may take ``seconds``."""
        return self.key if self.key is not None else _printed(seconds)


def fault_of_tinker_key(key: str) -> str | None:
    """Return what is wrong with a key's form, None if nothing is; the key itself is not in it."""
    if key.startswith("eyJ"):
        return _fault_of_jwt(key)
    if not key.startswith("tml-"):
        return "it must start with tml-"
    if _KEY.fullmatch(key):
        return None
    if any(character.isspace() for character in key):
        return "there is white space inside it; copy it as one word"
    if not key.isascii() or not key.isprintable():
        return "there is a character in it that no key has; copy it again"
    return "it ends too soon after tml-; copy it whole"


def credential() -> Credential | None:
    """Return the credential, None where there is none; nothing is run and nobody is asked.

    Raises :class:`ConfigError` where there is one that cannot be right.
    """
    key, command = os.environ.get(VARIABLE, "").strip(), os.environ.get(COMMAND, "").strip()
    if key:
        register_secret(key)
        if (fault := fault_of_tinker_key(key)) is None:
            return Credential(VARIABLE, key)
        if not command:  # the SDK, too, goes on to the command
            raise ConfigError(f"{VARIABLE} is not a Tinker key: {fault}")
    return Credential(COMMAND) if command else _stored()


def key_source() -> KeySource | None:
    """Return where the credential for Tinker's OpenAI-compatible endpoint is from; None where there is none.

    Raises :class:`ConfigError` as :func:`credential` does.
    """
    if (found := credential()) is None:
        return None
    if found.key is not None:
        return KeySource(found.source, found.key)
    return KeySource(found.source, renew=_renewed)


def _renewed() -> tuple[str, float | None]:
    """Return what the command prints, and until when it holds: as a JWT says, else until it is refused."""
    token = _printed(COMMAND_SECONDS)
    return token, _expiry(token)


def has_credential() -> bool:
    """Whether there is a credential, be it right or not."""
    if os.environ.get(VARIABLE, "").strip() or os.environ.get(COMMAND, "").strip():
        return True
    try:
        return _stored() is not None
    except ConfigError:
        return True


def api_key() -> str | None:
    """Return the key for the SDK's clients, None where they are to run the command.

    Raises :class:`ConfigError` where there is no credential, or none of the right form.
    """
    return required().key


def required() -> Credential:
    """Return the credential; raises :class:`ConfigError` where there is none."""
    if (found := credential()) is None:
        raise ConfigError(
            f"{VARIABLE} is not set; make a key in Tinker's console and export it, or log in: tinker auth login"
        )
    return found


def _stored() -> Credential | None:
    """Return the default key that is stored."""
    file = STORED.expanduser()
    try:
        said = read_json(file)
    except FileNotFoundError:
        return None
    except FileFault as fault:
        raise ConfigError(f"{STORED}: {fault.reason}; log in again: tinker auth login") from None
    said = said if isinstance(said, dict) else {}
    keys, name = said.get("keys"), said.get("default")
    record = keys.get(name) if isinstance(keys, dict) and isinstance(name, str) else None
    key = record.get("key") if isinstance(record, dict) else None
    if not isinstance(key, str) or not key.strip():
        return None
    if wrong := fault_of_tinker_key(register_secret(key.strip())):
        raise ConfigError(f"{STORED}: the stored key is not a Tinker key: {wrong}; log in again: tinker auth login")
    return Credential(str(STORED), key.strip())


def _printed(seconds: float) -> str:
    """Return what the command prints."""
    try:
        ran = subprocess.run(  # noqa: S602  the user's own command, run as the SDK runs it
            os.environ[COMMAND], shell=True, capture_output=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise ConfigError(f"{COMMAND}: the command has not ended after {seconds:g} s") from None
    token = register_secret(ran.stdout.decode("utf-8", "replace").strip())
    if not token:
        raise ConfigError(f"{COMMAND}: the command printed nothing, and ended with {ran.returncode}")
    if fault := fault_of_tinker_key(token):
        raise ConfigError(f"{COMMAND}: what the command printed is no Tinker credential: {fault}")
    return token


def _fault_of_jwt(token: str) -> str | None:
    if not _JWT.fullmatch(token):
        return "it starts as a JWT does and is none; copy it whole"
    try:
        expires = _expiry(token)
    except (binascii.Error, ValueError, RecursionError):
        return "it starts as a JWT does and is none; copy it whole"
    if expires is not None and expires <= time.time():
        return f"the JWT has expired; get a new one, or let {COMMAND} be a command that prints one"
    return None


def _expiry(token: str) -> float | None:
    """Return when a JWT expires, in seconds as ``time.time()`` counts; None where it does not say, or it is a key."""
    if not token.startswith("eyJ"):
        return None
    body = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    expires = claims.get("exp") if isinstance(claims, dict) else None
    if not isinstance(expires, int | float) or isinstance(expires, bool):
        return None
    return float(expires) if expires < _NEVER else None
