"""A card's figures: the headline in `card.yaml`, for reading; every table in `figures.yaml`, for looking up."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

FIGURES_FILE = "figures.yaml"

Table = dict[str, Any]

_OF_ALL = ("pictures", "map50", "map50_95", "iou", "f1", "precision", "recall", "mean_picture_iou", "dry_pictures",
           "dry_pictures_with_alarm", "dry_share_found")  # fmt: skip
_OF_A_LABEL = ("truths", "ap50", "ap50_95", "precision", "recall", "false_alarms")
_OF_A_VIEW = ("pictures", "map50", "iou", "precision", "recall", "dry_pictures", "dry_share_found")


def headline(block: Mapping[str, Any] | None) -> Table | None:
    """Return what a reader looks for first: all, per label, by viewpoint and by size.

    Args:
        block: The figures of boxes or of water over one kind of picture, as `vision.training.scores` lays them out;
            None for none.
    """
    if block is None:
        return None
    told = _kept(block, _OF_ALL)
    if "labels" in block:
        told["labels"] = {label: _kept(table, _OF_A_LABEL) for label, table in block["labels"].items()}
    for way in ("by_viewpoint",) if "labels" in block else ("by_viewpoint", "by_source"):
        told[way] = {name: _kept(table, _OF_A_VIEW) | _ap50(table) for name, table in block.get(way, {}).items()}
    sizes = {name: _kept(table, ("map50",)) | _ap50(table) for name, table in block.get("by_size", {}).items()}
    if sizes:
        told["by_size"] = {name: table for name, table in sizes.items() if table}
    return told


def write_figures_file(model_dir: Path, figures: Mapping[str, Any]) -> None:
    """Write `figures.yaml` into a model folder."""
    text = yaml.safe_dump(dict(figures), sort_keys=False, allow_unicode=True, width=120)
    (model_dir / FIGURES_FILE).write_text(text, encoding="utf-8")


def _kept(table: Mapping[str, Any], keys: tuple[str, ...]) -> Table:
    return {key: table[key] for key in keys if table.get(key) is not None}


def _ap50(table: Mapping[str, Any]) -> Table:
    values = {label: of_label.get("ap50") for label, of_label in table.get("labels", {}).items()}
    known = {label: value for label, value in values.items() if value is not None}
    return {"ap50": known} if known else {}
