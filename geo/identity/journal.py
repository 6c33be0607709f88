"""What was merged, so that it can be taken back; and what a person shall look at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

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


def _pair(one: Piece, other: Piece) -> tuple[int, int]:
    return min(one.piece_id, other.piece_id), max(one.piece_id, other.piece_id)
