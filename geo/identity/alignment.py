"""The offsets of flights towards each other, told by the things that several of them saw."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from geo import gaussian
from geo.gaussian import Estimate
from geo.identity.flight import Chart, Flight
from geo.identity.offsets import Offset, Places, offset_between
from geo.identity.piece import Piece
from geo.identity.rules import IdentityRules
from geo.identity.told import in_chart


def align(flights: Iterable[Flight], rules: IdentityRules) -> list[Flight]:
    """Set the offsets of flights that changed since they were last aligned.

    A flight is laid over those before it that lie on one chart; where enough things agree, it joins that chart.

    Returns:
        The flights whose offset changed.
    """
    families: dict[str, int] = {}
    known: list[Flight] = []
    moved: list[Flight] = []
    for flight in flights:
        if known and flight.sightings != flight.aligned_at and _align_one(flight, known, rules, families):
            moved.append(flight)
        flight.aligned_at = flight.sightings
        known.append(flight)
    return moved


def _align_one(flight: Flight, known: Sequence[Flight], rules: IdentityRules, families: dict[str, int]) -> bool:
    mine = _places([(piece.told, piece) for piece in flight.pieces], families)
    best: tuple[Offset, Chart] | None = None
    for chart in {id(one.chart): one.chart for one in known}.values():
        others = [one for one in chart.flights if one is not flight]
        if not others:
            continue
        drawn = _places([(in_chart(piece), piece) for one in others for piece in one.pieces], families)
        expected_m = (
            sum(one.shift[0] for one in others) / len(others),
            sum(one.shift[1] for one in others) / len(others),
        )
        sigma_m = math.hypot(_offset_m(flight, rules), _offset_m(others[0], rules) / math.sqrt(len(others)))
        found = offset_between(mine, drawn, expected_m=expected_m, sigma_m=sigma_m, least_matches=rules.align_matches)
        if found is not None and (best is None or found.matches > best[0].matches):
            best = found, chart
    if best is None:
        return False
    offset, chart = best
    chart.lay(flight, offset.shift_m, gaussian.at_least(offset.covariance, rules.align_floor_m))
    for piece in flight.pieces:
        piece.changed = True
        piece.gathering.touch()
    return True


def _places(pieces: Sequence[tuple[Estimate, Piece]], families: dict[str, int]) -> Places:
    told = np.array([estimate for estimate, _ in pieces]).reshape(-1, 5)
    return Places(
        en_m=told[:, :2],
        noise_m2=told[:, 2:],
        families=np.array([families.setdefault(p.ground.family, len(families)) for _, p in pieces], dtype=np.int64),
    )


def _offset_m(flight: Flight, rules: IdentityRules) -> float:
    """How large the flight's offset is to be expected, one sigma per axis."""
    claimed = [gaussian.eigenvalues(piece.shared)[1] for piece in flight.pieces]
    return max(rules.offset_floor_m, math.sqrt(float(np.median(claimed))))
