"""What all sightings of one picture share: told by those that show known pieces, and taken off all of them.

An aircraft that sways moves all that one picture shows by much the same. The settled places are sharp among those of
the flight, which is what matters for telling neighbours apart; but each picture leans on the pieces before it, so they
drift along the flight, and places for others are those that the flight told.
"""

from __future__ import annotations

from collections.abc import Sequence

from geo import gaussian
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
    common = min([gaussian.eigenvalues(point.noise)[0] - point.own_m2 for point in points])
    if common <= 0.0:
        return False
    flight = points[0].ground.flight
    factor = flight.scatter
    off = [_off(point, piece) for point, piece in known]
    east = north = 0.0
    for _ in range(2):
        weight, pull_e, pull_n = 1.0 / common, 0.0, 0.0
        for de, dn, claimed, told in off:
            own = claimed * factor + told
            trust = 1.0 / (own * (1.0 + ((de - east) ** 2 + (dn - north) ** 2) / own / _DOUBT))
            weight += trust
            pull_e, pull_n = pull_e + trust * de, pull_n + trust * dn
        east, north = pull_e / weight, pull_n / weight
    # A mean over n takes one n-th of the scatter with it.
    free = 2 * (1 - 1 / len(known))
    flight.note_scatter(
        sum([(de - east) ** 2 + (dn - north) ** 2 for de, dn, _, _ in off]),
        sum([(claimed + told) * free for _, _, claimed, told in off]),
    )
    left = min(1.0 / weight + _NO_SHIFT_SHARE * common, common)
    for point in points:
        point.settle((east, north), common - left, point.own_m2 * factor + left)
    return True


def _off(point: Point, piece: Piece) -> tuple[float, float, float, float]:
    """How far a sighting lies off a known piece, metres east and north, and the variances that each claims of it."""
    (east, north), (e, n), (ee, _, nn) = point.en_m, piece.settled_m, piece.settled_noise
    return east - e, north - n, point.own_m2, (ee + nn) / 2
