"""Takes out of text what must not be stored or printed: secrets, and what no database can hold."""

from __future__ import annotations

import base64
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any
from urllib.parse import unquote

_SECRET = re.compile(
    # Tinker's: nothing but "html-" is written like it, so it is one even where it is glued to what stands before it.
    r"(?<![hH])(tml)-[A-Za-z0-9_\-.~+/=]{3,}"
    # OpenAI's: "risk-averse" is none. A key is a word of its own (after an escape or a percent sign too), or ends in
    # twenty letters and figures.
    r"|((?<![A-Za-z0-9])sk|(?<=\\[nrt])sk|(?<=%[0-9A-Fa-f]{2})sk|(?<=\x1b\[[0-9]m)sk|(?<=\x1b\[[0-9]{2}m)sk)"
    r"-[A-Za-z0-9_\-]{6,}"
    r"|(sk)-(?:[A-Za-z0-9]{2,8}-){0,2}(?=[A-Za-z_]*[0-9])[A-Za-z0-9_]{20,}"
    # Hugging Face's.
    r"|(?<![A-Za-z0-9])(hf)_[A-Za-z0-9]{20,}"
)
_NO_SPACE = re.compile(r"[^\s\"'<>`]+")
"""What may be a URL, and what stands glued to it."""
_NO_HOST = re.compile(r"(?:tinker|file|sqlite[a-z0-9+_]*)$")
"""Schemes whose URLs have no user: an ``@`` in them is part of a name."""
_IN_QUERY = re.compile(
    r"(?i)([?&](?:api[-_]?key|key|(?:access_|auth_)?token|secret|password|passwd|sslpassword)=)[^&\s\"'<>`]+"
)
_SECRET_NAME = re.compile(
    r"(?i)(?:.*[-_])?(?:api[-_]?key|secret|passwd|password|authorization|(?:access|auth|bearer|hf)[-_]?token)|token"
)
_SECRET_VARIABLE = re.compile(r"(?:.*_)?(?:API_KEY|TOKEN|SECRET|PASSWORD)|PGPASSWORD")
_URL_VARIABLE = re.compile(r"(?i)(?:.*_)?(?:URL|URI|DSN|PROXY|ENDPOINT|STORE)")
_URL_WORD = re.compile(r"(?:[\w.-]+=)?[\"']?[A-Za-z][A-Za-z0-9+.-]{0,30}://")
_FORM = re.compile(r"(?:tml|sk|hf)(?=[-_])")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_JWT = re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}")
"""A signed token of three parts, as short-lived credentials are."""
_HEADER = re.compile(r"(?i)\b(bearer|api[-_ ]?key[\"']?\s*[:=]\s*[\"']?)\s*[A-Za-z0-9_\-.]{12,}")


_HIDDEN = "[redacted]"
_SHORTEST = 6
"""Characters of the shortest text that is hidden as a key: a shorter one would be hidden in ordinary words."""
_kept: set[str] = set()


def register_secret(key: str) -> str:
    """Return ``key``, and hide it from now on wherever text is stored or printed, whatever it looks like.

    For components that read a key of their own: ``tml-...``, ``sk-...``, ``hf_...`` and bearer tokens are hidden
    anyway. Keys of fewer than six characters are not.
    """
    if len(key) >= _SHORTEST and key != "none":
        _kept.add(key)
    return key


def keep_userinfo(url: str) -> str:
    """Return ``url``, and hide the credentials in it from now on wherever they stand, with or without the URL."""
    begin, at = _userinfo_in(url)
    if at > begin:
        userinfo = url[begin:at]
        user, colon, password = userinfo.partition(":")
        register_secret(base64.b64encode(f"{unquote(user)}:{unquote(password)}".encode()).decode())
        if not colon and not url[:begin].lower().endswith(("http://", "https://")):
            return url  # a database's user is no secret: only its URL goes without
        for text in dict.fromkeys([userinfo, password if colon else user]):
            for form in (text, unquote(text)):
                if not form.isalpha() and not form.isdecimal():  # "postgres" is a word: it is hidden in URLs only
                    register_secret(form)
    return url


def register_secrets_of(given: Any, name: str = "") -> None:
    """Hide what a JSON-like value holds: values named as a secret (``api_key``), and credentials in URLs."""
    if isinstance(given, Mapping):
        for key, item in given.items():
            register_secrets_of(item, str(key))
    elif isinstance(given, list | tuple):
        for item in given:
            register_secrets_of(item, name)
    elif isinstance(given, str):
        of_url = "://" not in given and _URL_VARIABLE.fullmatch(name)  # without its scheme it is as secret
        keep_userinfo(f"http://{given}" if of_url else given)
        if names_secret(name):
            register_secret(given)


def register_secrets_of_environment(environment: Mapping[str, str]) -> None:
    """Hide what variables hold: those named as a key, token, secret or password, and credentials in URLs."""
    for variable, text in environment.items():
        if _URL_VARIABLE.fullmatch(variable):
            keep_userinfo(text)
        if _SECRET_VARIABLE.fullmatch(variable) and not text.isalpha() and not text.isdecimal():
            register_secret(text.strip())


def names_secret(name: str) -> bool:
    """Whether an option or a field is named as one that holds a secret: ``api_key``, ``auth_token``, ``password``."""
    return _SECRET_NAME.fullmatch(name) is not None


def redact(text: str) -> str:
    """Return ``text`` with API keys hidden (``tml-...``, ``sk-...``, ``hf_...``, JWTs, bearer tokens, those that
    :func:`register_secret` knows), and the credentials in URLs: all that stands between ``://`` and the last ``@``.
    """
    text = hide_keys(text)
    if "eyJ" in text:
        text = _JWT.sub(_HIDDEN, text)
    if "://" in text:
        text = _NO_SPACE.sub(lambda match: _without_userinfo(match[0]), text)
        text = _IN_QUERY.sub(r"\1[redacted]", text)
    return _HEADER.sub(lambda match: f"{match.group(1)} [redacted]", text)


def redact_command(words: Iterable[str]) -> str:
    """Return a command line as one text, fit to be typed again, with what :func:`redact` hides hidden.

    A word that is a URL, or gives one to an option, is one as a whole: its password may hold spaces and quotes.
    """
    return redact(shlex.join(redact(_without_userinfo(w) if _URL_WORD.match(w) else w) for w in words))


def _without_userinfo(word: str) -> str:
    begin, at = _userinfo_in(word)
    return f"{word[:begin]}{_HIDDEN}{word[at:]}" if at > begin else word


def _userinfo_in(word: str) -> tuple[int, int]:
    """Return where the credentials in a URL begin and end; the same number twice where there are none.

    A password may hold ``/``, ``#`` and ``@`` as they are, so that all up to the last ``@`` is taken for it.
    """
    at = word.rfind("@")
    begin = word.find("://") + 3
    while 3 <= begin < at:
        if not _NO_HOST.search(word, max(0, begin - 23), begin - 3):
            return begin, at
        begin = word.find("://", begin) + 3
    return 0, 0


def holds_key(text: str) -> bool:
    """Whether a key may stand in ``text``; asked of every sample, so it has to be fast."""
    return "tml-" in text or "sk-" in text or "hf_" in text or any(key in text for key in _kept)


def hide_keys(text: str) -> str:
    """Return ``text`` with API keys hidden, and nothing else changed: for what a model wrote."""
    if not holds_key(text):
        return text
    for key in sorted(_kept, key=len, reverse=True):
        form = _FORM.match(key)
        text = text.replace(key, f"{form[0]}-{_HIDDEN}" if form else _HIDDEN)
    return _SECRET.sub(lambda match: f"{match[1] or match[2] or match[3] or match[4]}-{_HIDDEN}", text)


def storable(value: Any) -> Any:
    """Return ``value`` with half surrogate pairs and NULs in its text as U+FFFD; looks into JSON and dataclasses."""
    return map_text(value, lambda text: _UNSTORABLE.sub("\ufffd", text))


def redact_all(value: Any) -> Any:
    """Return a JSON-like value with secrets in its text hidden, and whatever is named as a secret."""
    if isinstance(value, Mapping):
        return {
            redact(name): _HIDDEN if item and isinstance(item, str) and names_secret(name) else redact_all(item)
            for name, item in ((str(name), item) for name, item in value.items())
        }
    if isinstance(value, list | tuple):
        return type(value)(redact_all(item) for item in value)
    return map_text(value, redact)


def map_text(value: Any, change: Callable[[str], str]) -> Any:
    """Return a JSON-like value, or a dataclass, with every text in it changed."""
    if isinstance(value, Enum):
        return value
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {map_text(name, change): map_text(item, change) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map_text(item, change) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{f.name: map_text(getattr(value, f.name), change) for f in fields(value)})
    return value
