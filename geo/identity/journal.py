"""What was merged, so that it can be taken back; and what a person shall look at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from geo.identity.piece import Piece


@dataclass(frozen=True, kw_only=True)
class Merge:
    """One thing went into another.

    Attributes:
        kept_id: The thing that stands.
        gone_id: The thing that went into it; the number comes back when the merge is taken back.
        piece_ids: The pieces that moved.
        why: `place`, `outline` or `person`.
        sigmas: How far apart they were, in units of the error that counted.
    """

    kept_id: int
    gone_id: int
    piece_ids: tuple[int, ...]
    why: str
    sigmas: float


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """Two things that may be one: a person compares the pictures.

    Attributes:
        one_id: A thing.
        other_id: Another one.
        why: `place`: between the gates; `vague`: a place is too unsure to merge; `again`: found clean in between.
        sigmas: How far apart they are, in units of the error that counts.
    """

    one_id: int
    other_id: int
    why: str
    sigmas: float


class Journal:
    """The merges that stand."""

    def __init__(self) -> None:
        self._merges: list[Merge] = []

    @property
    def merges(self) -> tuple[Merge, ...]:
        """In the order they were made."""
        return tuple(self._merges)

    def add(self, merge: Merge) -> None:
        """Note one more."""
        self._merges.append(merge)

    def take_back(self, merge: Merge) -> Merge:
        """Strike a merge out; what it moved did not go on with later merges then.

        Returns:
            The merge as it stood: pieces that were taken out since do not come back with it.

        Raises:
            KeyError: It does not stand.
        """
        ids = (merge.kept_id, merge.gone_id)
        for index, standing in enumerate(self._merges):
            if (standing.kept_id, standing.gone_id) == ids:
                later = self._merges[index + 1 :]
                self._merges[index:] = _without(later, frozenset(standing.piece_ids))
                return standing
        raise KeyError(f"no merge of {merge.gone_id} into {merge.kept_id} stands")

    def forget(self, piece_id: int) -> None:
        """A piece is no longer where any merge brought it."""
        self._merges = _without(self._merges, frozenset((piece_id,)))

    def is_by_person(self, piece_id: int) -> bool:
        """Whether a person brought a piece to where it is."""
        return any(merge.why == "person" and piece_id in merge.piece_ids for merge in self._merges)


class Partings:
    """Pairs of pieces that a person told apart: no merge pass joins them again."""

    def __init__(self) -> None:
        self._pairs: set[tuple[int, int]] = set()

    def part(self, ones: Iterable[Piece], others: Iterable[Piece]) -> None:
        """Keep two sets of pieces apart from now on."""
        self._pairs |= {_pair(one, other) for one in ones for other in others}

    def rejoin(self, ones: Iterable[Piece], others: Iterable[Piece]) -> None:
        """Take that back."""
        self._pairs -= {_pair(one, other) for one in ones for other in others}

    def parted(self, ones: Iterable[Piece], others: Iterable[Piece]) -> bool:
        """Whether any of two sets of pieces were told apart."""
        return bool(self._pairs) and any(_pair(one, other) in self._pairs for one in ones for other in others)


def _without(merges: Iterable[Merge], piece_ids: frozenset[int]) -> list[Merge]:
    """Merges without those pieces; one that moved nothing else is gone."""
    left = []
    for merge in merges:
        if piece_ids.isdisjoint(merge.piece_ids):
            left.append(merge)
        elif rest := tuple(one for one in merge.piece_ids if one not in piece_ids):
            left.append(replace(merge, piece_ids=rest))
    return left


def _pair(one: Piece, other: Piece) -> tuple[int, int]:
    return min(one.piece_id, other.piece_id), max(one.piece_id, other.piece_id)
