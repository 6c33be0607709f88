"""The mixture for the water model: floods whole and close, and all the dry ground that there is."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from vision.training.mixture import (
    QUALITY,
    SCENES,
    SIDE_PX,
    Ingredients,
    Mixture,
    Pixels,
    entries_of,
    finished_scenes,
    ground_of_flights,
    read_picture,
    shrunk,
)
from vision.training.prepare import Entry
from vision.training.sources import FLOOD

_CLOSE = 0.62
"""A closer look takes this share of a picture's longer side: as a tile does."""
_WATER = frozenset({"standing_water"})


def mix_water(things: Ingredients, out: Path) -> dict[str, int]:
    """Write the mixture for the water model.

    Flood, street, lake and composed pictures whole, as the product looks at pictures up to 960 pixels; of each flood
    picture a closer look besides; dry flights with empty masks; rendered scenes.

    Args:
        things: What goes in.
        out: Folder to replace.

    Returns:
        Pictures per `<part>/<source>`.

    Raises:
        BadSourceError: A source lacks something.
    """
    mixture = Mixture(out, "masks")
    for entry in entries_of(things, "water"):
        _add_prepared(mixture, things, entry)
    for name, flight, image in ground_of_flights(things, windows=2):
        _add(mixture, "train", name, flight, image, np.zeros(image.shape[:2], np.uint8))
    if things.scenes is not None:
        for part in ("train", "val"):
            for stem in finished_scenes(things.scenes, part):
                image = read_picture(things.scenes / part / "images" / f"{stem}.jpg")
                mask = read_picture(things.scenes / part / "masks" / f"{stem}.png", cv2.IMREAD_GRAYSCALE)
                _add(mixture, part, f"{stem}.jpg", SCENES, image, np.asarray(mask > 0, np.uint8))
    mixture.keep(things)
    return mixture.finish(["standing_water"], masks_dir="masks")


def _add(mixture: Mixture, part: str, name: str, source: str, image: Pixels, mask: Pixels) -> None:
    path = mixture.place(part, name, source, _WATER)
    cv2.imwrite(str(path), shrunk(image), QUALITY)
    file = mixture.out / "masks" / part / f"{Path(name).stem}.png"
    cv2.imwrite(str(file), shrunk(mask, how=cv2.INTER_NEAREST))


def _add_prepared(mixture: Mixture, things: Ingredients, entry: Entry) -> None:
    source, stem = things.prepared / "water", Path(entry.name).stem
    image = read_picture(source / "images" / entry.split / entry.name)
    mask = read_picture(source / "masks" / entry.split / f"{stem}.png", cv2.IMREAD_GRAYSCALE)
    _add(mixture, entry.split, entry.name, entry.source, image, mask)
    if entry.source == FLOOD and entry.split == "train":
        height, width = image.shape[:2]
        side = min(SIDE_PX, int(max(height, width) * _CLOSE))
        left = int(things.draw(f"{stem}:x") * max(0, width - side))
        top = int(things.draw(f"{stem}:y") * max(0, height - side))
        view = (slice(top, top + side), slice(left, left + side))
        _add(mixture, "train", f"{stem}_close.jpg", entry.source, image[view], mask[view])
