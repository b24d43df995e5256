"""Keeps the password in ``PGPASSWORD`` from a store's host that only a configuration file names."""

from __future__ import annotations

import os
import re

from charbench.config.model import RunConfig
from charbench.errors import ConfigError

_VARIABLE = "PGPASSWORD"
_ANOTHER_HOST = re.compile(r"[?&](?:host|hostaddr|service)=")


def check_store_host(config: RunConfig) -> None:
    """Raise :class:`charbench.ConfigError` where a store's host would be sent a password that is not meant for it."""
    trust, url = config.trust_for_store(), config.store_url
    user_and_password = url.partition("://")[2].rpartition("@")[0]
    if not trust.from_file or not url.startswith("postgresql") or ":" in user_and_password:
        return
    if os.environ.get(_VARIABLE):
        if _ANOTHER_HOST.search(url):  # it takes the place of the host in front, or stands beside it
            where = trust.from_file[0][0]
            raise ConfigError(
                f"{where}: store: only this file names its host: the password in {_VARIABLE} is not sent there; "
                "allow it by giving the store with --store"
            )
        trust.check("store", url, _VARIABLE)
