"""What a picture was found to show, kept with the evidence: without it a verdict could not become a labelled sample."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

Box = tuple[float, float, float, float]
Ring = tuple[tuple[float, float], ...]

# A box this near to the picture's edge is taken to go on beyond it. `vision.edge` says so with the same figure; this
# package knows nothing of that one, so a test holds the two together.
_NEAR_EDGE_PX = 4.0
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that a model found in a picture.

    Attributes:
        label: What the model called it.
        confidence: 0 to 1.
        box_xyxy_px: Left, top, right, bottom in pixels of the picture as displayed.
        polygon_px: Its outline, at least three corners, x before y; None where the model gives none.
        model: Name of the model; empty where unknown.
        model_sha256: SHA-256 of the model's weights; empty where unknown.
        mine: Whether it is the thing that the case is about.
        believed: Whether it reached the model's threshold.
        threshold: The least confidence at which the model was believed then; None where unknown.
        card_sha256: SHA-256 of the model's card as it was then; empty where unknown.
    """

    label: str
    confidence: float
    box_xyxy_px: Box
    polygon_px: Ring | None = None
    model: str = ""
    model_sha256: str = ""
    mine: bool = False
    believed: bool = True
    threshold: float | None = None
    card_sha256: str = ""

    def __post_init__(self) -> None:
        left, top, right, bottom = self.box_xyxy_px
        if not self.label:
            raise ValueError("a finding needs a label")
        if not 0 <= self.confidence <= 1:
            raise ValueError(f"confidence is 0 to 1, not {self.confidence}")
        if not all(math.isfinite(side) for side in self.box_xyxy_px) or right < left or bottom < top:
            raise ValueError(f"a box is left, top, right, bottom, not {self.box_xyxy_px}")
        if self.polygon_px is not None and len(self.polygon_px) < 3:
            raise ValueError("an outline has three corners or more")
        for name in ("model_sha256", "card_sha256"):
            if getattr(self, name) and not _SHA256.fullmatch(getattr(self, name)):
                raise ValueError(f"{name} is 64 hexadecimal digits")


@dataclass(frozen=True, kw_only=True)
class PictureLook:
    """Everything that was found in one picture, and how large its ground was.

    Attributes:
        size_wh_px: Width and height of the picture as displayed.
        ground_resolution_m: Metres of ground per pixel in the picture's middle; None where unknown.
        findings: What was found, sightings somewhat below the threshold among them.
        shown: How well the picture shows what the case is about, 0 to 1: sharp, large, near the middle; None where
            nobody measured it.
    """

    size_wh_px: tuple[int, int]
    ground_resolution_m: float | None = None
    findings: tuple[Finding, ...] = ()
    shown: float | None = None

    def __post_init__(self) -> None:
        if min(self.size_wh_px) < 1:
            raise ValueError(f"a picture has width and height, not {self.size_wh_px}")
        if self.ground_resolution_m is not None and not 0 < self.ground_resolution_m < math.inf:
            raise ValueError(f"ground_resolution_m must be positive, not {self.ground_resolution_m}")
        if self.shown is not None and not 0 <= self.shown <= 1:
            raise ValueError(f"shown is 0 to 1, not {self.shown}")

    def merit(self) -> float | None:
        """What the picture is worth as evidence, for choosing among pictures: the larger the better.

        Returns:
            The geometric mean of the model's confidence and of how well the thing is shown, less 1 where the picture's
            edge cuts it; None where nothing is marked as it.
        """
        shown = 1.0 if self.shown is None else self.shown
        mine = [
            math.sqrt(finding.confidence * shown) - self._is_cut(finding.box_xyxy_px)
            for finding in self.findings
            if finding.mine
        ]
        return max(mine, default=None)

    def _is_cut(self, box: Box) -> bool:
        left, top, right, bottom = box
        width, height = self.size_wh_px
        return min(left, top, width - right, height - bottom) < _NEAR_EDGE_PX

    def as_json(self) -> dict[str, Any]:
        """The value as it lies in the store; pixels to a tenth."""
        return {
            "size_wh_px": list(self.size_wh_px),
            "ground_resolution_m": self.ground_resolution_m,
            "findings": [_finding_as_json(finding) for finding in self.findings],
            "shown": None if self.shown is None else round(self.shown, 3),
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """The value as `as_json` wrote it."""
        width, height = raw["size_wh_px"]
        return cls(
            size_wh_px=(width, height),
            ground_resolution_m=raw["ground_resolution_m"],
            findings=tuple(_finding_of(entry) for entry in raw["findings"]),
            shown=raw.get("shown"),  # evidence of earlier versions does not tell
        )


def _finding_as_json(finding: Finding) -> dict[str, Any]:
    outline = finding.polygon_px
    # What nobody told is left out: most of what a busy city keeps is findings.
    told = {"threshold": finding.threshold, "card_sha256": finding.card_sha256 or None}
    return {
        "label": finding.label,
        "confidence": round(finding.confidence, 4),
        "box_xyxy_px": [round(side, 1) for side in finding.box_xyxy_px],
        "polygon_px": None if outline is None else [[round(x, 1), round(y, 1)] for x, y in outline],
        "model": finding.model,
        "model_sha256": finding.model_sha256,
        "mine": finding.mine,
        "believed": finding.believed,
        **{name: value for name, value in told.items() if value is not None},
    }


def _finding_of(raw: Mapping[str, Any]) -> Finding:
    left, top, right, bottom = raw["box_xyxy_px"]
    outline = raw["polygon_px"]
    return Finding(
        **{
            **raw,
            "box_xyxy_px": (left, top, right, bottom),
            "polygon_px": None if outline is None else tuple((x, y) for x, y in outline),
        }
    )
