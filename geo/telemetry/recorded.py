"""What a telemetry file came to: its track, and an account of what was used, dropped and not understood."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from geo.pose_track import PoseTrack


@dataclass(frozen=True, kw_only=True, eq=False)
class RecordedTelemetry:
    """Poses of one recording.

    Attributes:
        track: The usable poses.
        dialect: Which way of writing was recognised.
        entries: Lines or cues that the file holds.
        dropped: By reason, entries that gave no pose: `no_fix`, `not_a_number`, `out_of_range`, `no_altitude`,
            `no_position`, `repeated_time`, `backward_time`, `incomplete`.
        flags: Short machine names of what a reader should know.
        problems: The same as sentences for people.
    """

    track: PoseTrack
    dialect: str
    entries: int
    dropped: Mapping[str, int]
    flags: tuple[str, ...]
    problems: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "dropped", MappingProxyType(dict(self.dropped)))

    @property
    def used(self) -> int:
        """Entries that gave a pose."""
        return self.entries - sum(self.dropped.values())
