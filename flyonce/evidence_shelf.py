"""The best few pictures of each thing, ready to become evidence: the rest is let go of, so hours cost no memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from flyonce.looks import Look, OriginalFile
from geo.sighting import CUT_BY_EDGE, Sighting

MOST_PICTURES = 3


@dataclass(frozen=True, kw_only=True)
class Shelved:
    """One kept picture.

    Attributes:
        look: What was seen in it; its original is `file`, so it keeps no pixels alive.
        file: The file as it came from the camera, or the still of a video.
    """

    look: Look
    file: OriginalFile

    def index_of(self, sighting: Sighting) -> int:
        """Which of the look's detections is a sighting's."""
        return _index_of(sighting, self.look)


@dataclass(frozen=True, kw_only=True)
class _Offer:
    """A sighting, and how well its picture shows it, 0 to 1."""

    sighting: Sighting
    shown: float

    @classmethod
    def of(cls, sighting: Sighting, look: Look) -> _Offer:
        """What a picture is worth to the thing of one of its sightings."""
        return cls(sighting=sighting, shown=look.shown[_index_of(sighting, look)])

    def rank(self) -> tuple[bool, float, str]:
        """A sort key: what is sure and well shown first, what the picture's edge cuts last."""
        sighting = self.sighting
        return CUT_BY_EDGE in sighting.fix.flags, -sighting.confidence * self.shown, sighting.source


class EvidenceShelf:
    """Keeps, for each thing, the pictures that show it best."""

    def __init__(self, folder: Path, *, most: int = MOST_PICTURES) -> None:
        """Begin empty; stills are written into `folder`."""
        self._folder = folder
        self._most = most
        self._best: dict[int, list[_Offer]] = {}
        self._pictures: dict[str, Shelved] = {}
        self._wanted: Counter[str] = Counter()

    def __len__(self) -> int:
        """How many pictures are kept."""
        return len(self._pictures)

    def offer(self, look: Look, shown: Iterable[tuple[int, Sighting]]) -> None:
        """Keep a look's picture if it is among the best of any thing (by number) that it shows."""
        for thing_id, sighting in shown:
            offer = _Offer.of(sighting, look)
            best = sorted([*self._best.get(thing_id, []), offer], key=_Offer.rank)
            kept, dropped = best[: self._most], best[self._most :]
            if offer not in dropped:
                self._put(look)
                self._wanted[look.key] += 1
            self._best[thing_id] = kept
            for gone in dropped:
                if gone is not offer:
                    self._let_go(gone.sighting.source)

    def best_of(self, sightings: Sequence[Sighting]) -> list[tuple[Sighting, Shelved]]:
        """The kept pictures among those of a thing, the best first."""
        kept = [(one, self._pictures[one.source]) for one in sightings if one.source in self._pictures]
        kept.sort(key=lambda pair: _Offer.of(pair[0], pair[1].look).rank())
        return kept[: self._most]

    def _put(self, look: Look) -> None:
        if look.key not in self._pictures:
            file = look.original.secure(self._folder)
            self._pictures[look.key] = Shelved(look=replace(look, original=file), file=file)

    def _let_go(self, source: str) -> None:
        self._wanted[source] -= 1
        if self._wanted[source] > 0:
            return
        del self._wanted[source]
        path = self._pictures.pop(source).file.path
        if path.parent == self._folder:
            path.unlink(missing_ok=True)


def _index_of(sighting: Sighting, look: Look) -> int:
    """Which of its picture's detections a sighting is: the one whose box is nearest."""
    if sighting.box_xyxy_px is None:
        raise ValueError(f"{sighting.source}: a sighting without a box is no evidence")
    return int(np.abs(look.detections.boxes_xyxy_px - np.array(sighting.box_xyxy_px)).sum(axis=1).argmin())
