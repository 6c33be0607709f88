"""What an analysis is fed with: photos, recorded videos or a live stream, each behind one small protocol."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from flyonce.looks import Prepared, Problem


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """Something seen that is not certain yet: its place wants more looks.

    Attributes:
        key: The thing's number.
        lon: Degrees east.
        lat: Degrees north.
        radius_m: How large it and its error are.
        clock_s: The flight's clock when it was last seen; None where that is not known.
    """

    key: int
    lon: float
    lat: float
    radius_m: float
    clock_s: float | None


@dataclass(frozen=True, kw_only=True)
class Account:
    """What became of a source's pictures.

    Attributes:
        frames_decoded: Pictures that came out of the decoder whole.
        frames_dropped: Frames of a live stream that were overtaken by newer ones.
        gaps: Times without a picture: `began_at`, `ended_at`, `seconds`, `reason`.
        stream_data: By kind, pieces of telemetry that came inside the stream.
        sources: For each file or stream, the reader's own report.
        originals: For each video, `file`, `sha256`, `seconds`: what the flight's record keeps.
    """

    frames_decoded: int = 0
    frames_dropped: int = 0
    gaps: tuple[dict[str, Any], ...] = ()
    stream_data: dict[str, int] = field(default_factory=dict)
    sources: tuple[dict[str, Any], ...] = ()
    originals: tuple[dict[str, Any], ...] = ()


class Material(Protocol):
    """Pictures of one flight, in their order, read once."""

    ahead: int | None
    """Pictures in the works at a time: 1 where the next one may be long in coming; None where all are at hand."""

    @property
    def unreadable(self) -> list[Problem]:
        """What could not be used so far, with the reason."""
        ...

    @property
    def telemetry_s(self) -> float:
        """Seconds spent on reading telemetry before the first picture."""
        ...

    def pictures(self) -> Iterator[Prepared]:
        """The pictures to look at."""
        ...

    def attend(self, candidate: Candidate) -> None:
        """Look at this place more often, where that can be chosen."""
        ...

    def settle(self, key: int) -> None:
        """The candidate is confirmed or dropped: it needs no more looks."""
        ...

    def account(self) -> Account:
        """What became of the pictures."""
        ...
