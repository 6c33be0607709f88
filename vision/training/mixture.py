"""What the shipped models trained on: prepared sets, dry flights and rendered scenes in one folder, in stated shares.

A mixture has the layout of every other data set; its manifest says per picture what its labels are complete for, so
that `flyonce train --teacher` asks the teacher about the rest. All draws hang on names alone: the same everywhere.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.training.errors import BadSourceError
from vision.training.prepare import Entry, read_manifest, write_data_yaml
from vision.training.sources import unit_hash

SIDE_PX = 640
QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 93]
SHARE_OF_FLIGHT = 0.7
"""The rest of a dry flight stays unseen, for counting what is left of the alarms."""

SCENES = "scenes"

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Ingredients:
    """What goes into a mixture.

    Attributes:
        prepared: Folder that `prepare` wrote, with `objects/` and `water/`.
        flights: Folders of photos of dry ground in the order of the flight; the first 70 % train.
        scenes: Folder that `scenes` rendered, with the parts `train` and `val`; None for none.
        shares: Share of a source's training pictures to take, 0..1, by source; 1 where it is not named.
        round: Name of the draw: another one takes other pictures and windows.
        pictures: Training pictures in all, drawn from what the shares leave; None takes everything.
        scenes_share: Share of `pictures` that is rendered, 0..1; counts only beside `pictures`.

    Raises:
        ValueError: `pictures` or `scenes_share` is out of range.
    """

    prepared: Path
    flights: Sequence[Path] = ()
    scenes: Path | None = None
    shares: Mapping[str, float] = field(default_factory=dict)
    round: str = "1"
    pictures: int | None = None
    scenes_share: float = 0.0

    def __post_init__(self) -> None:
        if self.pictures is not None and self.pictures < 1:
            raise ValueError(f"pictures must be at least 1, not {self.pictures}")
        if not 0 <= self.scenes_share <= 1:
            raise ValueError(f"scenes_share must be within 0..1, not {self.scenes_share}")

    def takes(self, entry: Entry) -> bool:
        """Whether a picture of a prepared set is taken."""
        if entry.split == "test":
            return False
        return entry.split == "val" or self.draw(f"take:{entry.name}") < self.shares.get(entry.source, 1.0)

    def draw(self, text: str) -> float:
        """Return a number in 0..1 that hangs on the text and the round."""
        return unit_hash(f"{self.round}:{text}")


class Mixture:
    """A folder that is filled picture by picture."""

    def __init__(self, out: Path, second: str) -> None:
        """Begin anew.

        Args:
            out: Folder to replace.
            second: `labels` or `masks`, what lies beside the pictures.
        """
        if out.exists():
            shutil.rmtree(out)
        for part in ("train", "val"):
            (out / "images" / part).mkdir(parents=True)
            (out / second / part).mkdir(parents=True)
        self.out = out
        self._second = second
        self._rows: list[dict[str, Any]] = []

    def place(self, part: str, name: str, source: str, labelled: Iterable[str], *, group: str = "") -> Path:
        """Note a picture and return where it is to be written."""
        self._rows.append(
            {"name": name, "split": part, "source": source, "group": group, "labelled": sorted(labelled)}
            | ({"viewpoint": "rendered"} if source == SCENES else {})
        )
        return self.out / "images" / part / name

    def keep(self, things: Ingredients) -> None:
        """Draw the stated number of training pictures and drop the others, so that mixtures can be compared.

        Raises:
            BadSourceError: There are fewer pictures than were asked for.
        """
        if things.pictures is None:
            return
        rendered = round(things.pictures * things.scenes_share)
        for is_scene, wanted in ((True, rendered), (False, things.pictures - rendered)):
            rows = [row for row in self._rows if row["split"] == "train" and (row["source"] == SCENES) is is_scene]
            if len(rows) < wanted:
                kind = "rendered" if is_scene else "other"
                raise BadSourceError(self.out, f"has {len(rows)} {kind} pictures to train on, {wanted} were asked for")
            rows.sort(key=lambda row: things.draw(f"keep:{row['name']}"))
            for row in rows[wanted:]:
                self._drop(row)

    def _drop(self, row: dict[str, Any]) -> None:
        self._rows.remove(row)
        (self.out / "images" / row["split"] / row["name"]).unlink()
        beside = self.out / self._second / row["split"] / Path(row["name"]).stem
        beside.with_name(f"{beside.name}{'.png' if self._second == 'masks' else '.txt'}").unlink()

    def finish(self, names: Sequence[str], **extra: str) -> dict[str, int]:
        """Write manifest and `data.yaml`; returns the pictures per `<part>/<source>`."""
        (self.out / "manifest.json").write_text(json.dumps(self._rows, indent=1), encoding="utf-8")
        write_data_yaml(self.out, names, **extra)
        counts: dict[str, int] = {}
        for row in self._rows:
            key = f"{row['split']}/{row['source']}"
            counts[key] = counts.get(key, 0) + 1
        return dict(sorted(counts.items()))


def read_picture(path: Path, flag: int = cv2.IMREAD_COLOR) -> Pixels:
    """Read a picture or a mask.

    Raises:
        BadSourceError: It cannot be read.
    """
    image = cv2.imread(str(path), flag)
    if image is None:
        raise BadSourceError(path, "is no readable picture")
    return np.asarray(image, np.uint8)


def shrunk(image: Pixels, side_px: int = SIDE_PX, *, how: int = cv2.INTER_AREA) -> Pixels:
    """Return the picture with its longer side at most `side_px`."""
    gain = side_px / max(image.shape[:2])
    return image if gain >= 1 else np.asarray(cv2.resize(image, None, fx=gain, fy=gain, interpolation=how), np.uint8)


def window(image: Pixels, key: str, things: Ingredients, side_px: int = SIDE_PX) -> tuple[slice, slice]:
    """Draw a square window of a picture (the whole where it is smaller)."""
    room = np.maximum(np.array(image.shape[:2]) - side_px, 0)
    top, left = (int(things.draw(f"{key}:{axis}") * room[i]) for i, axis in enumerate("yx"))
    return slice(top, top + side_px), slice(left, left + side_px)


def ground_of_flights(things: Ingredients, windows: int) -> Iterator[tuple[str, str, Pixels]]:
    """Yield name, source and pixels of dry ground: every photo of a flight's first part whole, and windows of it."""
    for folder in things.flights:
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in {".jpg", ".jpeg"})
        source = folder.resolve().parent.name
        for path in paths[: round(len(paths) * SHARE_OF_FLIGHT)]:
            image = read_picture(path)
            yield f"dry_{source}_{path.stem}_whole.jpg", source, shrunk(image)
            for i in range(windows):
                yield f"dry_{source}_{path.stem}_{i}.jpg", source, image[window(image, f"{path.stem}{i}", things)]


def finished_scenes(scenes: Path, part: str) -> list[str]:
    """Return the names, without suffix, of the scenes that are rendered completely."""
    return sorted(path.stem for path in (scenes / part / "meta").glob("*.json"))


def entries_of(things: Ingredients, kind: str) -> list[Entry]:
    """The pictures of a prepared set that are taken."""
    return [entry for entry in read_manifest(things.prepared / kind) if things.takes(entry)]
