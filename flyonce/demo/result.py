"""What a demo run came to, and how it is told."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

REAL = (
    "the MAVLink mission protocol over a TCP socket, the ground's texture (NEON orthophoto, 0.1 m), and all "
    "processing: planning, recognition, location, grouping, cases, routing"
)
STAGED = (
    "the vehicle (simulated), the district with its names, codes and zones, the painted streets and reservoir, the "
    "puddles, waste heaps and anglers (rendered sprites), the camera and its navigation errors"
)


@dataclass(frozen=True, kw_only=True)
class DemoResult:
    """Every figure is measured: paths from mission and telemetry log, cases and tasks from the store.

    Attributes:
        planned_km: Length of the uploaded mission over the ground.
        flown_km: Length of the path that the vehicle reported.
        photos: Photos that were looked at.
        findings: Detections that got a place on the ground.
        cases: Cases in the store.
        truth: Things that were staged.
        found: Staged things that have a case of the right matter within 10 m.
        missed: Names of the staged things that have none.
        false_cases: Cases where nothing of that matter was staged.
        position_error_m_median: Of the found things; None when none was found.
        tasks_by_department: Tasks in the store.
        seconds: Wall time of the whole run.
        seconds_by_stage: Wall time of its stages; flight and analysis overlap.
        store: URL of the store.
        folder: Where the run's files are.
    """

    planned_km: float
    flown_km: float
    photos: int
    findings: int
    cases: int
    truth: int
    found: int
    missed: tuple[str, ...]
    false_cases: int
    position_error_m_median: float | None
    tasks_by_department: dict[str, int]
    seconds: float
    seconds_by_stage: dict[str, float]
    store: str
    folder: str

    def as_json(self) -> dict[str, Any]:
        """The figures as one JSON object, with what is real and what is staged."""
        return asdict(self) | {"real": REAL, "staged": STAGED}
