"""Which known piece of its flight each sighting of a picture shows. The busiest place, so much is written out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

from geo.identity.likeness import MergeRule, may_overlap, shared_area
from geo.identity.picture import settle_picture
from geo.identity.piece import Piece
from geo.identity.point import Point


class Assigner:
    """Gives the points of a picture to pieces: nearest pairs first, no piece and no thing twice."""

    def __init__(self, rule: MergeRule) -> None:
        """Take the rule."""
        self._rule = rule
        self._gate2 = rule.frame_gate**2

    def give(self, points: Sequence[Point]) -> dict[int, Piece]:
        """The pieces that points show, by the points' positions in the picture; the points may be settled by that."""
        near = [self._near(point) for point in points]
        given = self._by_place(points, near)
        contested = sum(map(len, near)) > len(given)
        if len(given) > 1 and settle_picture(points, given) and contested:
            given = self._by_place(points, near)
        if contested:
            self._by_outline(points, near, given)
        return given

    def _near(self, point: Point) -> Sequence[Piece]:
        """Pieces of the point's own flight that it may show, before any closer look."""
        if not point.sure:
            return ()
        ground = point.ground
        outline = point.box
        pieces = ground.near(point.en_m, outline)
        if not pieces:
            return ()
        east, north = point.en_m
        pee, _, pnn = point.noise
        reach = self._rule.frame_gate * math.sqrt((pee if pee > pnn else pnn) + ground.widest_m2)
        picture, found = point.picture, []
        for piece in pieces:
            e, n = piece.settled_m
            if not (-reach < e - east < reach and -reach < n - north < reach):
                other = piece.box
                if outline is None or other is None or outline[0] > other[2] or other[0] > outline[2]:
                    continue
                if outline[1] > other[3] or other[1] > outline[3]:
                    continue
            if picture not in piece.gathering.pictures:
                found.append(piece)
        window, at = ground.window, point.sighting.seen_at
        if found and window is not None and at is not None:
            return [piece for piece in found if _in_window(piece, at, window)]
        return found

    def _by_place(self, points: Sequence[Point], near: Sequence[Sequence[Piece]]) -> dict[int, Piece]:
        pairs: list[tuple[float, int, int, Piece]] = []
        gate2 = self._gate2
        for index, pieces in enumerate(near):
            if not pieces:
                continue
            point = points[index]
            east, north = point.settled_m
            pee, pen, pnn = point.settled_noise
            for piece in pieces:
                ee, en, nn = piece.settled_noise
                ee, en, nn = ee + pee, en + pen, nn + pnn
                e, n = piece.settled_m
                de, dn = east - e, north - n
                distance2 = (nn * de * de - 2 * en * de * dn + ee * dn * dn) / (ee * nn - en * en)
                if distance2 < gate2:
                    pairs.append((distance2, index, piece.piece_id, piece))
        pairs.sort()
        given: dict[int, Piece] = {}
        taken: set[int] = set()
        for _, index, _, piece in pairs:
            thing_id = piece.gathering.thing_id
            if index not in given and thing_id not in taken:
                given[index] = piece
                taken.add(thing_id)
        return given

    def _by_outline(self, points: Sequence[Point], near: Sequence[Sequence[Piece]], given: dict[int, Piece]) -> None:
        """Give what is left to pieces whose outlines it overlaps: parts of something larger than a picture."""
        least = self._rule.rules.overlap_share
        taken = {piece.gathering.thing_id for piece in given.values()}
        pairs: list[tuple[float, int, int, Piece]] = []
        for index, pieces in enumerate(near):
            point = points[index]
            if index in given or point.box is None:
                continue
            for piece in pieces:
                if piece.box is None or piece.gathering.thing_id in taken:
                    continue
                if may_overlap(point.box, piece.box, min(point.solid_m2, piece.solid_m2), least):
                    share = shared_area(point.outline, piece.extent)
                    if share >= least:
                        pairs.append((-share, index, piece.piece_id, piece))
        pairs.sort()
        for _, index, _, piece in pairs:
            thing_id = piece.gathering.thing_id
            if index not in given and thing_id not in taken:
                given[index] = piece
                taken.add(thing_id)


def _in_window(piece: Piece, at: datetime, window: timedelta) -> bool:
    if piece.first_seen_at is None or piece.last_seen_at is None:
        return True
    return at - piece.last_seen_at <= window and piece.first_seen_at - at <= window
