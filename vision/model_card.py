"""What a model says of itself: `models/<name>/card.yaml`, machine-readable keys first, prose for people after them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from vision.errors import InvalidValueError, ModelError

Task = Literal["detect", "segment", "semantic"]

CARD_FILE = "card.yaml"
MODEL_FILE = "model.onnx"
DEFAULT_THRESHOLDS: Mapping[Task, float] = {"detect": 0.25, "segment": 0.25, "semantic": 0.5}

_REMEDY = "restore the folder from the release"


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """The part of a card that the run-time needs.

    Attributes:
        name: The model's name, as its folder's.
        task: `detect` (boxes), `segment` (boxes with an outline each) or `semantic` (a map of classes).
        classes: Label by output index; None for a class to be ignored or for the background.
        input_px: Width and height of the network's input.
        sha256: Of `model.onnx`, lower-case hexadecimal.
        end_to_end: True if the network has suppressed doubles itself and answers rows of (box, confidence, class).
        thresholds: Least confidence by label; a label not named has its task's `DEFAULT_THRESHOLDS`.
        ground_resolution_m: Finest and coarsest metres per pixel at which the model was seen to work; None if unknown.
        smallest_object_m: Size of the smallest thing of each label that matters, overriding `tiling.SMALLEST_OBJECT_M`.
        licence: SPDX expression.

    Raises:
        InvalidValueError: If a value is outside what is said above.
    """

    name: str
    task: Task
    classes: tuple[str | None, ...]
    input_px: tuple[int, int]
    sha256: str
    end_to_end: bool = False
    thresholds: Mapping[str, float] = field(default_factory=dict)
    ground_resolution_m: tuple[float, float] | None = None
    smallest_object_m: Mapping[str, float] = field(default_factory=dict)
    licence: str = ""

    def __post_init__(self) -> None:
        if self.task not in get_args(Task):
            raise InvalidValueError(f"task must be one of {', '.join(get_args(Task))}, not {self.task!r}")
        if not any(self.classes):
            raise InvalidValueError("classes must name at least one label")
        if min(self.input_px) < 32 or max(self.input_px) > 4096:
            raise InvalidValueError(f"input_px must lie between 32 and 4096, not {self.input_px}")
        unknown = set(self.thresholds) - set(self.labels)
        if unknown:
            raise InvalidValueError(f"thresholds name labels that classes do not have: {', '.join(sorted(unknown))}")
        if not all(0 <= value <= 1 for value in self.thresholds.values()):
            raise InvalidValueError("thresholds must lie between 0 and 1")
        span = self.ground_resolution_m
        if span is not None and not 0 < span[0] <= span[1]:
            raise InvalidValueError(f"ground_resolution_m must be [finest, coarsest] in metres, not {list(span)}")

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that the model can answer, each once."""
        return tuple(dict.fromkeys(label for label in self.classes if label))

    def threshold(self, label: str) -> float:
        """Least confidence at which this label is believed."""
        return self.thresholds.get(label, DEFAULT_THRESHOLDS[self.task])


def read_card(model_dir: Path) -> ModelCard:
    """Read a model folder's card.

    Args:
        model_dir: The folder with `card.yaml`.

    Returns:
        The card.

    Raises:
        ModelError: If there is no such card, it is not YAML, or a key is missing or wrong.
    """
    path = model_dir / CARD_FILE
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(path, "is missing", f"name a folder with {CARD_FILE} and {MODEL_FILE}") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ModelError(path, f"cannot be read ({str(error).splitlines()[0]})", _REMEDY) from error
    if not isinstance(content, dict):
        raise ModelError(path, "is not a table of keys", _REMEDY)
    try:
        return _card_of(content)
    except KeyError as error:
        raise ModelError(path, f"lacks the key {error}", _REMEDY) from error
    except (TypeError, ValueError) as error:
        raise ModelError(path, str(error), _REMEDY) from error


def read_model(model_dir: Path) -> tuple[ModelCard, bytes]:
    """Read a model folder's card and network, and check that they belong together.

    Args:
        model_dir: The folder with `card.yaml` and `model.onnx`.

    Returns:
        The card, and the bytes of the ONNX file.

    Raises:
        ModelError: If one is missing or broken, or the SHA-256 in the card is not the network's.
    """
    card = read_card(model_dir)
    path = model_dir / MODEL_FILE
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise ModelError(path, "is missing", _REMEDY) from error
    except OSError as error:
        raise ModelError(path, f"cannot be read ({error.strerror})", "check its permissions") from error
    found = hashlib.sha256(data).hexdigest()
    if found != card.sha256:
        raise ModelError(path, f"has SHA-256 {found[:12]}…, but its card says {card.sha256[:12]}…", _REMEDY)
    return card, data


def _card_of(content: Mapping[str, Any]) -> ModelCard:
    span = content.get("ground_resolution_m")
    width_px, height_px = (int(value) for value in content["input_px"])
    return ModelCard(
        name=str(content["name"]),
        task=content["task"],
        classes=tuple(None if label is None else str(label) for label in content["classes"]),
        input_px=(width_px, height_px),
        sha256=str(content["sha256"]).lower(),
        end_to_end=bool(content.get("end_to_end", False)),
        thresholds={str(label): float(value) for label, value in (content.get("thresholds") or {}).items()},
        ground_resolution_m=None if span is None else (float(span[0]), float(span[1])),
        smallest_object_m={
            str(label): float(value) for label, value in (content.get("smallest_object_m") or {}).items()
        },
        licence=str(content.get("licence", "")),
    )
