"""The offsets of flights towards each other, told by the things that several of them saw."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from geo import gaussian
from geo.identity.flight import Chart, Flight
from geo.identity.offsets import Floats, Offset, Places, offset_between
from geo.identity.rules import IdentityRules


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """What a flight saw when it had given so many sightings, and how large its offset is to be expected (sigma)."""

    sightings: int
    places: Places
    offset_m: float


class Aligner:
    """Sets the offsets of flights."""

    def __init__(self, rules: IdentityRules) -> None:
        """Take the rules."""
        self._rules = rules
        self._families: dict[str, int] = {}
        # By flight: a flight that is over is drawn for each that comes after it.
        self._seen: dict[str, _Seen] = {}

    def align(self, flights: Iterable[Flight]) -> None:
        """Set the offsets of flights that changed since they were last aligned.

        A flight is laid over those before it that lie on one chart; where enough things agree, it joins that chart.
        """
        known: list[Flight] = []
        for flight in flights:
            if known and flight.sightings != flight.aligned_at:
                self._align_one(flight, known)
            flight.aligned_at = flight.sightings
            known.append(flight)

    def _align_one(self, flight: Flight, known: Sequence[Flight]) -> None:
        mine = self._seen_by(flight)
        best: tuple[Offset, Chart] | None = None
        for chart in {id(one.chart): one.chart for one in known}.values():
            others = [one for one in chart.flights if one is not flight]
            if not others:
                continue
            expected_m = (
                sum(one.shift[0] for one in others) / len(others),
                sum(one.shift[1] for one in others) / len(others),
            )
            found = offset_between(
                mine.places,
                self._drawn(others),
                expected_m=expected_m,
                sigma_m=math.hypot(mine.offset_m, self._seen_by(others[0]).offset_m / math.sqrt(len(others))),
                least_matches=self._rules.align_matches,
            )
            if found is not None and (best is None or found.matches > best[0].matches):
                best = found, chart
        if best is None:
            return
        offset, chart = best
        chart.lay(flight, offset.shift_m, gaussian.at_least(offset.covariance, self._rules.align_floor_m))
        for piece in flight.pieces:
            piece.changed = True
            piece.gathering.touch()

    def _drawn(self, flights: Sequence[Flight]) -> Places:
        """What flights saw, in the frame of their chart."""
        places = [self._seen_by(flight).places for flight in flights]
        return Places(
            en_m=np.concatenate([one.en_m - f.shift for one, f in zip(places, flights, strict=True)]),
            noise_m2=np.concatenate(
                [one.noise_m2 + f.shift_covariance for one, f in zip(places, flights, strict=True)]
            ),
            families=np.concatenate([one.families for one in places]),
        )

    def _seen_by(self, flight: Flight) -> _Seen:
        seen = self._seen.get(flight.flight_id)
        if seen is None or seen.sightings != flight.sightings:
            told: Floats = np.array([piece.told for piece in flight.pieces]).reshape(-1, 5)
            claimed = [gaussian.eigenvalues(piece.shared_sum)[1] / len(piece.rows) for piece in flight.pieces]
            numbers = self._families
            families = [numbers.setdefault(piece.ground.family, len(numbers)) for piece in flight.pieces]
            seen = self._seen[flight.flight_id] = _Seen(
                sightings=flight.sightings,
                places=Places(en_m=told[:, :2], noise_m2=told[:, 2:], families=np.array(families, dtype=np.int64)),
                offset_m=max(self._rules.offset_floor_m, math.sqrt(float(np.median(claimed)))),
            )
        return seen
