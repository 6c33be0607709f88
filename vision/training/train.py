"""Training runs: fine-tuning from COCO weights, on a CPU small enough for an evening; a stopped run can be resumed."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vision.training.checkpoints import open_checkpoint
from vision.training.errors import BadDeviceError, ExtraMissingError, ResumeError
from vision.training.kept_knowledge import read_judged, remembering_loss
from vision.training.overlap_loss import surface_loss
from vision.training.saved import forget, keep, restore
from vision.training.torchvision_ops import ensure_torchvision_ops

UltralyticsModel = Any
UltralyticsTrainer = Any

RUN_FILE = "run.json"
TEACHER = "teacher.pt"
START = "start.pt"
BEST = "weights/best.pt"

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
        degrees: Greatest turn either way; 15 for turned pictures and 0 for others if None.
        perspective: Greatest tilt of the picture plane, 0..0.001.
        seed: Of everything that is drawn by lot.
        device: `cpu`, or the number of a GPU.
        overlap: Weight of a term for the overlap (IoU) of surfaces in the loss, see `overlap_loss`; water only, 0
            leaves it out.
        bfloat16: Whether the network is run in 16 bits while it trains, the weights and the loss staying in 32; water
            only. On processors with AMX a step takes a third of the time; on others it may take longer.
    """

    epochs: int
    input_px: int = 640
    batch: int = 16
    learning_rate: float = 1e-3
    threads: int = 2
    mosaic: float = 0.5
    turned: bool = False
    freeze: int = 0
    degrees: float | None = None
    perspective: float = 0.0
    seed: int = 7
    device: str = "cpu"
    overlap: float = 0.0
    bfloat16: bool = False

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 1 or self.threads < 1:
            raise ValueError("epochs, batch and threads must be at least 1")
        if self.input_px % 32 or self.input_px < 32:
            raise ValueError(f"input_px must be a multiple of 32, not {self.input_px}")
        if self.learning_rate <= 0 or not 0 <= self.mosaic <= 1:
            raise ValueError("learning_rate must be positive and mosaic within 0..1")
        if not 0 <= (self.degrees or 0) <= 180 or not 0 <= self.perspective <= 0.001:
            raise ValueError("degrees must be within 0..180 and perspective within 0..0.001")
        if not 0 <= self.overlap <= 100:
            raise ValueError(f"overlap must be within 0..100, not {self.overlap}")

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
            "warmup_bias_lr": self.learning_rate,  # a higher one, as is usual, would undo what the biases know
            "mosaic": self.mosaic,
            "close_mosaic": 1 if self.epochs > 2 else 0,
            "flipud": 0.5 if self.turned else 0.0,
            "degrees": (15.0 if self.turned else 0.0) if self.degrees is None else self.degrees,
            "perspective": self.perspective,
            "freeze": self.freeze or None,
            "seed": self.seed,
            "device": self.device,
        }


@dataclass(frozen=True, kw_only=True)
class Step:
    """How far a run is.

    Attributes:
        epoch: The epoch it is in, from 1.
        epochs: Epochs of the run.
        step: Steps done, over all epochs.
        steps: Steps of the run.
        losses: The running losses by name.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    losses: dict[str, float]


Watch = Callable[[Step], None]


def prepare_environment(threads: int, *, quiet: bool = False) -> None:
    """Set up ultralytics for work without a network; call it before ultralytics is imported first.

    Args:
        threads: CPU threads.
        quiet: Keep ultralytics' own words and bars off the terminal.

    Raises:
        ExtraMissingError: If the extra `train` is not installed.
    """
    os.environ.setdefault("YOLO_OFFLINE", "true")
    os.environ.setdefault("YOLO_AUTOINSTALL", "false")
    if quiet:
        os.environ.setdefault("YOLO_VERBOSE", "false")
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    # threads that spin while they wait made a step five times slower on a machine that others use too
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        ensure_torchvision_ops()
        import torch
        import ultralytics  # noqa: F401 - a clear word now instead of a failure in the middle
    except ImportError as error:
        raise ExtraMissingError(error.name or str(error)) from error
    torch.set_num_threads(threads)


def _run(
    model: UltralyticsModel, data_yaml: Path, out: Path, recipe: Recipe, *, resume: Path | None, watch: Watch | None
) -> Path:
    """Train and return the checkpoint that was best on val (the running mean of the weights)."""
    import torch

    def keep_threads(_trainer: UltralyticsTrainer) -> None:
        torch.set_num_threads(recipe.threads)

    def keep_epoch(trainer: UltralyticsTrainer) -> None:
        keep(out, trainer.epoch + 1)

    model.add_callback("on_train_start", keep_threads)
    if model.task == "semantic" and (recipe.overlap or recipe.bfloat16):
        _mind_overlap(model, recipe.overlap)
    on_cpu = recipe.device == "cpu"
    if recipe.bfloat16 and on_cpu:
        model.add_callback("on_train_start", _run_in_bfloat16)
    model.add_callback("on_model_save", keep_epoch)
    if (out / TEACHER).is_file():
        _add_teacher(model, out / TEACHER, data_yaml.parent)
    if watch is not None:
        _add_watch(model, watch)
    model.train(
        data=str(data_yaml),
        project=str(out.parent.resolve()),
        name=out.name,
        exist_ok=True,
        plots=False,
        amp="bf16" if recipe.bfloat16 and not on_cpu else False,
        workers=1,
        val=True,
        patience=0,
        verbose=watch is None,
        **({"resume": str(resume)} if resume else {}),
        **recipe.options(),
    )
    note_run(out, finished=True)
    forget(out)
    return out / BEST


def _add_teacher(model: UltralyticsModel, teacher: Path, data: Path) -> None:
    """Let the teacher answer for what nobody labelled; see `kept_knowledge`."""
    judged = read_judged(data)

    def begin(trainer: UltralyticsTrainer) -> None:
        network = open_checkpoint(teacher).model.float().eval().to(trainer.device)
        trainer.model.criterion = remembering_loss(trainer.model, network, judged)

    model.add_callback("on_train_start", begin)


def _mind_overlap(model: UltralyticsModel, weight: float) -> None:
    def begin(trainer: UltralyticsTrainer) -> None:
        for network in (trainer.model, trainer.ema.ema):  # the second is the mean that val is measured with
            network.criterion = surface_loss(network, weight)

    model.add_callback("on_train_start", begin)


def _run_in_bfloat16(trainer: UltralyticsTrainer) -> None:
    """Let the forward pass be cast on a CPU; ultralytics itself offers that on GPUs only."""
    import torch

    trainer.amp = True
    trainer.model.to(memory_format=torch.channels_last)


def _add_watch(model: UltralyticsModel, watch: Watch) -> None:
    done = {"steps": 0}

    def begin(trainer: UltralyticsTrainer) -> None:
        done["steps"] = trainer.start_epoch * len(trainer.train_loader)

    def step(trainer: UltralyticsTrainer) -> None:
        done["steps"] += 1
        items = trainer.tloss if trainer.tloss is not None else []
        values = items.values() if isinstance(items, dict) else items
        watch(
            Step(
                epoch=trainer.epoch + 1,
                epochs=trainer.epochs,
                step=done["steps"],
                steps=trainer.epochs * len(trainer.train_loader),
                losses={name: float(value) for name, value in zip(trainer.loss_names, values, strict=False)},
            )
        )

    model.add_callback("on_train_start", begin)
    model.add_callback("on_train_batch_end", step)


def note_run(out: Path, **facts: Any) -> None:  # noqa: ANN401 - what JSON can hold
    """Keep what a run is, for resuming it and for the card."""
    path = out / RUN_FILE
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    path.write_text(json.dumps({**known, **facts}, indent=1), encoding="utf-8")


def run_facts(out: Path) -> dict[str, Any]:
    """Read what a run's folder says of itself: `model`, `data`, `recipe`, `finished`.

    Raises:
        ResumeError: There is no run in it.
    """
    path = out / RUN_FILE
    if not path.is_file():
        raise ResumeError(out, f"holds no run ({RUN_FILE} is missing)")
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ResumeError(out, f"holds a run whose {RUN_FILE} is damaged") from error
    if not isinstance(facts, dict):
        raise ResumeError(out, f"holds a run whose {RUN_FILE} is damaged")
    return facts


def train_objects(
    objects: Path,
    weights: Path | None,
    out: Path,
    recipe: Recipe,
    *,
    teacher: Path | None = None,
    resume: bool = False,
    watch: Watch | None = None,
) -> Path:
    """Fine-tune a detector.

    Args:
        objects: A folder with `data.yaml`, as `prepare` wrote it.
        weights: COCO weights, or the checkpoint of an earlier run; not needed to resume.
        out: Folder of this run; logs and checkpoints go there.
        recipe: Length and size.
        teacher: COCO weights that answer for what nobody labelled; the folder then holds `judged.json`. Mosaic must be
            off: four pictures in one are not labelled alike.
        resume: Go on from the run's last checkpoint, or from the beginning where it has none yet.
        watch: Told of every step.

    Returns:
        The checkpoint that was best on the val part.

    Raises:
        ExtraMissingError: If the extra `train` is not installed.
        ResumeError: There is nothing to resume.
    """
    return _train("objects", objects, weights, out, recipe, resume=resume, watch=watch, teacher=teacher)


def train_water(
    water: Path,
    weights: Path | None,
    out: Path,
    recipe: Recipe,
    *,
    resume: bool = False,
    watch: Watch | None = None,
) -> Path:
    """Fine-tune a semantic segmentation model (`yolo26n-sem`).

    Args:
        water: A folder with `data.yaml`, as `prepare` wrote it.
        weights: yolo26n detection weights, of which the layers that fit are taken over, or an earlier run's checkpoint;
            not needed to resume.
        out: Folder of this run.
        recipe: Length and size.
        resume: Go on from the run's last checkpoint, or from the beginning where it has none yet.
        watch: Told of every step.

    Returns:
        The checkpoint that was best on the val part.

    Raises:
        ExtraMissingError: If the extra `train` is not installed.
        ResumeError: There is nothing to resume.
    """
    return _train("water", water, weights, out, recipe, resume=resume, watch=watch)


def _train(
    task: str,
    data: Path,
    weights: Path | None,
    out: Path,
    recipe: Recipe,
    *,
    resume: bool,
    watch: Watch | None,
    teacher: Path | None = None,
) -> Path:
    if teacher is not None and recipe.mosaic:
        raise ValueError("with a teacher, mosaic must be 0")
    prepare_environment(recipe.threads, quiet=watch is not None)
    if resume and run_facts(out).get("finished"):
        raise ResumeError(out, "is finished, there is nothing to resume")
    _check_device(recipe.device)
    last = restore(out) if resume else None
    if last is None:
        for given in (weights, teacher):
            if given is not None:
                open_checkpoint(given)  # before anything is written
        _begin(task, data, weights or out / START, out, recipe)
        if teacher is not None:
            shutil.copyfile(teacher, out / TEACHER)
    model = _start(task, last or out / START)
    return _run(model, data / "data.yaml", out, recipe, resume=last, watch=watch)


def _check_device(device: str) -> None:
    from ultralytics.utils.torch_utils import select_device

    try:
        select_device(device, verbose=False)
    except ValueError as error:
        raise BadDeviceError(device) from error


def _begin(task: str, data: Path, weights: Path, out: Path, recipe: Recipe) -> None:
    if not weights.is_file():
        raise ResumeError(out, f"needs weights to begin with; {weights} is not there")
    out.mkdir(parents=True, exist_ok=True)
    start = out / START
    if weights.resolve() != start.resolve():  # the given folder may be read-only, and ultralytics writes beside weights
        shutil.copyfile(weights, start)
    note_run(
        out,
        model=task,
        data=str(data.resolve()),
        weights=weights.name,
        recipe=asdict(recipe),
        began=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        finished=False,
    )


def _start(task: str, checkpoint: Path) -> UltralyticsModel:
    from ultralytics import YOLO

    loaded = open_checkpoint(checkpoint)
    if task == "water":
        return loaded if loaded.task == "semantic" else YOLO("yolo26n-sem.yaml").load(str(checkpoint))
    loaded.model.names = {i: _RENAMED.get(name, name) for i, name in loaded.model.names.items()}
    return loaded
