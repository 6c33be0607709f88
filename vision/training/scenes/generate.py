"""Renders the pictures of a set in chunks of one site each, and goes on where an earlier run stopped."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray

from vision.detections import LABELS
from vision.training.labels import RelativeBox
from vision.training.scenes.assets import KINDS, PARTS, Part
from vision.training.scenes.blender import Studio
from vision.training.scenes.develop import develop
from vision.training.scenes.errors import BadScenesError
from vision.training.scenes.layout import Site, plan_site
from vision.training.scenes.scenery import FIRST_THING
from vision.training.scenes.truth import Seen, outline, seen_things, water_masks
from vision.training.scenes.views import View, plan_view

VIEWS_PER_SITE = 6
_LEAST_WATER_PX = 40


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be rendered.

    Attributes:
        out: Folder that gets `train/`, `val/` and `test/`.
        grounds: Folder that holds the orthophotos (at any depth).
        counts: Pictures wanted of each part.
        seed: Seed of the whole set.
        size_px: Side of a picture.
        samples: Rays per pixel.
        threads: Threads of the renderer.
        share: Which of how many processes that work on the same set this one is, such as (0, 2).
    """

    out: Path
    grounds: Path
    counts: Mapping[Part, int]
    seed: int
    size_px: int = 640
    samples: int = 1
    threads: int = 1
    share: tuple[int, int] = (0, 1)

    def __post_init__(self) -> None:
        if set(self.counts) - set(PARTS) or any(count < 0 for count in self.counts.values()):
            raise ValueError(f"counts {dict(self.counts)} must name parts of {PARTS}, none below 0")
        if not 0 <= self.share[0] < self.share[1]:
            raise ValueError(f"share {self.share} must be a number and a greater count")


def sites_in_turn(counts: Mapping[Part, int]) -> Iterator[tuple[Part, int]]:
    """Yield part and number of every site, so that at any time each part has about its share of what is done."""
    wanted = {part: -(-counts.get(part, 0) // VIEWS_PER_SITE) for part in PARTS}
    done = dict.fromkeys(PARTS, 0)
    for _ in range(sum(wanted.values())):
        part = min((p for p in PARTS if done[p] < wanted[p]), key=lambda p: (done[p] / wanted[p], PARTS.index(p)))
        yield part, done[part]
        done[part] += 1


def name_of(part: Part, number: int) -> str:
    """Return a picture's name without its ending."""
    return f"scene_{part}_{number:05d}"


def render(order: Order, told: Callable[[int, int], None] = lambda done, all_of: None) -> dict[str, Any]:
    """Render what is missing.

    Args:
        order: What is wanted.
        told: Called with the number of pictures that are there and of those wanted, after each.

    Returns:
        How many pictures were rendered, and the seconds of wall clock and of this process per picture.

    Raises:
        NoBlenderError: Blender is not installed.
        BadScenesError: `out` holds a set of another seed or size.
        BadSourceError: `grounds` lacks the orthophotos.
    """
    _claim(order)
    studios: dict[Part, Studio] = {}
    done, made = 0, 0
    began, spent = time.monotonic(), time.process_time()
    total = sum(order.counts.values())
    for turn, (part, site_number) in enumerate(sites_in_turn(order.counts)):
        first = site_number * VIEWS_PER_SITE
        numbers = range(first, min(first + VIEWS_PER_SITE, order.counts[part]))
        missing = [n for n in numbers if not _meta(order.out, part, n).is_file()]
        done += len(numbers) - len(missing)
        if not missing or turn % order.share[1] != order.share[0]:
            continue
        if part not in studios:
            studios = {
                part: Studio(part, order.grounds, size_px=order.size_px, samples=order.samples, threads=order.threads)
            }
        site = plan_site(order.seed, part, site_number)
        studios[part].build(site)
        for number in missing:
            view = plan_view(order.seed, part, number, site, order.size_px)
            light, depth, index = studios[part].photograph(view)
            water = np.logical_or(*water_masks(site, index))
            write(order, part, number, site_number, site, view, develop(light, depth, water, view), index)
            done, made = done + 1, made + 1
            told(done, total)
    return {
        "rendered": made,
        "seconds": round((time.monotonic() - began) / max(made, 1), 2),
        "cpu_seconds": round((time.process_time() - spent) / max(made, 1), 2),
    }


def _claim(order: Order) -> None:
    path = order.out / "scenes.json"
    facts = {"format": 1, "seed": order.seed, "size_px": order.size_px, "samples": order.samples}
    if path.is_file() and json.loads(path.read_text(encoding="utf-8")) != facts:
        raise BadScenesError(path, "the folder holds scenes of another seed, size or sampling; name another with --out")
    for part in PARTS:
        for folder in ("images", "labels", "masks", "meta"):
            (order.out / part / folder).mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    # A data set like any other: `flyonce evaluate` and `flyonce train` read it as it is.
    places: dict[str, str] = {part: f"{part}/images" for part in PARTS}
    _write_yaml(order.out / "data.yaml", {"path": ".", **places, "names": list(LABELS)})
    card = {"name": "scenes", "viewpoint": "rendered", "labelled": list(LABELS), "licence": "AGPL-3.0-or-later"}
    for part in PARTS:
        _write_yaml(order.out / part / "card.yaml", {**card, "seed": order.seed, "part": part})


def _write_yaml(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(yaml.safe_dump(dict(content), sort_keys=False), encoding="utf-8")


def _meta(out: Path, part: Part, number: int) -> Path:
    return out / part / "meta" / f"{name_of(part, number)}.json"


def label_lines(seen: list[Seen], water: NDArray[np.bool_]) -> list[str]:
    """Return the YOLO lines: boxes of things, polygons of water."""
    size = water.shape[0]
    lines = []
    for one in seen:
        if one.labelled and one.label is not None:
            left, top, right, bottom = (side / size for side in one.box_xyxy_px)
            lines.append(RelativeBox(label=one.label, left=left, top=top, right=right, bottom=bottom).line(LABELS))
    marks = cv2.connectedComponents(water.astype(np.uint8))[1]
    for number in range(1, int(marks.max()) + 1):
        ring = outline(marks == number)
        if len(ring) >= 3 and (marks == number).sum() >= _LEAST_WATER_PX:
            numbers = " ".join(f"{(v + 0.5) / size:.5f}" for v in ring.ravel())
            lines.append(f"{LABELS.index('standing_water')} {numbers}")
    return lines


def write(
    order: Order, part: Part, number: int, site_number: int, site: Site, view: View, picture: NDArray[np.uint8],
    index: NDArray[np.int32],
) -> None:  # fmt: skip
    """Write one picture with labels, mask and manifest; the manifest comes last and says that the rest is there."""
    folder, name = order.out / part, name_of(part, number)
    seen = seen_things(site, view, part, index)
    reservoir, puddles = water_masks(site, index)
    quality = int(np.random.default_rng([view.seed, 9]).integers(72, 96))
    cv2.imwrite(str(folder / "images" / f"{name}.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    cv2.imwrite(str(folder / "masks" / f"{name}.png"), (reservoir | puddles).astype(np.uint8) * 255)
    lines = label_lines(seen, reservoir | puddles)
    (folder / "labels" / f"{name}.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    content = {
        "picture": f"{name}.jpg",
        "part": part,
        "number": number,
        "seed": order.seed,
        "site": _site_facts(site, site_number),
        "view": _view_facts(view),
        "water": {
            "reservoir_px": int(reservoir.sum()),
            "puddle_px": int(puddles.sum()),
            "puddles": [
                {"brown": laid.puddle.brown, "px": int((index == FIRST_THING + len(site.things) + i).sum())}
                for i, laid in enumerate(site.puddles)
            ],
        },
        "objects": [one.record() for one in seen if one.label is not None],
        "lookalikes": [one.record() for one in seen if one.label is None],
    }
    path = _meta(order.out, part, number)
    scratch = path.with_suffix(".part")
    scratch.write_text(json.dumps(content), encoding="utf-8")
    scratch.replace(path)


def _site_facts(site: Site, number: int) -> dict[str, Any]:
    terrain, road = site.terrain, site.terrain.road
    return {
        "number": number,
        "kind": site.kind,
        "bank": terrain.bank,
        "road": None if road is None else road.surface,
        "ground": round(site.ground, 4),
        "things": len(site.things),
        "anglers": sum(thing.angler is True for thing in site.things),
        "other_persons": sum(thing.angler is False for thing in site.things),
        "lookalikes": sum(KINDS[thing.kind].label is None for thing in site.things),
    }


def _view_facts(view: View) -> dict[str, Any]:
    pose, lens, weather = view.pose, view.lens, view.weather
    return {
        "camera_xyz_m": [round(v, 3) for v in pose.at_m],
        "heading_deg": round(pose.heading_deg, 3),
        "pitch_deg": round(pose.pitch_deg, 3),
        "roll_deg": round(pose.roll_deg, 3),
        "focal_px": round(lens.focal_px, 2),
        "window_offset_px": [round(v, 2) for v in lens.offset_px],
        "fov_deg": round(view.fov_deg, 2),
        "size_px": lens.size_px,
        "sun_azimuth_deg": round(weather.sun_azimuth_deg, 1),
        "sun_elevation_deg": round(weather.sun_elevation_deg, 1),
        "sun": round(weather.sun, 3),
        "sky": round(weather.sky, 3),
        "haze_per_m": round(weather.haze_per_m, 5),
    }
