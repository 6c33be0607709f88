"""The two torchvision operators that ultralytics needs, where torchvision's own C++ ones cannot be loaded.

`torchvision` as it comes from PyPI beside a CPU build of torch fails on import with `operator torchvision::nms does not
exist`. Defining `nms` and `qnms` before its first import is enough for predicting, training, validating and exporting.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vision.boxes import iou_matrix

if TYPE_CHECKING:
    from numpy.typing import NDArray

Tensor = Any
"""A torch tensor; torch is not there where types are checked."""

_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
_libraries: list[Any] = []  # torch drops an operator when its Library object is collected


def kept_boxes(boxes_xyxy: NDArray[np.float32], scores: NDArray[np.float32], iou_threshold: float) -> NDArray[np.int64]:
    """Greedy non-maximum suppression.

    Args:
        boxes_xyxy: `(n, 4)`, left, top, right, bottom.
        scores: `(n,)`.
        iou_threshold: A box that overlaps a better one by more than this, 0..1, is dropped.

    Returns:
        Indices of the kept boxes, best first.
    """
    order = np.argsort(-scores, kind="stable")
    boxes = boxes_xyxy[order]
    alive = np.ones(len(order), bool)
    for i in range(len(order)):
        if not alive[i]:
            continue
        rest = np.flatnonzero(alive[i + 1 :]) + i + 1
        alive[rest[iou_matrix(boxes[i], boxes[rest])[0] > iou_threshold]] = False
    return order[alive].astype(np.int64)


def _load_native() -> None:
    """Let torchvision's own operators register, where its library fits the torch at hand."""
    import torch

    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        return
    for library in Path(spec.origin).parent.glob("_C*.so"):
        try:
            torch.ops.load_library(str(library))
        except OSError:  # built against another torch (CUDA beside CPU): the case this module is for
            continue


def ensure_torchvision_ops() -> None:
    """Define `torchvision::nms` and `torchvision::qnms` if, and only if, they do not exist; call before ultralytics."""
    import torch

    _load_native()
    defined = False
    for name in ("nms", "qnms"):
        if hasattr(torch.ops.torchvision, name):
            continue
        library = torch.library.Library("torchvision", "FRAGMENT")
        library.define(f"{name}{_SCHEMA}")

        def run(dets: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
            boxes = dets.detach().float().cpu().numpy()
            kept = kept_boxes(boxes, scores.detach().float().cpu().numpy(), iou_threshold)
            return torch.from_numpy(kept).to(dets.device)

        library.impl(name, run, "CompositeExplicitAutograd")
        _libraries.append(library)
        defined = True
    if defined:
        import torchvision.extension

        # torchvision asks this before each call and knows only of its own library
        torchvision.extension._has_ops = lambda: True
