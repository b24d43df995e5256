"""Finds what an account holds: asks Tinker where there is a key, and reads listings that were saved."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pydantic import Field

from charbench import (
    CheckpointSource,
    CompleteListing,
    Evidence,
    Finding,
    Lab,
    LabFile,
    LabPath,
    NotSetUpError,
    RecordedSample,
    operational,
)
from charbench_plugins.sources.tinker.account import Account
from charbench_plugins.sources.tinker.entries import finding_of, owner_of
from charbench_plugins.sources.tinker.saved import saved_findings
from charbench_plugins.tinker_sdk.key import has_credential
from charbench_plugins.tinker_sdk.reach import DEFAULT_URL

API = "api"
"""What stands as evidence's path for an account's own listing; charbench believes it over files."""

_PRINTED = re.compile(r'"(?:checkpoint_id|training_run_id)"\s*:')
"""What stands in the tinker command's JSON, and in no other."""
_NAME = re.compile(r"tinker_(?:checkpoints|runs)")


class TinkerSource(CheckpointSource):
    """Checkpoints and runs of the Tinker account, or of listings that the tinker command wrote into files."""

    name = "tinker"
    matches_file_alone = True
    key_issuers = {"TINKER_API_KEY": DEFAULT_URL}  # noqa: RUF012  as its base class declares it

    class Config(CheckpointSource.Config):
        """Where saved listings lie, and how the account is asked."""

        files: list[LabPath] = Field(
            [],
            description="patterns of files with the output of 'tinker -f json checkpoint list --limit 0' "
            "(or 'run list'), relative to the lab; default: every file that holds it",
        )
        account: bool = Field(
            True, description="list the account if there is a key, a command that prints one, or a login"
        )
        page: int = operational(100, ge=1, le=1000, description="entries per request")

    config: Config

    def matches(self, file: LabFile) -> bool:
        """Whether a file is what the tinker command prints as JSON."""
        return file.suffix == ".json" and bool(_NAME.match(file.name) or _PRINTED.search(file.text))

    def find(self, lab: Lab) -> Iterable[Finding]:
        """Yield what saved listings hold, then what the account holds, page by page as it comes.

        Raises :class:`charbench.NotSetUpError` where there is neither a key nor a saved listing.
        """
        listings = [file.path for file in lab.offered(self, self.config.files)]
        if not self._asks and not listings:
            raise NotSetUpError(
                "TINKER_API_KEY is not set, and there is no saved listing; export the key, or write a listing "
                "where the key is: tinker -f json checkpoint list --limit 0 > tinker_checkpoints.json"
            )
        yield from saved_findings(listings, lab, self.name)
        if self._asks:
            account = Account.open(self.config.page)
            runs = {str(run["training_run_id"]): run for run in account.runs()}
            evidence = Evidence(self.name, API, None, "account listing")
            for entry in account.checkpoints(list(runs)):
                yield finding_of(entry, runs, lab, evidence)
            if account.whole:
                yield CompleteListing(evidence, frozenset(owner for run in runs.values() if (owner := owner_of(run))))

    def recordings(self, lab: Lab) -> Iterable[RecordedSample]:
        """Yield none: an account records no samples, and is not asked for them."""
        return ()

    @property
    def _asks(self) -> bool:
        return self.config.account and has_credential()
