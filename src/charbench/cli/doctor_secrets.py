"""The doctor's look at secrets: who may read what is kept, and which hosts are sent no key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from charbench.components.check_result import CheckResult
from charbench.components.trust import Address
from charbench.config.model import RunConfig
from charbench.config.private_files import is_open_to_others


def look_at_secrets(config: RunConfig) -> Iterator[CheckResult]:
    """Look at the store's file, at charbench's folder, and at the addresses that the configuration file gives."""
    store = config.store_url.removeprefix("sqlite:///")
    files = [Path(store)] if store != config.store_url else []
    for path in dict.fromkeys([config.folder, *files]):
        if path.exists():
            yield _readers(path, own=path == config.folder or (not config.store and path in files))
    yield from _hosts(config)


def _readers(path: Path, *, own: bool) -> CheckResult:
    if not is_open_to_others(path):
        return CheckResult("permissions", "ok", f"{path}: its owner only")
    mode = "700" if path.is_dir() else "600"
    advice = "the next charbench run closes it" if own else f"chmod {mode} {path}, unless this is intended"
    return CheckResult("permissions", "note", f"{path}: others may read it", advice)


def _hosts(config: RunConfig) -> Iterator[CheckResult]:
    refused: dict[str, None] = {}
    for component in config.options:
        trust = config.trust_for(component)
        for _, text in trust.from_file:
            address = Address.of(text) if text.lower().startswith(("http://", "https://")) else None
            if address and trust.refusal(component, text, "OPENAI_API_KEY"):
                refused[str(address)] = None
    for host in refused:
        advice = f"CHARBENCH_TRUSTED_HOSTS={host}, or --trusted-host {host}, to allow keys"
        yield CheckResult("keys", "note", f"{host}: only the configuration file names it; no key is sent", advice)
