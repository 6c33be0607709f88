"""The grouper: sightings in, picture by picture; things out, with merges that can be taken back."""

from __future__ import annotations

from collections.abc import Sequence

from geo.identity.alignment import Aligner
from geo.identity.assigning import Assigner
from geo.identity.clean import CleanLookAt, CleanLooks
from geo.identity.flight import Flight
from geo.identity.gathering import Gathering
from geo.identity.intake import Intake
from geo.identity.journal import Journal, Merge, Partings, Suggestion
from geo.identity.likeness import Kind, Likeness, MergeRule
from geo.identity.neighbours import Neighbourhood, merge_all, misfits, strays
from geo.identity.piece import Piece
from geo.identity.point import Point
from geo.identity.reconsidering import reconsider
from geo.identity.rules import IdentityRules
from geo.identity.thing import Thing, thing_of
from geo.sighting import Sighting


class Grouper:
    """Groups sightings into things, one picture after the other."""

    def __init__(self, *, rules: IdentityRules | None = None, clean_look: CleanLookAt | None = None) -> None:
        """Set the rules.

        Args:
            rules: The thresholds; None for the defaults, without families.
            clean_look: Tells whether a flight between two times looked at a place, (lon, lat) in degrees, and found it
                clean; flights named last do not count. None where nobody knows.
        """
        self._rules = rules or IdentityRules()
        self._rule = MergeRule(self._rules)
        self._intake = Intake(self._rule)
        self._flights = self._intake.flights
        self._pieces: dict[int, Piece] = {}
        self._things: dict[int, Gathering] = {}
        self._around = Neighbourhood(self._rule)
        if clean_look is not None:
            self._rule.clean_look = CleanLooks(clean_look, self._intake, self._around).between
        self._assigner = Assigner(self._rule)
        self._aligner = Aligner(self._rules)
        self._journal = Journal()
        self._partings = Partings()
        self._next_id = 1

    def __len__(self) -> int:
        """How many things there are."""
        return len(self._things)

    def add(self, sighting: Sighting) -> int:
        """Put one sighting to the thing it shows, or make a new one; returns the thing's id."""
        return self.add_picture([sighting])[0]

    def add_picture(self, sightings: Sequence[Sighting]) -> list[int]:
        """Put all sightings of one picture, nearest pairs first; returns the thing ids in the order given."""
        if not sightings:
            return []
        points = self._intake.points(sightings)
        given = self._assigner.give(points)
        return [
            self._begin(point) if (piece := given.get(index)) is None else self._go_on(piece, point)
            for index, point in enumerate(points)
        ]

    def merge_pass(self) -> list[tuple[int, int]]:
        """Tell the flights' offsets anew, part what no longer fits, and join things that came to fit each other.

        Returns:
            (kept id, id that went into it), in the order of joining.
        """
        before = len(self._journal.merges)
        for flight in self._flights.values():
            if flight.sightings != flight.aligned_at:
                self._reconsider(flight)
        self._aligner.align(self._flights.values())
        self._around.loosen(self._flights.values())
        for piece in misfits(self._things.values(), self._rule):
            self._part(piece)
        self._merge_all()
        return [(merge.kept_id, merge.gone_id) for merge in self._journal.merges[before:]]

    def merge(self, kept_id: int, gone_id: int) -> Merge:
        """Join two things because a person says so.

        Raises:
            KeyError: There is no such thing.
        """
        kept, gone = self._things[kept_id], self._things[gone_id]
        self._partings.rejoin(kept.pieces, gone.pieces)
        return self._join(kept, gone, Likeness(Kind.SAME, 0.0, "person"))

    def undo(self, merge: Merge) -> int:
        """Take one merge back; no merge pass will join the two again.

        Returns:
            The number of the thing that is there again: `merge.gone_id`.

        Raises:
            KeyError: It was taken back before, or never was.
        """
        standing = self._journal.take_back(merge)
        moved = [self._pieces[piece_id] for piece_id in standing.piece_ids]
        # Another merge may have carried both on since: they lie together, under whatever number.
        holder = moved[0].gathering
        self._partings.part(moved, [piece for piece in holder.pieces if piece not in moved])
        holder.give(moved)
        self._found(standing.gone_id, moved)
        return standing.gone_id

    def merges(self) -> tuple[Merge, ...]:
        """The merges that stand, in the order they were made."""
        return self._journal.merges

    def suggestions(self) -> tuple[Suggestion, ...]:
        """Pairs of things that a person should compare, the nearest first."""
        found = [
            Suggestion(
                one_id=min(one.thing_id, other.thing_id),
                other_id=max(one.thing_id, other.thing_id),
                why="again" if likeness.kind is Kind.AGAIN else likeness.why,
                sigmas=likeness.sigmas,
            )
            for one, other in self._around.pairs(self._things.values())
            if (likeness := self._rule.compare(one, other)).kind in (Kind.PERHAPS, Kind.AGAIN)
            and not self._partings.parted(one.pieces, other.pieces)
        ]
        return tuple(sorted(found, key=lambda one: (one.sigmas, one.one_id, one.other_id)))

    def beside(self, thing_id: int) -> tuple[int, ...]:
        """Things near one that some picture showed beside it: they are surely others.

        Raises:
            KeyError: There is no such thing, or it went into another one.
        """
        mine = self._things[thing_id]
        return tuple(other.thing_id for other in self._around.of(mine) if not mine.pictures.isdisjoint(other.pictures))

    def thing(self, thing_id: int) -> Thing:
        """One thing as it stands.

        Raises:
            KeyError: There is no such thing, or it went into another one.
        """
        gathering = self._things[thing_id]
        plane = self._intake.plane
        assert plane is not None
        return thing_of(gathering, plane)

    def things(self) -> tuple[Thing, ...]:
        """All things as they stand, by id."""
        return tuple(self.thing(thing_id) for thing_id in sorted(self._things))

    def thing_ids(self) -> tuple[int, ...]:
        """The numbers of all things."""
        return tuple(sorted(self._things))

    def sightings_of(self, thing_id: int) -> tuple[Sighting, ...]:
        """The sightings of one thing; quicker than the whole thing.

        Raises:
            KeyError: There is no such thing, or it went into another one.
        """
        return tuple(sighting for piece in self._things[thing_id].pieces for sighting in piece.sightings())

    def family_of(self, label: str) -> str:
        """The family that a label belongs to."""
        return self._rules.family_of(label)

    def _go_on(self, piece: Piece, point: Point) -> int:
        """Put a point to a piece that is there."""
        piece.add(point)
        thing = piece.gathering
        thing.pictures.add(point.picture)
        if not thing.stale:
            thing.touch()
        if piece.has_moved():
            self._note(piece)
        return thing.thing_id

    def _begin(self, point: Point) -> int:
        """Begin a piece with a point."""
        piece = self._new_piece(point)
        self._go_on(piece, point)
        if len(self._flights) > 1:
            self._attach(piece)
        return piece.gathering.thing_id

    def _note(self, piece: Piece) -> None:
        """Note where a piece lies now. One that may join nothing is for others to be compared with, not to be given."""
        self._around.ground.note(piece)
        if piece.flight.record.is_sure(piece.rows[0]):
            piece.ground.note(piece)

    def _attach(self, piece: Piece) -> None:
        """Put a flight's new piece to the one thing of other flights that it fits; where several do, wait for more."""
        mine = piece.gathering
        found = [
            (other, likeness)
            for other in self._around.of(mine, but_of=piece.flight)
            if (likeness := self._rule.resemble(other, mine)).counts
        ]
        if len(found) != 1 or found[0][1].kind is not Kind.SAME:
            return
        ((other, likeness),) = found
        if not self._rule.was_clean_between(other, mine):
            self._join(other, mine, likeness)

    def _new_piece(self, point: Point) -> Piece:
        ground = point.ground
        self._around.make_room(point.covariance)
        gathering = Gathering(self._next_id, ground.family, self._rules.offset_floor_m)
        piece = Piece(self._next_id, ground, gathering)
        gathering.pieces.append(piece)
        self._things[self._next_id] = gathering
        self._pieces[self._next_id] = piece
        ground.flight.pieces.append(piece)
        self._next_id += 1
        return piece

    def _join(self, kept: Gathering, gone: Gathering, likeness: Likeness) -> Merge:
        merge = Merge(
            kept_id=kept.thing_id,
            gone_id=gone.thing_id,
            piece_ids=tuple(piece.piece_id for piece in gone.pieces),
            why=likeness.why,
            sigmas=likeness.sigmas,
        )
        del self._things[gone.thing_id]
        self._around.ground.join(kept, gone)
        kept.take(gone.pieces)
        self._journal.add(merge)
        return merge

    def _reconsider(self, flight: Flight) -> None:
        changed = reconsider(flight, self._rule, self._partings)
        for piece in [piece for piece in flight.pieces if piece.piece_id in changed]:
            gathering = piece.gathering
            if piece.rows:
                gathering.recount()
                if piece.has_moved():
                    self._note(piece)
                continue
            self._journal.forget(piece.piece_id)
            piece.ground.drop(piece)
            gathering.give([piece])
            if not gathering.pieces:
                self._around.ground.drop(gathering)
                del self._things[gathering.thing_id]
        flight.pieces = [piece for piece in flight.pieces if piece.rows]

    def _merge_all(self) -> None:
        barred = merge_all(self._things, self._around, self._rule, self._partings, self._join)
        for one_id, other_id in dict.fromkeys(barred):
            one, other = self._things.get(one_id), self._things.get(other_id)
            if one is not None and other is not None:
                for piece in strays(one, other, self._rule, self._partings):
                    if not self._journal.is_by_person(piece.piece_id):
                        self._part(piece)
        merge_all(self._things, self._around, self._rule, self._partings, self._join)

    def _part(self, piece: Piece) -> None:
        """Take a piece that does not fit out of its thing; it becomes one of its own and may join another."""
        self._journal.forget(piece.piece_id)
        piece.gathering.give([piece])
        thing_id = piece.piece_id
        if thing_id in self._things:
            thing_id, self._next_id = self._next_id, self._next_id + 1
        self._found(thing_id, [piece])

    def _found(self, thing_id: int, pieces: list[Piece]) -> None:
        gathering = Gathering(thing_id, pieces[0].ground.family, self._rules.offset_floor_m)
        gathering.take(pieces)
        for piece in pieces:
            self._around.ground.note(piece)
        self._things[thing_id] = gathering
