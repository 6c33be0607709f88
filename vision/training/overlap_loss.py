"""The loss of water surfaces, with a term for what they are measured by: the overlap (IoU) over a whole batch.

Cross entropy weighs every pixel alike, and a smooth overlap is content with pixels that are half right. The convex
extension of the overlap's loss (Lovász hinge: Berman, Triki and Blaschko, CVPR 2018) weighs a wrong pixel by what it
costs at this moment, worst ones first. It pools the batch as the measure pools its pictures: dry ones count as well, by
every pixel of theirs that is called water.
"""

from __future__ import annotations

from typing import Any

Tensor = Any
Network = Any
"""Torch things; torch is not there where types are checked."""

CELL_PX = 4
"""The term looks at one value for 4 x 4 pixels, as the exported network answers; sorting every pixel would take as long
as the network."""
NOT_JUDGED = 255


def overlap_loss(logits: Tensor, water: Tensor) -> Tensor:
    """Return the convex extension of 1 - IoU for a set of pixels.

    Where every logit is beyond the margin of 1 on its right side, it is 0; where they are on the wrong side, it grows
    with their distance.

    Args:
        logits: Shape (pixels,), above 0 for water.
        water: Shape (pixels,), true where there is water.

    Returns:
        A number, at least 0; 0 for no pixels.
    """
    import torch

    if not logits.numel():
        return logits.sum()
    errors = 1 - torch.where(water, logits, -logits)
    errors, order = errors.sort(descending=True)
    truth = water[order].to(logits.dtype)
    found_first = truth.cumsum(0)
    alarms_first = (1 - truth).cumsum(0)
    in_all = truth.sum()
    # what 1 - IoU would be if exactly the worst pixels up to this one were wrong
    lost = 1 - (in_all - found_first) / (in_all + alarms_first)
    steps = torch.cat([lost[:1], lost[1:] - lost[:-1]])
    return torch.relu(errors) @ steps


def surface_loss(model: Network, weight: float) -> Any:  # noqa: ANN401 - a torch module
    """Return ultralytics' loss of surfaces for a network with one class, and the overlap's term added to it.

    Everything is summed in 32 bits, whatever the network was run in.

    Args:
        model: The network in training.
        weight: Of the term; 0 leaves it out.
    """
    import torch
    from ultralytics.utils.loss import SemanticSegmentationLoss

    class SurfaceLoss(SemanticSegmentationLoss):  # type: ignore[misc]  # torch is not there where types are checked
        def forward(self, preds: Any, batch: dict[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:  # noqa: ANN401
            preds = tuple(p.float() for p in preds) if isinstance(preds, tuple) else preds.float()
            total, items = super().forward(preds, batch)
            main = preds[0] if isinstance(preds, tuple) else preds
            term = weight * self._overlap(main, batch["semantic_mask"].to(main.device))
            return total + term * main.shape[0], {**items, "overlap_loss": term.detach()}

        def _overlap(self, logits: Tensor, masks: Tensor) -> Tensor:
            height, width = masks.shape[1:]
            cells = torch.nn.functional.interpolate(
                logits, size=(height // CELL_PX, width // CELL_PX), mode="bilinear", align_corners=False
            )
            middle = CELL_PX // 2
            at_cells = masks[:, middle::CELL_PX, middle::CELL_PX].reshape(-1)
            judged = at_cells != NOT_JUDGED
            return overlap_loss(cells.reshape(-1)[judged], at_cells[judged] == 1)

    return SurfaceLoss(model)
