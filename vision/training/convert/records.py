"""What readers hand to the writer: pictures with labels in pixels, and what is wrong with the source."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vision.training.dataset import Viewpoint

Kind = Literal[
    "out_of_picture",
    "cut_at_edge",
    "zero_area",
    "unknown_class",
    "missing_picture",
    "unreadable_picture",
    "size_differs",
    "duplicate_id",
    "duplicate_picture",
    "no_such_picture",
    "bad_label",
    "bad_mask",
]
"""`cut_at_edge` labels are kept, cut; every other label or picture with a problem is left out."""

Ring = NDArray[np.float64]
Mask = NDArray[np.uint8]
"""0 dry, 1 water, 255 not judged; shape (height, width)."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong with a source.

    Attributes:
        kind: What.
        file: Where.
        place: `line 3`, `id 17`, or empty for the whole file.
        reason: In words.
    """

    kind: Kind
    file: str
    place: str
    reason: str


Report = Callable[[Problem], None]


@dataclass(frozen=True, kw_only=True, eq=False)
class Label:
    """One labelled thing.

    Attributes:
        name: Label of this product; "" for a region in which nobody labelled single things.
        box_xyxy_px: Left, top, right, bottom in pixels of the picture, as the source has it.
        rings_px: Outlines, each of shape (k, 2), x before y; empty where only the box is given.
        file: Where it was read.
        place: `line 3` or `id 17`.
        mask: The same thing as a mask of the picture's size, in place of outlines.
    """

    name: str
    box_xyxy_px: tuple[float, float, float, float]
    file: str
    place: str
    rings_px: tuple[Ring, ...] = ()
    mask: Callable[[], NDArray[np.bool_]] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """One picture of a source.

    Attributes:
        path: Its file.
        name: Path within the source, of which its name in the set is made.
        file: The annotation file that names it.
        place: Where in it.
        part: `train`, `val` or `test` if the source says so.
        labels: What is labelled in it.
        labelled: What was looked for in it; None: what the source looked for everywhere.
        size_wh_px: Width and height that the source states.
        mask: Reads the surface, if the source has one; raises `ValueError` with what is wrong.
        facts: More for the manifest, such as labels of the whole picture.
    """

    path: Path
    name: str
    file: str
    place: str
    part: str | None = None
    labels: tuple[Label, ...] = ()
    labelled: frozenset[str] | None = None
    size_wh_px: tuple[int, int] | None = None
    mask: Callable[[], Mask] | None = None
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Source:
    """What a format is, for the card.

    Attributes:
        name: Name of the set.
        classes: This product's label by the source's class; None passes a class over.
        viewpoint: From where the pictures are taken.
        licence: As its makers state it.
        what: In a sentence.
    """

    name: str
    classes: Mapping[str, str | None]
    viewpoint: Viewpoint = "unknown"
    licence: str = "unknown: ask its makers"
    what: str = ""

    @property
    def labelled(self) -> frozenset[str]:
        """The labels that its makers looked for."""
        return frozenset(label for label in self.classes.values() if label)
