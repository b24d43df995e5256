"""Which endpoint to send requests to, and with which key."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from charbench.components.endpoint import DefaultEndpoint, Endpoint, endpoint_at
from charbench.components.named_endpoints import NO_NAMES, Endpoints, NamedEndpoint, plain_url
from charbench.components.trust import TRUSTING, Trust
from charbench.errors import ConfigError


def find_endpoint(
    base_url: str | None,
    api_key_env: str | None,
    who: str,
    trust: Trust = TRUSTING,
    defaults: Sequence[DefaultEndpoint] = (),
    endpoints: Endpoints = NO_NAMES,
    endpoint: str | None = None,
) -> Endpoint:
    """Return the endpoint that a component asks, with what it may be sent.

    It is the first of these that is given: the component's option ``endpoint`` (a name or a URL), its ``base_url``,
    ``--endpoint``, ``OPENAI_BASE_URL``, the first of ``defaults`` whose key is set, the only one that has a name. A URL
    that has a name in ``endpoints`` is the endpoint of that name.

    The key of a default endpoint goes to its own host only, unless ``api_key_env`` names it; to a host that only a file
    names goes none. Raises :class:`ConfigError` where no endpoint is named, a key is missing or of the wrong form, or
    the host may not have it, and :class:`charbench.UnknownNameError` for a name that is none; ``who`` is the component
    that asks.
    """
    own = endpoint or base_url
    text = own or asked_by_default(endpoints, defaults)
    if not text:
        raise _not_chosen(who, defaults, endpoints)
    named = endpoints.find(text)
    url = (named.base_url if named else text).rstrip("/")
    if named:
        api_key_env = api_key_env or named.api_key_env
        trust = named.trusted_by(trust)
    elif text == endpoints.chosen and endpoints.chosen_in:
        trust = replace(trust, from_file=(*trust.from_file, (endpoints.chosen_in, text)))
    default = None if api_key_env else next((one for one in defaults if one.is_at(url)), None)
    source = default.key_for(who) if default else None
    default_env = None if source else default.api_key_env if default else "OPENAI_API_KEY"
    made = endpoint_at(url, who, api_key_env=api_key_env, default_env=default_env, trust=trust)
    if source is not None:  # this is the host of whoever issues the key
        made = replace(made, api_key=source.key, renewed_by=source if source.renew else None)
    return _with_name(made, named, is_chosen=endpoints.is_typed and _is_chosen(made, endpoints))


def asked_by_default(endpoints: Endpoints, defaults: Sequence[DefaultEndpoint] = ()) -> str:
    """Return the name or URL that a component asks which names none itself; empty: there is none, or one of several."""
    if chosen := endpoints.chosen or os.environ.get("OPENAI_BASE_URL"):
        return chosen
    if url := next((one.url for one in defaults if one.key_is_in()), None):
        return url
    return next(iter(endpoints.named)) if len(endpoints.named) == 1 else ""


def _not_chosen(who: str, defaults: Sequence[DefaultEndpoint], endpoints: Endpoints) -> ConfigError:
    offers = "".join(f"set {one.api_key_env} for {one.owner}'s, or " for one in defaults)
    option = f"-o {who.replace(' ', '.')}.base_url=http://HOST:PORT/v1"
    known = f", or choose one that has a name: --endpoint {' or '.join(endpoints.named)}" if endpoints.named else ""
    return ConfigError(
        f"{who}: no endpoint; {offers}name one with --endpoint URL (or {option}, or OPENAI_BASE_URL){known}"
    )


def _with_name(made: Endpoint, named: NamedEndpoint | None, *, is_chosen: bool) -> Endpoint:
    if named is None:
        return replace(made, is_chosen=is_chosen)
    return replace(made, name=named.name, formerly=named.addresses, is_chosen=is_chosen)


def _is_chosen(made: Endpoint, endpoints: Endpoints) -> bool:
    """Whether this is the endpoint of ``--endpoint``, however a component came to it."""
    named = endpoints.find(endpoints.chosen)
    return (named.addresses[0] if named else plain_url(endpoints.chosen)) == made.base_url
