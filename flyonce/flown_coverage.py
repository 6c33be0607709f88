"""The coverage of the flight that is being analysed: noted look by look, kept beside the store at its end."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping
from datetime import datetime, tzinfo
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flyonce.looks import Look, OriginalFile
from geo.coverage import (
    Blind,
    CoverageRecorder,
    FlightCoverage,
    ModelSight,
    path_of,
    place_cells,
    read_coverage,
    write_coverage,
)
from geo.errors import InputFileError
from geo.ground import Ground
from geo.identity import Thing
from vision.model_card import ModelCard
from vision.tiling import LEAST_OBJECT_PX, working_scale

_log = logging.getLogger(__name__)

# Any resolution finer than all that models ask for.
_FINE_M = 1e-6
_UNPLACED = "its pictures could not be put on the ground"


def sight_of(card: ModelCard, *, beyond_tried: float) -> ModelSight:
    """What a model can see, by its card.

    Args:
        card: The model's.
        beyond_tried: By which factor it works beyond the coarsest pictures that it was tried on.
    """
    tried_m = card.ground_resolution_m
    shrinks = working_scale(_FINE_M, card.labels, model_resolution_m=tried_m, smallest_object_m=card.smallest_object_m)
    return ModelSight(
        name=card.name,
        sha256=card.sha256[:12],
        labels=card.labels,
        coarsest_m=None if tried_m is None else beyond_tried * tried_m[1],
        looks_at_m=0.0 if shrinks is None else round(_FINE_M / shrinks, 9),
        least_px=float(LEAST_OBJECT_PX),
    )


class FlownCoverage:
    """What a flight looks at."""

    def __init__(self, *, models: Iterable[ModelSight], time_zone: tzinfo | None) -> None:
        """Begin without a look; `time_zone` is the city's and says which day it is, None for UTC."""
        self._recorder = CoverageRecorder(models=tuple(models), time_zone=time_zone)
        self._pictures: list[int] = []
        self._blind: list[Blind] = []
        self._unplaced_since: datetime | None = None

    def add(self, look: Look, footprint_lonlat: NDArray[np.float64] | None, ground: Ground) -> None:
        """Note one look; `footprint_lonlat` is None where nobody knows what it showed."""
        self._pictures.append(_digest(look))
        pose, camera = look.shot.pose, look.shot.camera
        at = look.shot.taken_at
        if footprint_lonlat is None or pose is None or camera is None:
            self._recorder.add_unplaced()
            self._unplaced_since = self._unplaced_since or at
            return
        if at is not None and self._unplaced_since is not None:
            self._blind.append(Blind(began_at=self._unplaced_since, ended_at=at, reason=_UNPLACED))
            self._unplaced_since = None
        self._recorder.add(
            pose,
            camera,
            ground,
            footprint_lonlat=footprint_lonlat,
            of_interest=look.of_interest,
            at=at,
        )

    def result(
        self, flight_id: str, *, gaps: Iterable[Mapping[str, Any]] = (), things: Iterable[Thing] = ()
    ) -> FlightCoverage:
        """All of it so far.

        Args:
            flight_id: The flight.
            gaps: As a material's account tells them.
            things: Everything that was sighted, whatever becomes of it.
        """
        sighted = [
            place_cells(thing.fix.lon, thing.fix.lat, thing.fix.covariance_m2, thing.footprint_lonlat)
            for thing in things
        ]
        return self._recorder.result(
            flight_id,
            blind=(*(_blind(gap) for gap in gaps), *self._unplaced()),
            pictures=np.unique(np.array(self._pictures, dtype=np.uint64)),
            sighted=np.unique(np.concatenate(sighted)) if sighted else None,
        )

    def _unplaced(self) -> tuple[Blind, ...]:
        if self._unplaced_since is None:
            return tuple(self._blind)
        return (*self._blind, Blind(began_at=self._unplaced_since, ended_at=None, reason=_UNPLACED))


def keep(folder: Path, fresh: FlightCoverage) -> Path:
    """Write a flight's coverage beside the store.

    The same pictures analysed again take the place of what they gave before; other pictures of the same flight are
    added to it. A damaged file gives way.

    Raises:
        InputFileError: The folder cannot be written to.
    """
    path = path_of(folder, fresh.flight_id)
    if path.exists():
        try:
            fresh = fresh.after(read_coverage(path))
        except InputFileError as error:
            _log.warning("%s It is written anew.", error)
    return write_coverage(folder, fresh)


def _digest(look: Look) -> int:
    """The same for the same picture wherever its file lies: by a photo's bytes, by a frame's name and moment."""
    original, at = look.original, look.shot.taken_at
    name = original.sha256 if isinstance(original, OriginalFile) else f"{PurePath(look.key).name} {at}"
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")


def _blind(gap: Mapping[str, Any]) -> Blind:
    ended_at = gap["ended_at"]
    return Blind(
        began_at=datetime.fromisoformat(gap["began_at"]),
        ended_at=None if ended_at is None else datetime.fromisoformat(ended_at),
        reason=str(gap["reason"]),
    )
