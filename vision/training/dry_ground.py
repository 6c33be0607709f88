"""Windows of ground that is known to be dry, as counter-examples for the water model.

Every flood picture shows water, so a model that saw nothing else takes each road for a canal. A flight over a dry
building site (`flights/caliterra_gps`, CC0) says the contrary: its photos, up to a given share of the flight, are cut
into windows whose mask is empty. The rest of the flight stays unseen, for counting what is left of the alarms.
"""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

from vision.training.crops import window_corners
from vision.training.errors import BadSourceError

NOTE_FILE = "dry_ground.json"
_WINDOWS_PER_PICTURE = 5


def add_dry_ground(set_folder: Path, pictures: Path, side_px: int, *, share: float = 0.7) -> int:
    """Add windows with empty masks to the train part of a set's water windows, and note it for the card.

    Args:
        set_folder: What `prepare` wrote, with its `water_windows` cut.
        pictures: Folder of photos of one flight, in the order of their names, without any water.
        side_px: Side of the windows.
        share: Share of the flight to use, from its beginning, 0..1.

    Returns:
        Number of windows written.

    Raises:
        BadSourceError: A picture cannot be read.
    """
    paths = sorted(path for path in pictures.iterdir() if path.suffix.lower() in {".jpg", ".jpeg"})
    windows, written = set_folder / "water_windows", 0
    used = paths[: round(len(paths) * share)]
    for path in used:
        image = cv2.imread(str(path))
        if image is None:
            raise BadSourceError(path, "is no readable picture")
        size = (image.shape[1], image.shape[0])
        for number, (left, top) in enumerate(window_corners(path.name, (), size, side_px, _WINDOWS_PER_PICTURE)):
            name = f"dry_{path.stem}_w{number}"
            window = image[top : top + side_px, left : left + side_px]
            cv2.imwrite(str(windows / "images" / "train" / f"{name}.jpg"), window, [cv2.IMWRITE_JPEG_QUALITY, 92])
            cv2.imwrite(str(windows / "masks" / "train" / f"{name}.png"), np.zeros(window.shape[:2], np.uint8))
            written += 1
    note = {"source": pictures.resolve().parent.name, "pictures": len(used)}
    (set_folder / "water" / NOTE_FILE).write_text(json.dumps(note), encoding="utf-8")
    return written


def dry_pictures(water: Path) -> dict[str, int]:
    """How many pictures of dry ground were added to a set, by `train/<source>`; empty where none were."""
    file = water / NOTE_FILE
    if not file.is_file():
        return {}
    note = json.loads(file.read_text(encoding="utf-8"))
    return {f"train/{note['source']}": int(note["pictures"])}
