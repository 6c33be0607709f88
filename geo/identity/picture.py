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
    known = [(points[index], piece.settled) for index, piece in given.items() if len(piece.rows) >= _KNOWN_AFTER]
    if len(known) < _LEAST_KNOWN:
        return False
    common = min([point.common_m2 for point in points])
    if common <= 0.0:
        return False
    flight = points[0].ground.flight
    factor = flight.scatter
    # How far each sighting lies off its piece, metres east and north, and the variances that each claims of it.
    off, claimed_m2 = [], 0.0
    for point, (e, n, ee, _, nn) in known:
        at, piece_m2 = point.told, (ee + nn) / 2
        off.append((at[0] - e, at[1] - n, point.own_m2 * factor + piece_m2))
        claimed_m2 += point.own_m2 + piece_m2
    east = north = 0.0
    for _ in range(2):
        weight, pull_e, pull_n = 1.0 / common, 0.0, 0.0
        for de, dn, own in off:
            trust = 1.0 / (own + ((de - east) ** 2 + (dn - north) ** 2) / _DOUBT)
            weight += trust
            pull_e += trust * de
            pull_n += trust * dn
        east, north = pull_e / weight, pull_n / weight
    # A mean over n takes one n-th of the scatter with it.
    free = 2 * (1 - 1 / len(known))
    flight.note_scatter(sum([(de - east) ** 2 + (dn - north) ** 2 for de, dn, _ in off]), claimed_m2 * free)
    left = min(1.0 / weight + _NO_SHIFT_SHARE * common, common)
    _settle(points, east, north, common - left, left, factor)
    return True


def _settle(points: Sequence[Point], east: float, north: float, told_m2: float, left_m2: float, factor: float) -> None:
    """Take a shift off points: so much of their errors is certain now, so much never is (variances)."""
    for point in points:
        e, n, ee, en, nn = point.told
        own_m2 = point.own_m2
        least_m2 = own_m2 * factor + left_m2
        ee, nn = ee - told_m2, nn - told_m2
        # What is taken off is the same in all directions, so the least of them is known without reckoning.
        if point.common_m2 + own_m2 - told_m2 < least_m2:
            ee, en, nn = gaussian.raised((ee, en, nn), least_m2)
        point.settled = (e - east, n - north, ee, en, nn)
