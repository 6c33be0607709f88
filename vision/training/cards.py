"""Writing `card.yaml`: what a model is, what it was made of, how good it was measured to be, what it is not for."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml

from vision.training.dry_ground import dry_pictures
from vision.training.labels import OBJECT_LABELS
from vision.training.prepare import read_manifest

LICENCE = "AGPL-3.0-or-later"

_WIDTH = 120

_STREET = {
    "name": "street_garbage_cn",
    "what": "1,116 ground-level street photos, China; labels waste, waste_bin, overflowing_bin",
    "view": "ground level, none from the air",
    "licence": "stated CC BY 4.0; the pictures are of mixed origin, so they are used for training and not shown",
}
_LAKE = {
    "name": "aerial_maritime_lake",
    "what": "233 pictures of one drone flight over one lake shore; labels boat, dock_or_lift, vehicle",
    "view": "nadir, about 120 m",
    "licence": "MIT",
}
_FLOOD = {
    "name": "flood_area_kaggle",
    "what": "223 aerial flood pictures with hand-drawn water masks; rivers and the sea count as water",
    "view": "mostly oblique, few nadir; every picture contains water",
    "licence": "unproven (pictures from the web): used for training, not shown",
}
_DRY = {
    "name": "street_garbage_cn",
    "what": "half of the street photos, taken as ground without water (nobody looked for puddles in them)",
    "view": "ground level",
    "licence": _STREET["licence"],
}
_LAKE_WATER = {
    "name": "aerial_maritime_lake",
    "what": "about a hundred pictures of the lake; water as an earlier model of ours drew it, looked over by eye",
    "view": "nadir, about 120 m",
    "licence": "MIT",
}
_SYNTHETIC = {
    "name": "synthetic",
    "what": (
        "composed nadir pictures: rendered heaps, puddles, anglers and persons on real orthophotos, lake pictures and "
        "painted ground"
    ),
    "view": "nadir, 3-6 cm per pixel; rendered, not photographed",
    "licence": "our own; ground from the deepforest package's pictures and the lake set (both MIT)",
}
_BUILDING_SITE = {
    "name": "caliterra_gps",
    "what": "the first 70 % of one flight over a dry building site, as ground without water; the rest stayed unseen",
    "view": "nadir",
    "licence": "CC0 1.0",
}
_DUNES = {
    "name": "copr_kap_gcp",
    "what": "the first 70 % of one kite flight over dry dunes, as ground without water; the rest stayed unseen",
    "view": "nadir",
    "licence": "CC BY-SA 4.0",
}
_FLOOD_VIEWS = {
    "name": "flood_area_kaggle",
    "what": "training part of the flood pictures; what is in them, only the COCO weights said",
    "view": "mostly oblique",
    "licence": _FLOOD["licence"],
}
_SCENES = {
    "name": "scenes",
    "what": "Blender scenes of banks, roads and yards with persons, anglers, boats, vehicles, heaps and puddles",
    "view": "nadir to oblique, 20-150 m; rendered, not photographed",
    "licence": "our own; a part of the ground from the deepforest package's pictures (MIT)",
}
_SPLITS = (
    "by a hash of the group: near-duplicates, and a lake tile with its whole photo and its neighbours in the flight "
    "(blocks of five photo numbers), lie on one side. Distorted copies of street photos only train. val chose epochs "
    "and thresholds; test was only measured. Neighbouring blocks of the lake flight may still show the same shore. "
    "Composed pictures are measured on sprite looks and orthophotos that trained nowhere, which val and test share; "
    "about a seventh of them lie on lake pictures that trained."
)

_PROSE: Mapping[str, Mapping[str, Any]] = {
    "objects": {
        "what": "Finds things in pictures from above and, weaker, in street pictures.",
        "start": "yolo11n with COCO weights restored from public int8 exports (not the official ones)",
        "training_data": [_STREET, _LAKE, _FLOOD_VIEWS, _BUILDING_SITE, _SYNTHETIC, _SCENES],
        "pseudo_labels": (
            "Where people did not look for persons, vehicles or boats, the restored COCO weights answered for them on "
            "the same input, and their probabilities were the target. The first runs took their boxes at confidence "
            "0.35 instead. Neither served any figure under metrics."
        ),
        "not_for": [
            "any claim about waste, bins, persons or fishing gear in real pictures from above: no labelled real aerial "
            "picture of these was at hand, only rendered ones",
            "vehicles from above: only eighteen labelled ones trained, and most are missed",
            "boats and docks away from water: pipes and slabs on a building site are called so",
            "bins from above: they are only known from street level",
            "searching for people in distress, or any decision about a person without a human looking at the picture",
            "oblique pictures, thermal pictures, night, snow: not measured",
        ],
    },
    "water": {
        "what": "Outlines water surfaces: floods, puddles, also permanent water (which zones must tell apart).",
        "start": (
            "yolo26n-sem, its backbone from yolo26n COCO weights restored from public int8 exports "
            "(not the official ones)"
        ),
        "training_data": [_FLOOD, _DRY, _LAKE_WATER, _BUILDING_SITE, _DUNES, _SYNTHETIC, _SCENES],
        "not_for": [
            "telling flood water from permanent water: the labels do not",
            "car parks, roads and shadows without a look at the picture: false surfaces still occur there "
            "(unlabelled_flights: the unseen end of the dry flight that trained, and a beach park beside a real lake)",
            "depth, flow or passability of water",
            "small puddles in real pictures from straight above: only rendered ones were at hand",
            "measured areas without a check: masks are coarse at house scale",
        ],
    },
}


def sha256_of(path: Path) -> str:
    """Return the lower-case hexadecimal SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def card(
    task: Literal["objects", "water"],
    model_dir: Path,
    *,
    input_px: int,
    thresholds: Mapping[str, float],
    training: Mapping[str, Any],
    metrics: Mapping[str, Any],
) -> dict[str, Any]:
    """Compose a card; the keys that the run-time reads come first.

    Args:
        task: Which model.
        model_dir: Folder that holds `model.onnx`.
        input_px: Side of the input.
        thresholds: Least confidence per label.
        training: Facts of the run: pictures, epochs, size.
        metrics: Held-out figures.
    """
    prose = _PROSE[task]
    used = {key.split("/")[1] for key in training.get("pictures", {})}
    data = [entry for entry in prose["training_data"] if entry["name"] in used]
    return {
        "name": task,
        "task": "detect" if task == "objects" else "semantic",
        "classes": list(OBJECT_LABELS) if task == "objects" else ["standing_water"],
        "input_px": [input_px, input_px],
        "sha256": sha256_of(model_dir / "model.onnx"),
        "end_to_end": False,
        **({} if task == "objects" else {"output": "probabilities"}),
        "thresholds": dict(thresholds),
        "ground_resolution_m": [0.03, 0.06] if "synthetic" in used else None,
        "licence": LICENCE,
        "what": prose["what"],
        "start": prose["start"],
        "training_data": data,
        **({"pseudo_labels": prose["pseudo_labels"]} if "pseudo_labels" in prose else {}),
        "splits": _SPLITS,
        "training": dict(training),
        "metrics": dict(metrics),
        "not_for": list(prose["not_for"]),
    }


def card_of_run(facts: Mapping[str, Any], model_dir: Path, *, input_px: int, difference: float) -> dict[str, Any]:
    """Compose the card of a user's own run; it claims no figure, for none was measured yet.

    Args:
        facts: What the run's folder says of itself.
        model_dir: Folder that holds `model.onnx`.
        input_px: Side of the input.
        difference: Greatest difference between the trained and the exported network.
    """
    water = facts["model"] == "water"
    sources: dict[str, int] = {}
    for key, count in facts["pictures"].items():
        if key.startswith("train/"):
            sources[key.removeprefix("train/")] = count
    return {
        "name": model_dir.name,
        "task": "semantic" if water else "detect",
        "classes": list(facts["names"]),
        "input_px": [input_px, input_px],
        "sha256": sha256_of(model_dir / "model.onnx"),
        "end_to_end": False,
        **({"output": "probabilities"} if water else {}),
        "thresholds": {},
        "ground_resolution_m": None,
        "licence": LICENCE,
        "what": "Trained with `flyonce train`; say here what it is for.",
        "start": f"{facts['weights']}, SHA-256 {facts['weights_sha256']}",
        "training_data": [
            {"name": name, "pictures": count, "view": "see the data set's card", "licence": "see the data set's card"}
            for name, count in sources.items()
        ],
        "training": {"pictures": dict(facts["pictures"]), "recipe": dict(facts["recipe"])},
        "greatest_difference_to_trained": round(difference, 6),
        "metrics": {"not_measured_yet": True},
        "not_for": ["anything before `flyonce evaluate` has measured it on held-out pictures of the same kind"],
    }


def training_facts(folder: Path, note: str) -> dict[str, Any]:
    """Count what a prepared set (`objects/` or `water/`) holds, for the card.

    Args:
        folder: The set.
        note: How the model was trained, in words.
    """
    counts = Counter(f"{entry.split}/{entry.source}" for entry in read_manifest(folder))
    return {"pictures": dict(sorted((counts | dry_pictures(folder)).items())), "how": note}


def read_card_table(model_dir: Path) -> dict[str, Any]:
    """Read `card.yaml` with everything in it, to be written again with new figures."""
    content: dict[str, Any] = yaml.safe_load((model_dir / "card.yaml").read_text(encoding="utf-8"))
    return content


def write_card(model_dir: Path, content: Mapping[str, Any]) -> None:
    """Write `card.yaml` into a model folder."""
    text = yaml.dump(dict(content), Dumper=_CardDumper, sort_keys=False, allow_unicode=True, width=_WIDTH)
    (model_dir / "card.yaml").write_text(text, encoding="utf-8")


class _CardDumper(yaml.SafeDumper):
    """Puts a table of a few short values on one line: a card is read by people."""

    def represent_mapping(
        self,
        tag: str,
        mapping: Any,  # noqa: ANN401 - as in yaml
        flow_style: bool | None = None,
    ) -> yaml.MappingNode:
        plain = all(value is None or isinstance(value, int | float) for value in mapping.values())
        return super().represent_mapping(tag, mapping, flow_style=True if plain and mapping else flow_style)
