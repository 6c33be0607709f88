"""Which known piece of its flight each sighting of a picture shows. The busiest place, so much is written out."""

from __future__ import annotations

import math
from collections.abc import Sequence

from geo.identity.likeness import MergeRule, may_overlap, shared_area
from geo.identity.picture import settle_picture
from geo.identity.piece import Piece
from geo.identity.point import Point, outline_of

# A point's position in its picture, the point, and a piece that it may show.
Near = tuple[int, Point, Piece]


class Assigner:
    """Gives the points of a picture to pieces: nearest pairs first, no piece and no thing twice."""

    def __init__(self, rule: MergeRule) -> None:
        """Take the rule."""
        self._rule = rule
        self._gate2 = rule.frame_gate**2

    def give(self, points: Sequence[Point]) -> dict[int, Piece]:
        """The pieces that points show, by the points' positions in the picture; the points may be settled by that."""
        near = self._near(points)
        given = self._by_place(near)
        contested = len(near) > len(given)
        if len(given) > 1 and settle_picture(points, given) and contested:
            given = self._by_place(near)
        if contested:
            self._by_outline(near, given)
        return given

    def _near(self, points: Sequence[Point]) -> list[Near]:
        """Pieces of the points' own flights that they may show, before any closer look."""
        gate, found = self._rule.frame_gate, list[Near]()
        for index, point in enumerate(points):
            if not point.sure:
                continue
            ground, box = point.ground, point.box
            east, north, ee, _, nn = point.told
            pieces = ground.near(east, north, box)
            if not pieces:
                continue
            reach = gate * math.sqrt((ee if ee > nn else nn) + ground.widest_m2)
            # As a rule the whole flight is shorter than the window.
            window_s = ground.window_s
            in_window = window_s >= ground.flight.lasted_s
            for piece in pieces:
                e, n, _, _, _ = piece.settled
                if not (-reach < e - east < reach and -reach < n - north < reach) and not _touches(point, piece):
                    continue
                if point.picture in piece.gathering.pictures:
                    continue
                if in_window or not piece.is_longer_ago(point.seen_s, window_s):
                    found.append((index, point, piece))
        return found

    def _by_place(self, near: Sequence[Near]) -> dict[int, Piece]:
        pairs: list[tuple[float, int, int, Piece]] = []
        gate2 = self._gate2
        for index, point, piece in near:
            # `gaussian.apart2` written out.
            east, north, ee, en, nn = point.settled
            e, n, oee, oen, onn = piece.settled
            east, north, ee, en, nn = east - e, north - n, ee + oee, en + oen, nn + onn
            distance2 = (nn * east * east - 2 * en * east * north + ee * north * north) / (ee * nn - en * en)
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

    def _by_outline(self, near: Sequence[Near], given: dict[int, Piece]) -> None:
        """Give what is left to pieces whose outlines it overlaps: parts of something larger than a picture."""
        least = self._rule.rules.overlap_share
        taken = {piece.gathering.thing_id for piece in given.values()}
        pairs: list[tuple[float, int, int, Piece]] = []
        for index, point, piece in near:
            if index in given or point.box is None or piece.gathering.thing_id in taken or piece.box is None:
                continue
            if may_overlap(point.box, piece.box, min(point.solid_m2, piece.solid_m2), least):
                share = shared_area(outline_of(point.sighting, piece.flight.record.plane), piece.extent)
                if share >= least:
                    pairs.append((-share, index, piece.piece_id, piece))
        pairs.sort()
        for _, index, _, piece in pairs:
            thing_id = piece.gathering.thing_id
            if index not in given and thing_id not in taken:
                given[index] = piece
                taken.add(thing_id)


def _touches(point: Point, piece: Piece) -> bool:
    """Whether the boxes around outlines touch."""
    box, other = point.box, piece.box
    if box is None or other is None:
        return False
    return not (box[0] > other[2] or other[0] > box[2] or box[1] > other[3] or other[1] > box[3])
