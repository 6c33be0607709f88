"""What all sightings of one picture share: told by those that show known pieces, and taken off all of them.

An aircraft that sways moves all that one picture shows by much the same. The settled places are sharp among those of
the flight, which is what matters for telling neighbours apart; but each picture leans on the pieces before it, so they
drift along the flight, and places for others are those that the flight told.
"""

from __future__ import annotations

from collections.abc import Sequence

from geo import gaussian
from geo.gaussian import Sym
from geo.identity.flight import Flight
from geo.identity.piece import Piece
from geo.identity.point import Point

# Fewer known pieces than this do not tell a picture's own offset; a piece is known once it was seen this often.
_LEAST_KNOWN, _KNOWN_AFTER = 2, 2
# Not all of what a picture's sightings share is the same shift for all of them: a turn is not.
_NO_SHIFT_SHARE = 0.15
_DOUBT = 4.0


def settle_picture(points: Sequence[Point], given: dict[int, Piece]) -> bool:
    """Take a picture's own offset off its points, as far as the pieces that they were given tell it.

    Returns:
        Whether it could be told; the points are settled then.
    """
    known = [(points[index], piece) for index, piece in given.items() if len(piece.points) >= _KNOWN_AFTER]
    if len(known) < _LEAST_KNOWN:
        return False
    flight = known[0][1].flight
    common = min(gaussian.eigenvalues(point.noise)[0] - point.own_m2 for point in points)
    if common <= 0.0:
        return False
    factor = flight.scatter
    east = north = 0.0
    for _ in range(2):
        weight, pull_e, pull_n = 1.0 / common, 0.0, 0.0
        for point, piece in known:
            own = point.own_m2 * factor + _mean(piece.settled_noise)
            de, dn = point.en_m[0] - piece.settled_m[0], point.en_m[1] - piece.settled_m[1]
            off2 = ((de - east) ** 2 + (dn - north) ** 2) / own
            trust = 1.0 / (own * (1.0 + off2 / _DOUBT))
            weight += trust
            pull_e, pull_n = pull_e + trust * de, pull_n + trust * dn
        east, north = pull_e / weight, pull_n / weight
    _learn(flight, known, (east, north))
    left = min(1.0 / weight + _NO_SHIFT_SHARE * common, common)
    for point in points:
        point.settle((east, north), common - left, point.own_m2 * factor + left)
    return True


def _learn(flight: Flight, known: Sequence[tuple[Point, Piece]], shift: tuple[float, float]) -> None:
    """How far sightings scatter around a picture's offset, against what they claim of their own."""
    for point, piece in known:
        de = point.en_m[0] - piece.settled_m[0] - shift[0]
        dn = point.en_m[1] - piece.settled_m[1] - shift[1]
        # A mean over n takes one n-th of the scatter with it.
        claimed = 2 * (point.own_m2 + _mean(piece.settled_noise)) * (1 - 1 / len(known))
        flight.note_scatter(de * de + dn * dn, claimed)


def _mean(covariance: Sym) -> float:
    return (covariance[0] + covariance[2]) / 2
