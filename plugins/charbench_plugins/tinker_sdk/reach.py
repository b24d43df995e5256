"""Asks, while a call waits, whether Tinker's host answers at all; one look at a time, whoever waits."""

from __future__ import annotations

import os
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from http.client import HTTPException

from charbench import endpoint_at

DEFAULT_URL = "https://tinker.thinkingmachines.dev/services/tinker-prod"
LOOK_SECONDS = 4.0
"""Seconds after which a host that has not answered is out of reach."""
BETWEEN_LOOKS = 2.5


def look() -> str:
    """Ask for the server's health; return why it is not there, an empty text if it is."""
    return answer_of("TINKER_BASE_URL", os.environ.get("TINKER_BASE_URL") or DEFAULT_URL, "/api/v1/healthz")


def answer_of(variable: str, url: str, path: str = "") -> str:
    """Return why a host is not there, an empty text if it is.

    ``variable`` is where the URL is from. Credentials in the URL are sent, and no key is. Any answer but a server
    error will do: the host is there, and what it thinks of the key is for the call itself to say.
    """
    endpoint = endpoint_at(url, variable)
    headers = {"Authorization": endpoint.authorization} if endpoint.authorization else {}
    request = urllib.request.Request(f"{endpoint.base_url}{path}", headers=headers)  # noqa: S310  the user's own
    try:
        with urllib.request.urlopen(request, timeout=LOOK_SECONDS):  # noqa: S310
            return ""
    except urllib.error.HTTPError as error:
        error.close()
        return f"it answers {error.code}" if error.code >= 500 else ""
    except urllib.error.URLError as error:
        return str(error.reason)
    except TimeoutError:
        return f"no answer within {LOOK_SECONDS:g} s"
    except (OSError, HTTPException, ValueError) as error:
        return str(error) or type(error).__name__


@dataclass(frozen=True, slots=True)
class Absence:
    """Since when (monotonic seconds) a host has not been there, and why."""

    since: float
    reason: str


@dataclass
class Lookout:
    """Looks now and then, in a thread of its own, for as long as somebody asks."""

    _absence: Absence | None = None
    _looking: bool = False
    _ended: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def absence(self) -> Absence | None:
        """Return what the last look found, None if the host is there; begin another look if it is time."""
        now = time.monotonic()
        with self._lock:
            if self._looking:
                return self._absence
            if now - self._ended > 2 * BETWEEN_LOOKS:
                self._absence = None  # nobody has asked for a while: what was found then says nothing now
            if now - self._ended >= (0.0 if self._absence else BETWEEN_LOOKS):
                self._looking = True
                threading.Thread(target=self._look, args=(now,), name="tinker: is it there?", daemon=True).start()
            return self._absence

    def _look(self, began: float) -> None:
        reason = look()
        with self._lock:
            since = self._absence.since if self._absence else began
            self._absence = Absence(since, reason) if reason else None
            self._looking, self._ended = False, time.monotonic()


LOOKOUT = Lookout()
