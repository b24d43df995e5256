"""What is to be said of the data of jobs that wait, before anything is trained: counts of faults, and of character."""

from __future__ import annotations

from dataclasses import dataclass

from charbench.datasets.health import findings
from charbench.discovery.job_planning import JobPlan
from charbench.run.data_in_character import out_of_character
from charbench.run.session import Session


@dataclass(frozen=True, slots=True)
class DataFindings:
    """Lines on data that is almost never in character, and on data with faults that are too few to refuse it."""

    out_of_character: tuple[str, ...]
    counted: tuple[str, ...]

    @property
    def warnings(self) -> list[str]:
        """All lines, the gravest first."""
        return [*self.out_of_character, *self.counted]


def data_findings(session: Session, plan: JobPlan) -> DataFindings:
    """Return what is found in the data of a plan's waiting jobs."""
    counted = []
    for job in plan.jobs_waiting:
        data = plan.data.get(job.job_id)
        if data and (found := findings(data.health)):
            counts = ", ".join(f"{count:,} {title}" for title, count in found.items())
            counted.append(f"{job.dataset}: {counts} in {data.health.examples:,} rows")
    return DataFindings(tuple(out_of_character(session, plan.jobs_waiting)), tuple(counted))
