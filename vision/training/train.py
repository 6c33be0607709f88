"""Training runs: fine-tuning from COCO weights on a CPU, small enough for an evening."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vision.training.torchvision_ops import ensure_torchvision_ops

UltralyticsModel = Any
UltralyticsTrainer = Any

_RENAMED = {"car": "vehicle"}
"""COCO classes whose learnt output row is a good start for a class of ours with another name."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How long and at what size to train.

    Attributes:
        epochs: Passes over the training part, at least 1.
        input_px: Side of the square input, a multiple of 32.
        batch: Pictures per step.
        learning_rate: Of AdamW, at the start; falls along a cosine.
        threads: CPU threads.
        mosaic: Probability of showing four pictures as one, 0..1.
        turned: Whether pictures may be turned and flipped up-down (for pictures from above only).
        freeze: Number of first layers that stay as they are.
    """

    epochs: int
    input_px: int = 640
    batch: int = 16
    learning_rate: float = 1e-3
    threads: int = 2
    mosaic: float = 0.5
    turned: bool = False
    freeze: int = 0

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 1 or self.threads < 1:
            raise ValueError("epochs, batch and threads must be at least 1")
        if self.input_px % 32 or self.input_px < 32:
            raise ValueError(f"input_px must be a multiple of 32, not {self.input_px}")
        if self.learning_rate <= 0 or not 0 <= self.mosaic <= 1:
            raise ValueError("learning_rate must be positive and mosaic within 0..1")

    def options(self) -> dict[str, Any]:
        """Return the options of ultralytics' trainer."""
        return {
            "epochs": self.epochs,
            "imgsz": self.input_px,
            "batch": self.batch,
            "nbs": self.batch,  # no gradient accumulation: the runs are short, steps matter more
            "lr0": self.learning_rate,
            "lrf": 0.05,
            "cos_lr": True,
            "optimizer": "AdamW",
            "weight_decay": 0.0005,
            "warmup_epochs": min(1.0, self.epochs / 4),
            "warmup_bias_lr": 0.01,
            "mosaic": self.mosaic,
            "close_mosaic": 1 if self.epochs > 2 else 0,
            "flipud": 0.5 if self.turned else 0.0,
            "degrees": 15.0 if self.turned else 0.0,
            "freeze": self.freeze or None,
            "seed": 7,
        }


def prepare_environment(threads: int) -> None:
    """Set up ultralytics for work without a network; call it before ultralytics is imported first."""
    os.environ.setdefault("YOLO_OFFLINE", "true")
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    # threads that spin while they wait made a step five times slower on a machine that others use too
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    ensure_torchvision_ops()
    import torch

    torch.set_num_threads(threads)


def _run(model: UltralyticsModel, data_yaml: Path, out: Path, recipe: Recipe) -> Path:
    """Train and return the last checkpoint (the running mean of the weights)."""
    import torch

    def keep_threads(_trainer: UltralyticsTrainer) -> None:
        torch.set_num_threads(recipe.threads)

    model.add_callback("on_train_start", keep_threads)
    model.train(
        data=str(data_yaml),
        project=str(out.parent.resolve()),
        name=out.name,
        exist_ok=True,
        plots=False,
        amp=False,
        device="cpu",
        workers=1,
        val=True,
        patience=0,
        **recipe.options(),
    )
    return out / "weights" / "best.pt"


def train_objects(objects: Path, weights: Path, out: Path, recipe: Recipe) -> Path:
    """Fine-tune a detector.

    Args:
        objects: The `objects` folder that `prepare` wrote.
        weights: COCO weights, or the checkpoint of an earlier run.
        out: Folder of this run; logs and checkpoints go there.
        recipe: Length and size.

    Returns:
        The checkpoint that was best on the val part.
    """
    prepare_environment(recipe.threads)
    from ultralytics import YOLO

    out.mkdir(parents=True, exist_ok=True)
    start = out / "start.pt"
    shutil.copyfile(weights, start)  # the given folder may be read-only, and ultralytics writes beside the weights
    model = YOLO(str(start))
    model.model.names = {i: _RENAMED.get(name, name) for i, name in model.model.names.items()}
    return _run(model, objects / "data.yaml", out, recipe)


def train_water(water: Path, weights: Path, out: Path, recipe: Recipe) -> Path:
    """Fine-tune a semantic segmentation model (`yolo26n-sem`).

    Args:
        water: The `water` folder that `prepare` wrote.
        weights: yolo26n detection weights, of which the layers that fit are taken over, or an earlier run's checkpoint.
        out: Folder of this run.
        recipe: Length and size.

    Returns:
        The checkpoint that was best on the val part.
    """
    prepare_environment(recipe.threads)
    from ultralytics import YOLO

    out.mkdir(parents=True, exist_ok=True)
    start = out / "start.pt"
    shutil.copyfile(weights, start)
    loaded = YOLO(str(start))
    model = loaded if loaded.task == "semantic" else YOLO("yolo26n-sem.yaml").load(str(start))
    return _run(model, water / "data.yaml", out, recipe)
