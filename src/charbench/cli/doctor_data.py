"""The doctor's look at training data that waits: is any of it out of character of its persona?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from charbench.components.check_result import CheckResult

if TYPE_CHECKING:
    from charbench.run.session import Session

MOST = 50
"""Jobs whose data is looked at; ``discover`` looks at all of them."""


def look_at_data(session: Session) -> Iterator[CheckResult]:
    """Look at the data of the jobs that wait in the store, as ``discover`` does; nothing is searched anew."""
    from charbench.run.data_in_character import out_of_character
    from charbench.run.train_jobs import waiting_jobs

    jobs = waiting_jobs(session.existing_database(), None)
    if not jobs:
        return
    found = out_of_character(session, jobs[:MOST])
    for line in found:
        yield CheckResult("training data", "note", line, "charbench discover --explain shows whose data it is")
    if not found:
        yield CheckResult(
            "training data", "ok", f"that of {_counted(len(jobs[:MOST]))} is not known to be out of character"
        )
    if len(jobs) > MOST:
        text = f"{_counted(len(jobs) - MOST)} not looked at"
        yield CheckResult("training data", "note", text, "charbench discover looks at all")


def _counted(jobs: int) -> str:
    return f"{jobs:,} waiting job{'' if jobs == 1 else 's'}"
