"""Staged films and their telemetry, its clock put off by a known time.

For the tests and for `benchmarks/geo_accuracy.py`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from flyonce.demo.patrol_flight import Phase
from flyonce.demo.patrol_plan import PatrolPlan, StagedPatrol
from flyonce.demo.patrol_video import stage_patrol
from flyonce.recordings import Recording, open_recording
from geo.camera import camera_by_name

CAMERA = camera_by_name("generic-84dfov")


def a_patrol(folder: Path, *, seconds: int = 60, phases: list[Phase] | None = None) -> StagedPatrol:
    """A small painted film, of the demo's patrol unless phases of another flight are given."""
    more = {} if phases is None else {"phases": phases}
    plan = PatrolPlan(seconds=seconds, fps=2, size_wh_px=(320, 180), seed=1, painted=True, **more)
    return stage_patrol(folder, plan, workers=1)


def recorded(patrol: StagedPatrol, *, planted_s: float = 0.0) -> Recording:
    """The film with its telemetry, whose clock shows `planted_s` at the film's 0 s."""
    recording = open_recording(patrol.video, telemetry_path=patrol.srt, camera=CAMERA)
    assert recording.track is not None
    return replace(recording, track=recording.track.shifted(-planted_s)) if planted_s else recording
